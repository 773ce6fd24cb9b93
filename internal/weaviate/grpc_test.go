package weaviate_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/metadata"
	"sheaf/internal/weaviate"
)

func isRefused(err error) bool { return errors.As(err, new(*engine.RefusedError)) }
func isNeither(err error) bool { return !unavailable(err) && !isRefused(err) }

// ended answers a call with a code alone.
func ended(code int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc+proto")
		w.Header().Set("Grpc-Status", fmt.Sprint(code))
		w.Header().Set("Grpc-Message", message)
	}
}

// sent answers a call with bytes, and says in a trailer that it is all right.
func sent(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		_, _ = w.Write(b)
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// prefixed is a message with what comes before it.
func prefixed(flag byte, size int, message ...byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{flag}, uint32(size)), message...)
}

// TestCalls: what a gRPC interface answers is an error of its kind.
func TestCalls(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer     http.HandlerFunc
		is         func(error) bool
		says, hint string
	}{
		"no key":           {ended(16, "user is not authenticated"), isRefused, "not authenticated", ""},
		"not permitted":    {ended(7, "authorization, forbidden action"), isRefused, "forbidden action", ""},
		"wrong key":        {ended(2, "extract auth: unauthorized: invalid api key"), isRefused, "invalid api key", ""},
		"proxy with a key": {status(403), isRefused, "HTTP 403", ""},
		"away":             {ended(14, "100%25 away%0A"), unavailable, "100% away", ""},
		"too late":         {ended(4, ""), unavailable, "gRPC 4", ""},
		"busy":             {ended(8, "too many"), unavailable, "too many", ""},
		"odd escapes":      {ended(14, "100%"), unavailable, "100%", ""},
		"another service":  {ended(12, "unknown service"), unavailable, "unknown service", "grpc=PORT"},
		"invalid":          {ended(3, "no"), isNeither, "no", ""},
		"too many rows":    {ended(2, "invalid pagination"), isNeither, "pagination", ""},
		"one is too large": {ended(8, "trying to send message larger than max"), isNeither, "too large", "GRPC_MAX_MESSAGE_SIZE"},
		"web page":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, unavailable, "none of gRPC", "grpc=PORT"},
		"no such page":     {status(404), unavailable, "HTTP 404", "grpc=PORT"},
		"redirection":      {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusTemporaryRedirect) }, unavailable, "HTTP 307", "grpc=PORT"},
		"nothing":          {sent(nil), unavailable, "cut off", ""},
		"half a prefix":    {sent([]byte{0, 0}), unavailable, "cut off", ""},
		"half a message":   {sent(prefixed(0, 9, 1)), unavailable, "cut off", ""},
		"compressed":       {sent(prefixed(1, 0)), unavailable, "compressed", ""},
		"two messages":     {sent(prefixed(0, 0, 0)), unavailable, "goes on", ""},
		"huge":             {sent(prefixed(0, 1<<30)), isNeither, "too large", "GRPC_MAX_MESSAGE_SIZE"},
		"no field":         {sent(prefixed(0, 1, 0x80)), unavailable, "no message", ""},
		"half a field":     {sent(prefixed(0, 2, 2<<3|2, 9)), unavailable, "no message", ""},
		"another type":     {sent(prefixed(0, 1, 2<<3|4)), unavailable, "no message", ""},
		"half a number":    {sent(prefixed(0, 2, 1<<3|5, 0)), unavailable, "no message", ""},
		"half a double":    {sent(prefixed(0, 2, 1<<3|1, 0)), unavailable, "no message", ""},
		"inside":           {sent(prefixed(0, 3, 2<<3|2, 1, 0x80)), unavailable, "no message", ""},
		"another's object": {sent(prefixed(0, 6, 2<<3|2, 4, 2<<3|2, 2, 1<<3|2, 0)), func(err error) bool { return errors.As(err, new(*engine.FormatError)) }, "none of sheaf's", ""},
		"no status": {func(w http.ResponseWriter, r *http.Request) {
			sent(prefixed(0, 0))(w, r)
			w.Header().Del(http.TrailerPrefix + "Grpc-Status")
		}, unavailable, "no status", ""},
		"cut amid an answer": {func(w http.ResponseWriter, r *http.Request) {
			sent(prefixed(0, 9, 1))(w, r)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, unavailable, "cut off", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, store := start(t)
			r := made(t, store)
			f.do(func() { f.rpc = test.answer })
			_, _, err := r.Get(t.Context(), []string{"id0"}, false)
			if err == nil || !test.is(err) || !strings.Contains(err.Error(), test.says) || !strings.Contains(hint.Of(err), test.hint) {
				t.Errorf("%v (%s)", err, hint.Of(err))
			}
		})
	}
}

// made makes an empty store, and opens it.
func made(t *testing.T, store string) *weaviate.Store {
	t.Helper()
	w, err := weaviate.Create(t.Context(), store, plain, engine.Options{})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return open(t, store)
}

// TestNoGRPC: where no gRPC is spoken no store is made, and the hint names the parameter.
func TestNoGRPC(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	for what, at := range map[string]string{"nobody": "127.0.0.1:1", "HTTP/1.1": web.Listener.Addr().String()} {
		f, store := start(t)
		host, _, _ := strings.Cut(store, "?")
		_, err := weaviate.Create(t.Context(), host+"?grpc="+at, plain, engine.Options{})
		if !unavailable(err) || !strings.Contains(hint.Of(err), "grpc=PORT") {
			t.Errorf("%s: %v (%s)", what, err, hint.Of(err))
		}
		if len(f.classes) > 0 {
			t.Errorf("%s: collections are left: %v", what, f.classes)
		}
	}
}

// TestObjectErrors: a batch of which objects were not written has failed.
func TestObjectErrors(t *testing.T) {
	t.Parallel()
	f, store := start(t)
	w, err := weaviate.Create(t.Context(), store, plain, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	f.do(func() { delete(f.objects, "Docs") })
	_, err = w.Merge(t.Context(), []engine.Snapshot{{Transfers: numbered(3, -1, nil)}}, engine.OnConflictFail)
	if !unavailable(err) || !strings.Contains(err.Error(), "3 objects of 3 were not written: could not find class Docs") {
		t.Error(err)
	}
}

// TestLargeAnswers: what does not fit into one message is asked for in several.
func TestLargeAnswers(t *testing.T) {
	t.Parallel()
	f, store := start(t)
	filled(t, store, 50)
	f.do(func() { f.most = 7 })
	if ids := idsIn(t, store); len(ids) != 50 || ids[49] != "id49" {
		t.Errorf("listed are %q", ids)
	}
	r := open(t, store)
	if docs, missing, err := r.Get(t.Context(), idsIn(t, store), true); err != nil || len(docs) != 50 || len(missing) > 0 {
		t.Errorf("%d of 50 documents, %v", len(docs), err)
	}
	hits, err := r.Search(t.Context(), [][]float32{{1}}, engine.SearchOptions{K: 50})
	if err != nil || len(hits[0]) != 50 || hits[0][49].ID != "id49" {
		t.Errorf("%v, %v", hits, err)
	}
}

// TestLargeDocument: a document that no message holds fails alone.
func TestLargeDocument(t *testing.T) {
	t.Parallel()
	_, store := start(t)
	w, err := weaviate.Create(t.Context(), store, plain, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r, err := w.Replace(t.Context(), engine.Source{Key: "/a", Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	large := engine.Document{ID: "large", Text: strings.Repeat("a", 100<<20), Metadata: metadata.Raw([]byte(`{}`))}
	if err := r.Add(t.Context(), large, []float32{1}, engine.Given); err == nil || unavailable(err) || !strings.Contains(err.Error(), `"large" has`) {
		t.Error(err)
	}
}

// TestKeyOverGRPC: the key goes to the gRPC interface too, and to none on another host without TLS.
func TestKeyOverGRPC(t *testing.T) {
	t.Setenv("WEAVIATE_API_KEY", "hunter2")
	f, store := start(t)
	r := made(t, store)
	var got string
	f.do(func() {
		f.rpc = func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Get("Authorization")
			ended(16, "")(w, r)
		}
	})
	_, _, err := r.Get(t.Context(), []string{"id0"}, false)
	if got != "Bearer hunter2" || !isRefused(err) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the server gets %q: %v", got, err)
	}
	_, err = weaviate.Open(t.Context(), "weaviate://127.0.0.1/Docs?grpc=h.example:50051", engine.Options{})
	if !errors.As(err, new(*weaviate.URLError)) || !strings.Contains(err.Error(), "plain text") {
		t.Error(err)
	}
}

// TestTLS: gRPC goes over TLS where REST does, and a server that speaks no HTTP/2 there is told of.
func TestTLS(t *testing.T) {
	t.Setenv("WEAVIATE_API_KEY", "hunter2") // so that no other test runs, which would trust the certificate too
	f, _ := start(t)
	server := httptest.NewUnstartedServer(f.handler())
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.StartTLS()
	defer old.Close()
	trusted := http.DefaultTransport
	defer func() { http.DefaultTransport = trusted }()
	http.DefaultTransport = server.Client().Transport // with the certificate that both have
	address := server.Listener.Addr().String()
	store := "weaviates://" + address + "/Docs?grpc="

	w, err := weaviate.Create(t.Context(), store+address, plain, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := merge(t, w, numbered(3, -1, nil)); err != nil {
		t.Fatal(err)
	}
	if ids := idsIn(t, store+address); len(ids) != 3 {
		t.Errorf("listed are %q", ids)
	}
	r := open(t, store+old.Listener.Addr().String())
	if _, _, err := r.Get(t.Context(), []string{"id0"}, false); !unavailable(err) || !strings.Contains(hint.Of(err), "grpc=PORT") {
		t.Errorf("%v (%s)", err, hint.Of(err))
	}
}
