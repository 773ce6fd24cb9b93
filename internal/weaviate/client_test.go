package weaviate_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/weaviate"
)

// TestURLs: what names no collection is refused, without a word of a secret.
func TestURLs(t *testing.T) {
	t.Parallel()
	for url, says := range map[string]string{
		"weaviate://h/":                             "names no collection",
		"weaviate://h/docs":                         "names no collection",
		"weaviate://h/My-Docs":                      "names no collection",
		"weaviate://h/Docs_sheaf":                   "another store",
		"weaviate://h/Docs_sheaf_lock":              "another store",
		"weaviate:///Docs":                          "is malformed",
		"weaviate://h:port/Docs":                    "is malformed",
		"weaviate://hunter2@h/Docs":                 "WEAVIATE_API_KEY",
		"weaviate://u:hunter2@h/Docs":               "WEAVIATE_API_KEY",
		"weaviate://h/Docs?key=hunter2":             "parameter",
		"weaviate://h/Docs?replicas=0":              "parameter",
		"weaviate://h/Docs?replicas=hunter2":        "parameter",
		"weaviate://h/Docs?replicas=3;x":            "parameter",
		"weaviate://h/Docs?grpc=":                   "parameter",
		"weaviate://h/Docs?grpc=hunter2":            "parameter",
		"weaviate://h/Docs?grpc=70000":              "parameter",
		"weaviate://h/Docs?grpc=:50051":             "parameter",
		"weaviate://h/Docs?grpc=u:hunter2@i:50051":  "parameter",
		"weaviates://h/" + strings.Repeat("A", 201): "names no collection",
	} {
		_, err := weaviate.Open(t.Context(), url, engine.Options{})
		var refused *weaviate.URLError
		if !errors.As(err, &refused) || !strings.Contains(err.Error()+hint.Of(err), says) || strings.Contains(err.Error()+hint.Of(err), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, same := range []struct {
		a, b string
		want bool
	}{
		{"weaviate://h/Docs", "weaviate://H:8080/Docs?replicas=3", true},
		{"weaviate://h/Docs", "weaviate://h/Other", false},
		{"weaviate://h/Docs", "weaviates://h/Docs", false},
		{"weaviate://h/Docs", "weaviate://h/Docs?grpc=i:50052", true},
		{"weaviate://h/Docs", "docs", false},
	} {
		if got := weaviate.Same(same.a, same.b); got != same.want {
			t.Errorf("%q and %q are the same: %t", same.a, same.b, got)
		}
	}
	if !weaviate.Is("WEAVIATES://h/Docs") || weaviate.Is("weaviate") || weaviate.Is("postgres://h/db") {
		t.Error("a URL is not told from a folder")
	}
}

// TestAnswers: what a server answers is an error of its kind.
func TestAnswers(t *testing.T) {
	t.Parallel()
	is := func(target any) func(error) bool { return func(err error) bool { return errors.As(err, target) } }
	state := func(data string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			switch id := path.Base(r.URL.Path); {
			case strings.HasPrefix(id, "00000000-0000-0000-0000-"):
				_, _ = io.WriteString(w, `{"properties":{"data":"1"}}`)
			case strings.HasSuffix(id, "1"):
				fmt.Fprintf(w, `{"properties":{"data":%q}}`, data)
			default:
				w.WriteHeader(http.StatusNotFound)
			}
		}
	}
	status := func(code int, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		is     func(error) bool
		says   string
	}{
		"no key":         {status(401, `{"code":401,"message":"anonymous access not enabled"}`), is(new(*engine.RefusedError)), "anonymous access not enabled"},
		"not permitted":  {status(403, `{"error":[{"message":"forbidden"}]}`), is(new(*engine.RefusedError)), "forbidden"},
		"no replica":     {status(500, `{"error":[{"message":"cannot reach enough replicas"}]}`), is(new(*engine.UnavailableError)), "cannot reach enough replicas"},
		"too many":       {status(429, ``), is(new(*engine.UnavailableError)), "HTTP 429"},
		"another server": {status(418, `<html>`), func(error) bool { return true }, "<html>"},
		"no JSON":        {status(200, `{"prop`), is(new(*engine.UnavailableError)), "cut off"},
		"nothing":        {status(404, ``), func(err error) bool { return errors.Is(err, engine.ErrNotExist) }, "no store here"},
		"newer":          {state(`{"sheaf":9}`), is(new(*engine.FormatError)), "format version 9"},
		"no state":       {state(`{}`), is(new(*engine.FormatError)), "damaged"},
		"odd numbers":    {state(`{"sheaf":1,"documents":"AAAA"}`), is(new(*engine.FormatError)), "damaged"},
		"text":           {state(`text`), is(new(*engine.FormatError)), "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.answer)
			defer server.Close()
			_, err := weaviate.Open(t.Context(), "weaviate://"+strings.TrimPrefix(server.URL, "http://")+"/Docs", engine.Options{})
			if err == nil || !test.is(err) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v", err)
			}
		})
	}
	_, err := weaviate.Open(t.Context(), "weaviate://127.0.0.1:1/Docs", engine.Options{})
	if !unavailable(err) {
		t.Errorf("no server: %v", err)
	}
}

// TestKey: the key of the environment goes to the server, as those of the server's clients do.
func TestKey(t *testing.T) {
	t.Setenv("WEAVIATE_API_KEY", "hunter2")
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, strings.Repeat("no ", 1000))
	}))
	defer server.Close()
	_, err := weaviate.Open(t.Context(), "weaviate://"+strings.TrimPrefix(server.URL, "http://")+"/Docs", engine.Options{})
	if got != "Bearer hunter2" {
		t.Errorf("the server gets %q", got)
	}
	if err == nil || strings.Contains(err.Error(), "hunter2") || len(err.Error()) > 1000 {
		t.Errorf("%v", err)
	}
}

// TestCertificate: a server whose certificate nobody vouches for is not asked, and not asked again.
func TestCertificate(t *testing.T) {
	t.Parallel()
	asked := false
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	_, err := weaviate.Open(t.Context(), "weaviates://"+strings.TrimPrefix(server.URL, "https://")+"/Docs", engine.Options{})
	if err == nil || unavailable(err) || asked || !strings.Contains(hint.Of(err), "SSL_CERT_FILE") {
		t.Errorf("%v", err)
	}
}

func unavailable(err error) bool {
	var is *engine.UnavailableError
	return errors.As(err, &is)
}
