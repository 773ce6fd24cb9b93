package cmd

import (
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/postgres/pgtest"
)

// secret is the password of a user, which nothing may show.
const secret = "correct-horse"

// connecting is a script that needs a connection of a certain kind, and what comes of it.
type connecting struct {
	name, script, url, variable string
	code                        int
	says                        string
}

// connect runs scripts. Nothing that one prints has the secret in it.
func connect(t *testing.T, dir string, tests []connecting) {
	t.Helper()
	for _, test := range tests {
		out, err := scripted(t, dir, test.script, "SHEAF_STORE="+test.url, test.variable)
		code := 0
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			code = exit.ExitCode()
		}
		if code != test.code || !strings.Contains(out, test.says) || strings.Contains(out, secret) {
			t.Errorf("%s: exit code %d, want %d, %q: %s", test.name, code, test.code, test.says, out)
		}
	}
}

// passwords makes a folder with files that have the secret in them.
func passwords(t *testing.T) (dir, pgpass, service string) {
	t.Helper()
	dir = t.TempDir()
	pgpass, service = filepath.Join(dir, "pgpass"), filepath.Join(dir, "services")
	writeFile(t, pgpass, "*:*:*:*:"+secret+"\n")
	writeFile(t, service, "[library]\npassword="+secret+"\n")
	if err := os.Chmod(pgpass, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, pgpass, service
}

// TestPostgresTLS: everything works by TLS, and the certificate of a server is checked.
func TestPostgresTLS(t *testing.T) {
	t.Parallel()
	server.Need(t)
	secure, stranger := server.TLS(t), server.TLS(t)
	secure.Run(t, `CREATE ROLE ann SUPERUSER LOGIN PASSWORD '`+secret+`'`)
	dir, pgpass, _ := passwords(t)
	writeFile(t, filepath.Join(dir, "tides.md"), "The moon pulls the sea.")
	trusted := secure.TableOf("ann", "localhost", pgtest.Verified(secure.CA()))
	everything := `sheaf init --json && sheaf ingest --verbose tides.md && sheaf search --json moon && sheaf info && sheaf check`
	connect(t, dir, []connecting{
		{"a password in the environment", everything, trusted, "PGPASSWORD=" + secret, exitOK, "pulls the sea"},
		{"a password in a file", everything, trusted, "PGPASSFILE=" + pgpass, exitOK, "pulls the sea"},
		{"another authority", "sheaf info", secure.TableOf("ann", "localhost", pgtest.Verified(stranger.CA())), "PGPASSWORD=" + secret, exitFailed, "sslrootcert"},
	})
}

// TestPostgresOwnTLS: what a server's own TLS and its rules of who comes in make of a connection. A
// connection that succeeds finds that there is no store.
func TestPostgresOwnTLS(t *testing.T) {
	t.Parallel()
	secure := pgtest.OwnTLS(t)
	secure.Run(t, `CREATE ROLE ann LOGIN PASSWORD '`+secret+`'`)
	dir, pgpass, service := passwords(t)
	strange := filepath.Join(dir, "strange.pem")
	writeFile(t, strange, "no certificate\n")
	verified := pgtest.Verified(secure.CA())
	mode := func(mode string) string { return secure.TableOf("ann", "localhost", url.Values{"sslmode": {mode}}) }
	trusted, bound := secure.TableOf("ann", "localhost", verified), pgtest.Verified(secure.CA())
	bound.Set("channel_binding", "require")
	password := "PGPASSWORD=" + secret
	const info, infoJSON = "sheaf --verbose info", "sheaf --json info"
	connect(t, dir, []connecting{
		{"a password in the environment", info, trusted, password, exitNoStore, "no store here"},
		{"a password in a file", infoJSON, trusted, "PGPASSFILE=" + pgpass, exitNoStore, "no store here"},
		{"a password in a service file", "PGSERVICE=library " + info, trusted, "PGSERVICEFILE=" + service, exitNoStore, "no store here"},
		{"a password that is bound to the certificate", info, secure.TableOf("ann", "localhost", bound), password, exitNoStore, "no store here"},
		{"a certificate that is not checked", info, mode("require"), password, exitNoStore, "no store here"},
		{"what is the default", info, mode("prefer"), password, exitNoStore, "no store here"},
		{"no TLS", info, mode("disable"), password, exitRefused, "no encryption"},
		{"a wrong password", info, trusted, password + "s", exitRefused, "password authentication failed"},
		{"a wrong password, JSON", infoJSON, mode("require"), password + "s", exitRefused, `"code":5`},
		{"a wrong password, default", infoJSON, mode("prefer"), password + "s", exitRefused, "password authentication failed"},
		{"no password", infoJSON, trusted, "PGPASSFILE=/nowhere", exitRefused, "password"},
		{"an authority of the system", info, mode("verify-full"), password, exitFailed, "sslrootcert=FILE"},
		{"another name", info, secure.TableOf("ann", "127.0.0.1", verified), password, exitFailed, "by the name that the certificate has"},
		{"a file that is none", info, secure.TableOf("ann", "localhost", pgtest.Verified(strange)), password, exitUsage, "settings of the connection"},
		{"no such file", info, secure.TableOf("ann", "localhost", pgtest.Verified("/nowhere")), password, exitUsage, "settings of the connection"},
	})
}

// TestPostgresWithoutTLS: a server that has no TLS is not asked where it must have it.
func TestPostgresWithoutTLS(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			_, _ = io.CopyN(io.Discard, c, 8) // asks for TLS
			_, _ = c.Write([]byte("N"))
			c.Close()
		}
	}()
	for _, mode := range []string{"require", "verify-full"} {
		code, _, errs := ran(t, "info", "--store", "postgres://u@"+l.Addr().String()+"/db?table=t&sslmode="+mode)
		if code != exitFailed || !strings.Contains(errs, "refused TLS") || !strings.Contains(errs, "ssl = on") {
			t.Errorf("%s: exit code %d: %s", mode, code, errs)
		}
	}
}

// TestPostgresSilent: who is let in, and then gets no answer, does not wait for ever.
func TestPostgresSilent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts, nobody reads
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	code, _, errs := ran(t, "info", "--store", "postgres://u@"+l.Addr().String()+"/db?table=t&sslmode=disable&connect_timeout=1")
	if code != exitUnavailable || !strings.Contains(errs, "timeout") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}
