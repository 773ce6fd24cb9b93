// Package modeltest has a fake Hugging Face hub, which may have faults, and writes the cache
// that Python fills from the hub.
package modeltest

import (
	"bytes"
	"crypto/sha1" // git's blobs
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Commit is the commit of every model of a Hub.
const Commit = "0123456789abcdef0123456789abcdef01234567"

const weights = "model.safetensors"

// Hub serves the model in a folder over loopback, under a name: the API and small files
// directly, the weights by a redirect to another host.
type Hub struct {
	URL string

	Token   string               // when set, another token is answered with 401
	Listing func(map[string]any) // changes the answer of the API
	Content func(string) []byte  // returns what is sent instead of the named file; nil: the file
	NoRange bool                 // sends the whole file whatever range is asked for

	name, dir string
	hub, cdn  *httptest.Server

	mu       sync.Mutex
	cuts     []int64
	requests []string
}

// NewHub starts a hub with one model, under every name where the name is empty. Close ends it.
func NewHub(name, dir string) *Hub {
	h := &Hub{name: name, dir: dir}
	h.hub = httptest.NewServer(http.HandlerFunc(h.serve))
	h.cdn = httptest.NewServer(http.HandlerFunc(h.serveWeights))
	h.URL = h.hub.URL
	return h
}

// Close ends both servers.
func (h *Hub) Close() {
	for _, s := range []*httptest.Server{h.hub, h.cdn} {
		s.CloseClientConnections()
		s.Close()
	}
}

// Require sets Token. It may be called while the hub serves requests.
func (h *Hub) Require(token string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Token = token
}

// Cut breaks the next answers with weights, each after a number of bytes.
func (h *Hub) Cut(after ...int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cuts = append(h.cuts, after...)
}

// Requests returns the requests so far: path, range and token in one line each.
func (h *Hub) Requests() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.requests...)
}

func (h *Hub) note(r *http.Request) (cut int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = append(h.requests, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Range")+" "+r.Header.Get("Authorization")))
	if filepath.Base(r.URL.Path) != weights || len(h.cuts) == 0 || r.Host == h.hub.Listener.Addr().String() {
		return -1
	}
	cut = h.cuts[0]
	h.cuts = h.cuts[1:]
	return cut
}

func (h *Hub) serve(w http.ResponseWriter, r *http.Request) {
	h.note(r)
	if h.Token != "" && r.Header.Get("Authorization") != "Bearer "+h.Token {
		http.Error(w, "who are you", http.StatusUnauthorized)
		return
	}
	owner, revision, isAPI := strings.Cut(r.URL.Path, "/revision/")
	isAPI = isAPI && h.named(strings.TrimPrefix(owner, "/api/models/"))
	owner, file, isFile := strings.Cut(r.URL.Path, "/resolve/"+Commit+"/")
	isFile = isFile && h.named(strings.TrimPrefix(owner, "/"))
	switch {
	case isAPI && (revision == "main" || revision == Commit):
		h.list(w)
	case isFile && filepath.Base(file) == weights:
		http.Redirect(w, r, h.cdn.URL+"/"+file, http.StatusFound)
	case isFile:
		h.send(w, r, file)
	default:
		http.NotFound(w, r)
	}
}

func (h *Hub) named(model string) bool { return h.name == "" || h.name == model }

func (h *Hub) serveWeights(w http.ResponseWriter, r *http.Request) {
	cut := h.note(r)
	if cut >= 0 {
		w = &cutter{w, cut}
	}
	h.send(w, r, strings.TrimPrefix(r.URL.Path, "/"))
}

func (h *Hub) send(w http.ResponseWriter, r *http.Request, file string) {
	data, err := os.ReadFile(filepath.Join(h.dir, filepath.FromSlash(file)))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	if h.Content != nil {
		if other := h.Content(file); other != nil {
			data = other
		}
	}
	if h.NoRange {
		r.Header.Del("Range")
	}
	http.ServeContent(w, r, file, time.Time{}, bytes.NewReader(data))
}

// cutter is a writer that breaks the connection after some bytes.
type cutter struct {
	http.ResponseWriter
	left int64
}

func (c *cutter) Write(p []byte) (int, error) {
	if int64(len(p)) <= c.left {
		c.left -= int64(len(p))
		return c.ResponseWriter.Write(p)
	}
	_, _ = c.ResponseWriter.Write(p[:c.left])
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

// list answers as the hub's API does.
func (h *Hub) list(w http.ResponseWriter) {
	files := []any{}
	err := filepath.Walk(h.dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		name, err := filepath.Rel(h.dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		entry := map[string]any{"rfilename": filepath.ToSlash(name), "size": len(data), "blobId": GitBlob(data)}
		if filepath.Base(name) == weights {
			entry["lfs"] = map[string]any{"sha256": SHA256(data), "size": len(data)}
		}
		files = append(files, entry)
		return err
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer := map[string]any{"id": h.name, "sha": Commit, "siblings": files}
	if h.Listing != nil {
		h.Listing(answer)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// SHA256 returns a file's checksum, by which the hub names large files.
func SHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// GitBlob returns the name of a file in git, by which the hub names small files.
func GitBlob(data []byte) string {
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...))
	return hex.EncodeToString(sum[:])
}

// FillCache puts the model of a folder into a Hugging Face cache, as Python does.
func FillCache(cache, name, dir string) error {
	model := filepath.Join(cache, "models--"+strings.ReplaceAll(name, "/", "--"))
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sum := GitBlob(data)
		if filepath.Base(path) == weights {
			sum = SHA256(data)
		}
		blob, link := filepath.Join(model, "blobs", sum), filepath.Join(model, "snapshots", Commit, relative)
		if err := put(blob, data); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(link), 0o777); err != nil {
			return err
		}
		target, err := filepath.Rel(filepath.Dir(link), blob)
		if err != nil {
			return err
		}
		return os.Symlink(target, link)
	})
	if err != nil {
		return err
	}
	return put(filepath.Join(model, "refs", "main"), []byte(Commit))
}

func put(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o666)
}
