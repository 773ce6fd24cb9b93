package weaviate

import (
	"cmp"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// place is what a URL names: a collection of a server.
type place struct {
	url        string // as it may be shown
	base       string // of the server's addresses: scheme, host and port
	grpc       string // of those of its gRPC interface
	collection string
	replicas   int    // of each shard, where the store is made; 0: as many as the server makes
	key        string // by which the server knows the user; "" where there is none
}

// URLError says that a URL does not name a collection of a server.
type URLError struct {
	Problem string
	Remedy  string
}

func (e *URLError) Error() string { return e.Problem }

// Hint returns the remedy: see the hint package.
func (e *URLError) Hint() string { return e.Remedy }

const urlGrammar = "write weaviate://host[:port]/Collection, or weaviates:// for TLS"

// keyVariable is the environment variable that holds the key of the user.
const keyVariable = "WEAVIATE_API_KEY"

// The schemes of URLs, with the ports that they mean where none is given.
var defaultPorts = map[string]string{"weaviate": "8080", "weaviates": "443"}

// portGRPC is the port of the gRPC interface where none is given, with TLS and without: that of a server that
// is not told another one, and of the clients of Weaviate.
const portGRPC = "50051"

// Is reports whether a name is a URL of Weaviate and not a folder.
func Is(name string) bool {
	scheme, _, found := strings.Cut(name, "://")
	return found && defaultPorts[strings.ToLower(scheme)] != ""
}

// longestName is how many bytes the name of a collection may have.
const longestName = 200

// isCollection reports whether a collection of a store can have a name. The server has
// others too, of which it changes the first letter.
func isCollection(name string) bool {
	for i, c := range []byte(name) {
		upper, other := 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_'
		if !upper && (i == 0 || !other) {
			return false
		}
	}
	return 0 < len(name) && len(name) <= longestName
}

const maxReplicas = 99

// parse reads a URL. Errors are *URLError and show no part of the URL.
func parse(name string) (*place, error) {
	u, err := url.Parse(name)
	if err != nil || u.Hostname() == "" {
		return nil, &URLError{"the URL of the store is malformed", urlGrammar}
	}
	if u.User != nil {
		return nil, &URLError{"the URL of the store has a user or a key, which others would see", "leave it out, and put the key into " + keyVariable}
	}
	p := &place{url: name, collection: strings.Trim(u.Path, "/"), key: os.Getenv(keyVariable)}
	if !isCollection(p.collection) {
		return nil, &URLError{"the URL of the store names no collection: a capital letter, then letters, digits and underscores", urlGrammar}
	}
	if strings.Contains(p.collection, metaSuffix) {
		return nil, &URLError{"the URL of the store names a collection that another store keeps beside its own", "leave out what begins with " + metaSuffix}
	}
	query, err := url.ParseQuery(u.RawQuery)
	odd := err != nil
	host, port := u.Hostname(), portGRPC
	for parameter, values := range query {
		known := false
		switch parameter {
		case "replicas":
			p.replicas, err = strconv.Atoi(values[0])
			known = err == nil && 0 < p.replicas && p.replicas <= maxReplicas
		case "grpc":
			host, port, known = hostPort(values[0], host)
		}
		odd = odd || !known
	}
	if odd {
		return nil, &URLError{"the URL of the store has a parameter that is not known, or with a wrong value: replicas=N and grpc=[HOST:]PORT are those", urlGrammar + "?replicas=N&grpc=PORT"}
	}
	scheme := "http"
	if u.Scheme == "weaviates" {
		scheme = "https"
	}
	if p.key != "" && scheme == "http" && !(loopback(u.Hostname()) && loopback(host)) {
		return nil, &URLError{"the key in " + keyVariable + " would go over the network as plain text", "write weaviates:// where the server has TLS, or unset " + keyVariable + " where it needs no key"}
	}
	p.base = scheme + "://" + net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), defaultPorts[u.Scheme]))
	p.grpc = scheme + "://" + net.JoinHostPort(host, port)
	return p, nil
}

// hostPort reads [HOST:]PORT.
func hostPort(s, defaultHost string) (host, port string, ok bool) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = defaultHost, s
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return host, port, err == nil && host != "" && !strings.ContainsAny(host, "/?#@[] ")
}

// loopback reports whether a host is this machine, so that nothing goes over a network.
func loopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

// Same reports whether two URLs name one collection, as far as they tell. Other names of one
// host are not found out.
func Same(a, b string) bool {
	p, err1 := parse(a)
	q, err2 := parse(b)
	return err1 == nil && err2 == nil && strings.EqualFold(p.base, q.base) && p.collection == q.collection
}

// The collections of a store: that of the documents, which the URL names, that of what else is
// known, and while it is written one that is a lock: see lock.go.
func (p *place) documents() string { return p.collection }
func (p *place) meta() string      { return p.collection + metaSuffix }
func (p *place) lock(epoch int64) string {
	return p.collection + lockInfix + strconv.FormatInt(epoch, 10)
}

const (
	metaSuffix = "_sheaf"
	lockInfix  = "_sheaf_lock_"
)
