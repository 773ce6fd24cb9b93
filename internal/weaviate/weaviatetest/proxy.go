package weaviatetest

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Table names a collection of the cluster of which there is none.
func (c *Cluster) Table(t *testing.T) string { return c.Collection(t) }

// Through is the URL of a store by a proxy, which calls strike in the place of passing on a request, that
// after a number of others, and passes on nothing more until it returns; never where there are fewer. Sent
// tells how many there were.
func (c *Cluster) Through(t *testing.T, store string, requests int, strike func()) (through string, sent func() int) {
	t.Helper()
	host, collection, _ := strings.Cut(strings.TrimPrefix(store, "weaviate://"), "/")
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	forward.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) } // the client was killed
	var mu sync.Mutex
	n := 0
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n++
		if n == requests {
			strike()
		}
		mu.Unlock()
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return "weaviate://" + strings.TrimPrefix(p.URL, "http://") + "/" + collection, func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}
