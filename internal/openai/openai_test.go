package openai_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sheaf/internal/embed"
	"sheaf/internal/embed/embedtest"
	"sheaf/internal/openai"
	"sheaf/internal/progress"
)

// newService starts a server and an embedder for it.
func newService(t *testing.T, so embedtest.ServerOptions, o embed.Options) (*embedtest.Server, embed.Embedder) {
	t.Helper()
	server := embedtest.NewServer(so)
	t.Cleanup(server.Close)
	o.BaseURL = server.URL
	e, err := openai.New("m", o)
	if err != nil {
		t.Fatal(err)
	}
	return server, e
}

func TestOpenAIConforms(t *testing.T) {
	t.Parallel()
	for name, so := range map[string]embedtest.ServerOptions{
		"base64":           {},
		"numbers":          {Floats: true},
		"reversed":         {Reverse: true},
		"numbers reversed": {Floats: true, Reverse: true, Dim: 300},
		"large":            {Dim: 1536},
		"refuses base64":   {NoBase64: true},
		"no usage":         {NoUsage: true},
		"takes few inputs": {MaxInputs: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, e := newService(t, so, embed.Options{BatchSize: 3})
			embedtest.Conform(t, e)
		})
	}
}

// A service that takes no "dimensions" is not asked for the length that its
// vectors have anyway.
func TestOpenAIWithoutDimensions(t *testing.T) {
	t.Parallel()
	_, e := newService(t, embedtest.ServerOptions{NoLengths: true, NoBase64: true}, embed.Options{BatchSize: 3, Dimensions: 8})
	embedtest.Conform(t, e)

	_, e = newService(t, embedtest.ServerOptions{NoLengths: true}, embed.Options{Dimensions: 5, Backoff: time.Millisecond})
	_, err := e.Embed(t.Context(), []string{"a", "b"})
	if err == nil || !strings.Contains(err.Error(), "refuses every request (status 400): Extra inputs are not permitted: dimensions") {
		t.Errorf("a length that it does not make: %v", err)
	}
}

// Requests that were running together when the service refused base64 are sent again,
// each once.
func TestOpenAIRefusesBase64Together(t *testing.T) {
	t.Parallel()
	const together = 4
	var arrived atomic.Int64
	all := make(chan struct{})
	server, e := newService(t, embedtest.ServerOptions{NoBase64: true, Spoil: func(r embedtest.Request) *embedtest.Fault {
		if r.EncodingFormat != "base64" {
			return nil
		}
		if arrived.Add(1) == together {
			close(all)
		}
		return &embedtest.Fault{Hold: all}
	}}, embed.Options{Dim: 8})
	var group sync.WaitGroup
	for i := range together {
		group.Go(func() {
			texts := []string{fmt.Sprint(i, " one"), fmt.Sprint(i, " two"), fmt.Sprint(i, " three")}
			vectors, err := embed.Vectors(t.Context(), e, texts)
			if err != nil {
				t.Error(err)
				return
			}
			embedtest.CheckVectors(t, texts, vectors, 8)
		})
	}
	group.Wait()
	if n := len(server.Requests()); n != 2*together {
		t.Errorf("%d requests, want %d", n, 2*together)
	}
}

func TestOpenAIRequest(t *testing.T) {
	t.Parallel()
	stats := &progress.Counter{}
	server, e := newService(t, embedtest.ServerOptions{Key: "sk-1"}, embed.Options{APIKey: "sk-1", Dimensions: 12, Stats: stats})
	texts := []string{"one two", "three"}
	vectors, err := embed.Vectors(t.Context(), e, texts)
	if err != nil {
		t.Fatal(err)
	}
	embedtest.CheckVectors(t, texts, vectors, 12)
	got := server.Requests()
	if len(got) != 1 || got[0].Path != "/v1/embeddings" || got[0].Model != "m" || got[0].Dimensions != 12 ||
		got[0].EncodingFormat != "base64" || !slices.Equal(got[0].Input, texts) {
		t.Errorf("asked %+v", got)
	}
	if want := (progress.Snapshot{Requests: 1, Texts: 2, Tokens: 3}); stats.Snapshot() != want {
		t.Errorf("counted %+v, want %+v", stats.Snapshot(), want)
	}
}

func TestOpenAISplitsRequests(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("one two ", 75_000) // 150,000 tokens
	dense := strings.Repeat("x", 200_000)       // 25,000
	for _, test := range []struct {
		name  string
		texts []string
		batch int
		want  []int // texts in each request
	}{
		{"none", nil, 0, nil},
		{"default", embedtest.Texts(600), 0, []int{256, 256, 88}},
		{"exactly", embedtest.Texts(4), 2, []int{2, 2}},
		{"largest", embedtest.Texts(2049), 2048, []int{2048, 1}},
		{"tokens, not bytes", slices.Repeat([]string{dense}, 13), 0, []int{12, 1}},
		{"tokens", []string{"a", large, large, "b"}, 0, []int{2, 2}},
		{"one too large", []string{large + large + large, "b"}, 0, []int{1, 1}},
		{"empty texts are not sent", []string{"", "a", "", "b", "c", ""}, 2, []int{2, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server, e := newService(t, embedtest.ServerOptions{}, embed.Options{BatchSize: test.batch})
			vectors, err := embed.Vectors(t.Context(), e, test.texts)
			if err != nil {
				t.Fatal(err)
			}
			embedtest.CheckVectors(t, test.texts, vectors, 8)
			var sizes []int
			for _, r := range server.Requests() {
				sizes = append(sizes, len(r.Input))
			}
			if !slices.Equal(sizes, test.want) {
				t.Errorf("requests of %v texts, want %v", sizes, test.want)
			}
		})
	}
}

// TestOpenAIOnlyEmptyTexts needs the dim of a model that never saw a text.
func TestOpenAIOnlyEmptyTexts(t *testing.T) {
	t.Parallel()
	server, e := newService(t, embedtest.ServerOptions{}, embed.Options{})
	vectors, err := embed.Vectors(t.Context(), e, []string{"", ""})
	if err != nil {
		t.Fatal(err)
	}
	embedtest.CheckVectors(t, []string{"", ""}, vectors, 8)
	if n := len(server.Requests()); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
	server.Fail(embedtest.Fault{Status: 401})
	other, err := openai.New("n", embed.Options{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := embed.Vectors(t.Context(), other, []string{""}); err == nil {
		t.Error("a vector without knowing its dim")
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	server, e := newService(t, embedtest.ServerOptions{Dim: 5}, embed.Options{})
	for range 2 {
		id, err := embed.Resolve(t.Context(), e)
		if want := (embed.Identity{Provider: "openai", Model: "m", Dim: 5}); err != nil || id != want {
			t.Errorf("%+v, %v, want %+v", id, err, want)
		}
	}
	if n := len(server.Requests()); n != 2 { // the second confirms the first
		t.Errorf("%d requests, want 2", n)
	}
	server, e = newService(t, embedtest.ServerOptions{}, embed.Options{})
	server.Fail(embedtest.Fault{Status: 400, Body: "no"})
	if id, err := embed.Resolve(t.Context(), e); err == nil || id != (embed.Identity{}) {
		t.Errorf("%+v, %v from a service that refuses", id, err)
	}
}

// One answer of another length than the others does not decide the length.
func TestResolveAsksAgain(t *testing.T) {
	t.Parallel()
	shorter := embedtest.Fault{Edit: func(data *[]embedtest.Embedding) { (*data)[0].Vector = (*data)[0].Vector[1:] }}
	server, e := newService(t, embedtest.ServerOptions{Dim: 5}, embed.Options{})
	server.Fail(shorter, embedtest.Fault{}, shorter)
	if id, err := embed.Resolve(t.Context(), e); err != nil || id.Dim != 5 {
		t.Errorf("%+v, %v", id, err)
	}
	var n atomic.Int64
	everySecond := func(embedtest.Request) *embedtest.Fault {
		if n.Add(1)%2 == 0 {
			return &shorter
		}
		return nil
	}
	_, e = newService(t, embedtest.ServerOptions{Spoil: everySecond}, embed.Options{})
	if id, err := embed.Resolve(t.Context(), e); err == nil || !strings.Contains(err.Error(), "another length in every answer") {
		t.Errorf("%+v, %v", id, err)
	}
}

func TestOpenAIKeys(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("sk-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ key, file, want string }{
		{"", "", ""},
		{"sk-environment", "", "Bearer sk-environment"},
		{"", file, "Bearer sk-file"},
		{"sk-environment", file, "Bearer sk-file"},
	} {
		server, e := newService(t, embedtest.ServerOptions{}, embed.Options{APIKey: test.key, APIKeyFile: test.file})
		if _, err := embed.Vectors(t.Context(), e, []string{"a"}); err != nil {
			t.Fatal(err)
		}
		if got := server.Requests()[0].Authorization; got != test.want {
			t.Errorf("%+v: sent %q", test, got)
		}
	}
}

func TestOpenAIKeyMissing(t *testing.T) {
	t.Parallel()
	e, err := openai.New("", embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var auth *embed.AuthError
	_, err = embed.Vectors(t.Context(), e, []string{"a"})
	if !errors.As(err, &auth) || !strings.Contains(err.Error(), "set OPENAI_API_KEY or give --api-key-file") {
		t.Errorf("error %v, want an AuthError with the way out", err)
	}
}
