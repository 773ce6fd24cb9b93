package weaviatetest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Serve has a handler answer at an address until the test ends, by HTTP/1.1 and by HTTP/2 without TLS, as a server
// and its gRPC interface do at two.
func Serve(t *testing.T, h http.Handler) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// HTTP2 speaks HTTP/2 without TLS, as clients of gRPC do.
func HTTP2() *http.Transport {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return &http.Transport{Protocols: p}
}

// URL names the collection of a server at an address that Serve returned.
func URL(address, collection string) string {
	_, port, _ := net.SplitHostPort(address)
	return "weaviate://" + address + "/" + collection + "?grpc=" + port
}

// Proxy is the URL of a store by a proxy that passes on the requests that answer does not answer.
func Proxy(t *testing.T, store string, answer func(w http.ResponseWriter, r *http.Request) bool) string {
	t.Helper()
	to, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	rest := forward(to.Host, http.DefaultTransport)
	grpc := forward(net.JoinHostPort(to.Hostname(), to.Query().Get("grpc")), HTTP2())
	return URL(Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case answer(w, r):
		case r.ProtoMajor == 2:
			grpc.ServeHTTP(w, r)
		default:
			rest.ServeHTTP(w, r)
		}
	})), strings.Trim(to.Path, "/"))
}

func forward(host string, by http.RoundTripper) http.Handler {
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	p.Transport = by
	p.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) } // the client was killed
	return p
}

// Table names a collection of the cluster of which there is none.
func (c *Cluster) Table(t *testing.T) string { return c.Collection(t) }

// Through is the URL of a store by a proxy, which calls strike in the place of passing on a request, that
// after a number of others, and passes on nothing more until it returns; never where there are fewer. Sent
// tells how many there were.
func (c *Cluster) Through(t *testing.T, store string, requests int, strike func()) (through string, sent func() int) {
	t.Helper()
	var mu sync.Mutex
	n := 0
	through = Proxy(t, store, func(http.ResponseWriter, *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if n++; n == requests {
			strike()
		}
		return false
	})
	return through, func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}
