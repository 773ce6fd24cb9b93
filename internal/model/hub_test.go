package model_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/model"
	"sheaf/internal/model/modeltest"
)

func newHub(t *testing.T) *modeltest.Hub {
	t.Helper()
	h := modeltest.NewHub("me/small", smallModel(t))
	t.Cleanup(h.Close)
	return h
}

func TestDownload(t *testing.T) {
	t.Parallel()
	l, h := library(t), newHub(t)
	h.Token = "secret"
	var shown [2]int64
	progress := func(done, total int64) { shown = [2]int64{done, total} }
	m, err := l.Download(t.Context(), model.Hub{Endpoint: h.URL + "/", Token: "secret", Progress: progress}, "me/small", "main")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(below("me/small", modelFiles), tree(t, l.Dir)); diff != "" {
		t.Error(diff)
	}
	if err := l.Verify(m); err != nil {
		t.Error(err)
	}
	if shown[0] != shown[1] || shown[1] < 800_000 {
		t.Errorf("shown at the end: %v", shown)
	}
	// The token is for the hub alone.
	if requests := h.Requests(); !slices.Contains(requests, "/model.safetensors") || slices.Contains(requests, "/model.safetensors Bearer secret") {
		t.Errorf("requests %q", requests)
	}
	if _, err := l.Download(t.Context(), model.Hub{Endpoint: h.URL}, "me/small", "main"); !errors.Is(err, model.ErrExists) {
		t.Errorf("again: %v", err)
	}
	manifest, err := os.ReadFile(filepath.Join(m.Dir, "sheaf-model.json"))
	if err != nil || !strings.Contains(string(manifest), modeltest.Commit) {
		t.Errorf("manifest %s, %v", manifest, err)
	}
}

// A connection that breaks is continued where it broke.
func TestDownloadContinues(t *testing.T) {
	t.Parallel()
	l, h := library(t), newHub(t)
	h.Cut(100_000, 200_000)
	if _, err := l.Download(t.Context(), model.Hub{Endpoint: h.URL}, "me/small", modeltest.Commit); err != nil {
		t.Fatal(err)
	}
	var ranges []string
	for _, r := range h.Requests() {
		if rest, ok := strings.CutPrefix(r, "/model.safetensors"); ok {
			ranges = append(ranges, strings.TrimSpace(rest))
		}
	}
	if want := []string{"", "bytes=100000-", "bytes=300000-"}; !slices.Equal(ranges, want) {
		t.Errorf("asked for %q, want %q", ranges, want)
	}
}

// A hub that knows no ranges sends all of it again.
func TestDownloadWithoutRanges(t *testing.T) {
	t.Parallel()
	l, h := library(t), newHub(t)
	h.NoRange = true
	h.Cut(100_000)
	m, err := l.Download(t.Context(), model.Hub{Endpoint: h.URL}, "me/small", "main")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Verify(m); err != nil {
		t.Error(err)
	}
}

// What was loaded before a run ended is not loaded again.
func TestDownloadResumes(t *testing.T) {
	t.Parallel()
	l, h := library(t), newHub(t)
	h.Cut(100_000, 0)
	if _, err := l.Download(t.Context(), model.Hub{Endpoint: h.URL}, "me/small", "main"); err == nil || !strings.Contains(err.Error(), "loading model.safetensors") {
		t.Fatalf("with a connection that stays broken: %v", err)
	}
	if _, err := l.Find("me/small"); err == nil {
		t.Error("half a model is found")
	}
	if all, err := l.List(); err != nil || len(all) > 0 {
		t.Errorf("half a model is listed: %v, %v", all, err)
	}
	if err := l.Remove("me/other"); err == nil {
		t.Error("removed what is not there")
	}
	before := len(h.Requests())
	m, err := l.Download(t.Context(), model.Hub{Endpoint: h.URL}, "me/small", "main")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Verify(m); err != nil {
		t.Error(err)
	}
	after := h.Requests()[before:]
	if !slices.Contains(after, "/model.safetensors bytes=100000-") || slices.Contains(after, "/me/small/resolve/"+modeltest.Commit+"/README.md") {
		t.Errorf("the second run asked for %q", after)
	}
	if diff := cmp.Diff(below("me/small", modelFiles), tree(t, l.Dir)); diff != "" {
		t.Error(diff)
	}
}

func TestRemoveTakesWhatWasLoaded(t *testing.T) {
	t.Parallel()
	l, h := library(t), newHub(t)
	h.Cut(100_000, 0)
	if _, err := l.Download(t.Context(), model.Hub{Endpoint: h.URL}, "me/small", "main"); err == nil {
		t.Fatal("loaded from a broken connection")
	}
	var missing *model.NotFoundError
	if err := l.Remove("me/small"); !errors.As(err, &missing) {
		t.Errorf("removed: %v", err)
	}
	if left := tree(t, l.Dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDownloadInterrupted(t *testing.T) {
	t.Parallel()
	l, h := library(t), newHub(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	progress := func(done, _ int64) {
		if done > 300_000 {
			cancel(errBad)
		}
	}
	if _, err := l.Download(ctx, model.Hub{Endpoint: h.URL, Progress: progress}, "me/small", "main"); !errors.Is(err, context.Canceled) && !errors.Is(err, errBad) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestDownloadRefuses(t *testing.T) {
	t.Parallel()
	sibling := func(edit func(map[string]any)) func(*modeltest.Hub) {
		return func(h *modeltest.Hub) {
			h.Listing = func(answer map[string]any) {
				for _, f := range answer["siblings"].([]any) {
					edit(f.(map[string]any))
				}
			}
		}
	}
	without := func(name string) func(*modeltest.Hub) {
		return sibling(func(f map[string]any) {
			if f["rfilename"] == name {
				f["rfilename"] = "other"
			}
		})
	}
	for name, test := range map[string]struct {
		edit func(*modeltest.Hub)
		want string
	}{
		"no commit":        {func(h *modeltest.Hub) { h.Listing = func(a map[string]any) { a["sha"] = "../x" } }, "names no commit"},
		"no list":          {func(h *modeltest.Hub) { h.Listing = func(a map[string]any) { a["siblings"] = 7 } }, "cannot unmarshal"},
		"no checksum":      {sibling(func(f map[string]any) { delete(f, "blobId") }), "the hub gives no checksum of"},
		"an odd checksum":  {sibling(func(f map[string]any) { f["blobId"] = "x" }), "the hub gives no checksum of"},
		"a negative size":  {sibling(func(f map[string]any) { f["size"] = -1 }), "the hub gives no checksum of"},
		"only a pickle":    {without("model.safetensors"), "has its weights as a pickle only"},
		"no weights":       {func(h *modeltest.Hub) { h.Listing = func(a map[string]any) { a["siblings"] = []any{} } }, `model "me/small" has no model.safetensors`},
		"no configuration": {without("config.json"), "no such file"},
		"other bytes": {func(h *modeltest.Hub) {
			h.Content = func(name string) []byte {
				if name == "vocab.txt" {
					return []byte("[pad]\n")
				}
				return nil
			}
		}, "loading vocab.txt: damaged: 6 bytes with the checksum"},
		"more bytes": {func(h *modeltest.Hub) {
			h.Content = func(name string) []byte {
				if name == "vocab.txt" {
					return []byte("[PAD]\n[UNK]\n")
				}
				return nil
			}
		}, "loading vocab.txt: damaged: 7 bytes with the checksum"},
		"fewer bytes": {func(h *modeltest.Hub) {
			h.Content = func(name string) []byte {
				if name == "vocab.txt" {
					return []byte("[PA")
				}
				return nil
			}
		}, "answers 416 Requested Range Not Satisfiable"},
		"not usable": {func(h *modeltest.Hub) {
			config := []byte(`{"bad": true}`)
			h.Content = func(name string) []byte {
				if name == "config.json" {
					return config
				}
				return nil
			}
			sibling(func(f map[string]any) {
				if f["rfilename"] == "config.json" {
					f["size"], f["blobId"] = len(config), modeltest.GitBlob(config)
				}
			})(h)
		}, "no good"},
	} {
		l, h := library(t), newHub(t)
		test.edit(h)
		_, err := l.Download(t.Context(), model.Hub{Endpoint: h.URL}, "me/small", "main")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if _, err := l.Find("me/small"); err == nil {
			t.Errorf("%s: the model is here", name)
		}
	}
}

// A file that came wrong is loaded anew by the next run.
func TestDownloadAfterDamage(t *testing.T) {
	t.Parallel()
	l, h := library(t), newHub(t)
	h.Content = func(name string) []byte {
		if name == "vocab.txt" {
			return []byte("[pad]\n")
		}
		return nil
	}
	if _, err := l.Download(t.Context(), model.Hub{Endpoint: h.URL}, "me/small", "main"); !errors.Is(err, model.ErrDamaged) {
		t.Fatal(err)
	}
	h.Content = nil
	if _, err := l.Download(t.Context(), model.Hub{Endpoint: h.URL}, "me/small", "main"); err != nil {
		t.Error(err)
	}
}

func TestDownloadStatus(t *testing.T) {
	t.Parallel()
	l, h := library(t), newHub(t)
	h.Token = "secret"
	for _, test := range []struct {
		hub            model.Hub
		name, revision string
		status         int
	}{
		{model.Hub{Endpoint: h.URL}, "me/small", "main", http.StatusUnauthorized},
		{model.Hub{Endpoint: h.URL, Token: "secret"}, "me/other", "main", http.StatusNotFound},
		{model.Hub{Endpoint: h.URL, Token: "secret"}, "me/small", "../main", http.StatusNotFound},
	} {
		var refused *model.RefusedError
		if _, err := l.Download(t.Context(), test.hub, test.name, test.revision); !errors.As(err, &refused) || refused.Status != test.status {
			t.Errorf("%s at %s: %v, want status %d", test.name, test.revision, err, test.status)
		}
	}
	if left := tree(t, l.Dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDownloadUnreachable(t *testing.T) {
	t.Parallel()
	var unreachable *model.UnreachableError
	for _, endpoint := range []string{"http://127.0.0.1:1", "ftp://host", "://"} {
		_, err := library(t).Download(t.Context(), model.Hub{Endpoint: endpoint}, "me/small", "main")
		if !errors.As(err, &unreachable) {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

// No redirect leads from https to http, and no more than ten are followed.
func TestRedirects(t *testing.T) {
	t.Parallel()
	request := func(url string) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	follow := model.NewClient().CheckRedirect
	for _, test := range []struct {
		from, to string
		hops     int
		ok       bool
	}{
		{"https://a", "https://b", 1, true}, {"http://a", "https://b", 1, true}, {"http://a", "http://b", 1, true},
		{"https://a", "http://b", 1, false}, {"https://a", "https://b", 10, false},
	} {
		if err := follow(request(test.to), slices.Repeat([]*http.Request{request(test.from)}, test.hops)); (err == nil) != test.ok {
			t.Errorf("%+v: %v", test, err)
		}
	}
}
