package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sheaf/internal/hint"
)

// place is what a URL names: a table of a database.
type place struct {
	url    string // as it may be shown
	schema string // "" for the one that the search path of the session gives
	table  string
	config *pgconn.Config
}

// URLError says that a URL does not name a table of a database.
type URLError struct {
	Problem string
	Remedy  string
}

func (e *URLError) Error() string { return e.Problem }

// Hint returns the remedy: see the hint package.
func (e *URLError) Hint() string { return e.Remedy }

const urlGrammar = "write postgres://[user@]host[:port]/database?table=NAME"

// Is reports whether a name is a URL of PostgreSQL and not a folder.
func Is(name string) bool {
	scheme, _, found := strings.Cut(name, "://")
	return found && (strings.EqualFold(scheme, "postgres") || strings.EqualFold(scheme, "postgresql"))
}

// secrets are parameters of a connection that must not be in a URL, which stands in the
// list of processes and in the history of the shell.
var secrets = []string{"password", "sslpassword", "oauth_client_secret"}

// parse reads a URL in the grammar of libpq, with the parameter table besides. Errors
// are *URLError and show no part of the URL but names of parameters.
func parse(name string) (*place, error) {
	u, err := url.Parse(name)
	if err != nil {
		return nil, &URLError{"the URL of the store is malformed", urlGrammar}
	}
	query := u.Query()
	_, given := u.User.Password()
	for _, secret := range secrets {
		given = given || query.Has(secret)
	}
	if given {
		return nil, &URLError{"the URL of the store has a password, which others would see",
			"leave it out, and put it into ~/.pgpass, into PGPASSWORD, or into a service file that PGSERVICE names an entry of"}
	}
	p := &place{url: name, table: query.Get("table")}
	if p.table == "" {
		return nil, &URLError{"the URL of the store names no table", urlGrammar}
	}
	if schema, table, found := strings.Cut(p.table, "."); found {
		p.schema, p.table = schema, table
	}
	if len(p.table) > maxTableName || strings.ContainsRune(p.table+p.schema, 0) {
		return nil, &URLError{fmt.Sprintf("the name of the table is longer than %d bytes", maxTableName), urlGrammar}
	}
	query.Del("table")
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // libpq takes a plus for one
	if p.config, err = pgconn.ParseConfig(u.String()); err != nil {
		return nil, &URLError{"the settings of the connection are wrong: " + problemOf(err, u.String()), urlGrammar}
	}
	if p.config.ConnectTimeout == 0 { // none is set
		p.config.ConnectTimeout = connectTime
	}
	p.config.RuntimeParams["application_name"] = clientName()
	// What is not the same in all sessions must not change what is read.
	p.config.RuntimeParams["extra_float_digits"] = "1"
	p.config.RuntimeParams["bytea_output"] = "hex"
	return p, nil
}

// connectTime is how long each address of a server may take to let a client in, where
// connect_timeout does not say.
const connectTime = 10 * time.Second

// problemOf is what pgconn says of a configuration, without the connection string.
func problemOf(err error, shown string) string {
	var parse *pgconn.ParseConfigError
	if cause := errors.Unwrap(err); errors.As(err, &parse) && cause != nil {
		return cause.Error()
	}
	return strings.ReplaceAll(err.Error(), shown, "URL")
}

// maxTableName leaves room for the names of the other tables and of indexes in
// PostgreSQL's 63 bytes.
const maxTableName = 48

// clientName is what this process is called in the list of the server's sessions, by which
// a writer that finds the store locked names it.
func clientName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	return "sheaf, process " + strconv.Itoa(os.Getpid()) + " on " + host
}

// Same reports whether two URLs name one table, as far as they tell. Other names of one host
// are not found out.
func Same(a, b string) bool {
	p, err1 := parse(a)
	q, err2 := parse(b)
	return err1 == nil && err2 == nil && p.name("") == q.name("") &&
		p.config.Host == q.config.Host && p.config.Port == q.config.Port && p.config.Database == q.config.Database
}

// quote makes a name an identifier of SQL.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// name is an SQL name of one of the store's tables.
func (p *place) name(suffix string) string {
	if p.schema == "" {
		return quote(p.table + suffix)
	}
	return quote(p.schema) + "." + quote(p.table+suffix)
}

// remedied adds what to do about errors of the server that have a usual remedy.
func (p *place) remedied(err error) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.Code {
	case "3D000": // invalid_catalog_name
		return hint.With(err, "make the database with createdb, or name another one")
	case "58P01", "0A000": // the extension's files are missing
		return hint.With(err, "install the extension pgvector on the server")
	}
	return err
}
