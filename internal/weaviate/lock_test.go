package weaviate

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"sheaf/internal/engine"
)

// TestRenewal: an odd answer is not the end of a lock, and the end of it is told.
func TestRenewal(t *testing.T) {
	t.Parallel()
	class := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPatch:
			w.WriteHeader(http.StatusUnprocessableEntity)
		case class == "":
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = io.WriteString(w, class)
		}
	}))
	defer server.Close()
	p := &place{base: server.URL, collection: "Docs"}
	c := &client{place: p, http: server.Client()}
	for answer, lost := range map[string]bool{
		`{"class":"Docs_sheaf_lock_1","description":"{\"token\":\"mine\"}"}`: false,
		`{"class":"Docs_sheaf_lock_1","description":"{\"token\":\"else\"}"}`: true,
		"": true,
	} {
		class = answer
		if err := c.renew(lease{epoch: 1, token: "mine"}); errors.Is(err, engine.ErrLockLost) != lost || !lost && err != nil {
			t.Errorf("%s: %v", answer, err)
		}
	}
}
