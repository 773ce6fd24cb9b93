package model

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// HubEndpoint is the Hugging Face hub's own.
const HubEndpoint = "https://huggingface.co"

const (
	maxListing  = 16 << 20         // bytes of the hub's answer about a model
	headTimeout = 60 * time.Second // for the first byte of an answer
	fileMode    = 0o666
)

// Hub is a server from which models are loaded.
type Hub struct {
	Endpoint string                  // "https://host"
	Token    string                  // for models that are not public; may be empty
	Progress func(done, total int64) // bytes of all files; may be nil
}

// RefusedError is an answer of the hub with an error status.
type RefusedError struct {
	URL    string
	Status int
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s answers %d %s", e.URL, e.Status, http.StatusText(e.Status))
}

// UnreachableError is a hub that gives no answer, or only a part of it.
type UnreachableError struct {
	Begun bool // files were being loaded; what was received is kept
	Err   error
}

func (e *UnreachableError) Error() string { return e.Err.Error() }

func (e *UnreachableError) Unwrap() error { return e.Err }

// unreachable returns the error of a request that got no answer.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &UnreachableError{Err: err}
}

// remote is a file on the hub.
type remote struct {
	Path string `json:"rfilename"`
	Size int64  `json:"size"`
	Blob string `json:"blobId"`
	LFS  *lfs   `json:"lfs"`
}

// lfs has the checksum of a large file.
type lfs struct {
	SHA256 string `json:"sha256"`
}

// sum returns the checksum that the hub gives, and the hash to compare it with.
func (r remote) sum() (string, hash.Hash) {
	if r.LFS != nil {
		return r.LFS.SHA256, sha256.New()
	}
	return r.Blob, gitBlob(r.Size)
}

// listing is the hub's description of a revision of a model.
type listing struct {
	Commit string   `json:"sha"`
	Files  []remote `json:"siblings"`
}

const hexDigits = "0123456789abcdef"

// isCommit reports whether s names a commit of git, which is a SHA-1.
func isCommit(s string) bool { return len(s) == 40 && consistsOf(s, hexDigits) }

// isSum reports whether s is a SHA-1 or a SHA-256.
func isSum(s string) bool { return (len(s) == 40 || len(s) == 64) && consistsOf(s, hexDigits) }

// Download adds a revision of a model (a branch, tag or commit) from the hub. It continues
// a download that was interrupted.
func (l Library) Download(ctx context.Context, hub Hub, name, revision string) (Model, error) {
	if _, err := l.vacant(name); err != nil {
		return Model{}, err
	}
	d := &download{hub: hub, name: name, client: newClient()}
	list, err := d.list(ctx, revision)
	if err != nil {
		return Model{}, err
	}
	staging := l.loading(name) + list.Commit
	for _, f := range list.Files {
		if err := d.load(ctx, d.address("/"+escape(name)+"/resolve/"+list.Commit+"/"+f.Path), f, filepath.Join(staging, filepath.FromSlash(f.Path))); err != nil {
			return Model{}, err
		}
	}
	m, err := l.install(staging, manifest{Name: name, Source: hub.Endpoint, Revision: list.Commit})
	if err != nil {
		err = errors.Join(err, os.RemoveAll(staging)) // trying again would give the same
	}
	return m, err
}

// loading returns the folder of a model that is being loaded, without the commit at its end.
func (l Library) loading(name string) string {
	return filepath.Join(l.Dir, ".loading-"+strings.ReplaceAll(name, "/", cacheSeparator)+"@")
}

// download loads one model.
type download struct {
	hub         Hub
	name        string
	client      *http.Client
	done, total int64
}

// newClient returns a client that follows redirects, but not from https to http, and does not
// send the token to another host. Go's own client would send it to a subdomain.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = headTimeout
	return &http.Client{Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		const maxRedirects = 10
		if len(via) >= maxRedirects || via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
			return fmt.Errorf("redirects to %s, which is not followed", r.URL.Redacted())
		}
		if r.URL.Host != via[0].URL.Host {
			r.Header.Del("Authorization")
		}
		return nil
	}}
}

// list returns the files of the model that are to be loaded.
func (d *download) list(ctx context.Context, revision string) (listing, error) {
	var l listing
	response, err := d.get(ctx, d.address("/api/models/"+escape(d.name)+"/revision/"+url.PathEscape(revision)+"?blobs=true"), 0)
	if err != nil {
		return l, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(io.LimitReader(response.Body, maxListing)).Decode(&l); err != nil {
		return l, fmt.Errorf("%s: %w", response.Request.URL.Redacted(), err)
	}
	if !isCommit(l.Commit) {
		return l, fmt.Errorf("%s names no commit", response.Request.URL.Redacted())
	}
	all := l.Files
	l.Files = nil
	for _, f := range all {
		if !wanted(f.Path) {
			continue
		}
		if sum, _ := f.sum(); !isSum(sum) || f.Size < 0 {
			return l, fmt.Errorf("the hub gives no checksum of %s", f.Path)
		}
		l.Files = append(l.Files, f)
		d.total += f.Size
	}
	return l, suitable(all, d.name)
}

// escape returns the name of a model as a part of a URL.
func escape(name string) string { return (&url.URL{Path: name}).EscapedPath() }

// suitable refuses a model without weights that can be read, before gigabytes are loaded.
func suitable(all []remote, name string) error {
	has := map[string]bool{}
	for _, f := range all {
		has[f.Path] = true
	}
	switch {
	case has[weightsFile] || has["0_Transformer/"+weightsFile]:
		return nil
	case has["pytorch_model.bin"]:
		return fmt.Errorf("model %q has its weights as a pickle only (pytorch_model.bin), which could run code: it has no %s", name, weightsFile)
	}
	return fmt.Errorf("model %q has no %s", name, weightsFile)
}

// address returns that of a path of the hub.
func (d *download) address(path string) string { return strings.TrimSuffix(d.hub.Endpoint, "/") + path }

// get requests what is at an address, from the byte at an offset on.
func (d *download) get(ctx context.Context, address string, from int64) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	request.Header.Set("Accept", "application/vnd.pypi.simple.v1+json, */*;q=0.1") // of two forms of an index this one
	if d.hub.Token != "" {
		request.Header.Set("Authorization", "Bearer "+d.hub.Token)
	}
	if from > 0 {
		request.Header.Set("Range", "bytes="+strconv.FormatInt(from, 10)+"-")
	}
	response, err := d.client.Do(request)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	if response.StatusCode != http.StatusOK && (from == 0 || response.StatusCode != http.StatusPartialContent) {
		response.Body.Close()
		return nil, &RefusedError{request.URL.Redacted(), response.StatusCode}
	}
	return response, nil
}

// load loads a file to path, or the part of it that is missing there.
func (d *download) load(ctx context.Context, address string, f remote, path string) error {
	err := d.complete(ctx, address, f, path)
	if err == nil {
		return nil
	}
	if broken := (*UnreachableError)(nil); errors.As(err, &broken) {
		broken.Begun = true
	}
	return fmt.Errorf("loading %s: %w", f.Path, err)
}

// complete is load. After a broken connection it goes on as long as some bytes arrived.
func (d *download) complete(ctx context.Context, address string, f remote, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	defer out.Close()
	have, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	for have < f.Size {
		before := have
		have, err = d.transfer(ctx, address, f, out, have)
		var refused *RefusedError
		if err != nil && (have <= before || ctx.Err() != nil || errors.As(err, &refused)) {
			return err
		}
	}
	if err := out.Sync(); err != nil {
		return err
	}
	want, h := f.sum()
	if sum, n, err := checksum(path, h); err != nil || n != f.Size || sum != want {
		return errors.Join(err, fmt.Errorf("%w: %d bytes with the checksum %s, not %d with %s; run the command again", ErrDamaged, n, sum, f.Size, want), os.Remove(path))
	}
	d.advance(f.Size)
	return nil
}

// transfer appends to out, which has have bytes, and returns how many it has afterwards.
func (d *download) transfer(ctx context.Context, address string, f remote, out *os.File, have int64) (int64, error) {
	response, err := d.get(ctx, address, have)
	if err != nil {
		return have, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		have = 0 // the server sends the whole file
	}
	if _, err := out.Seek(have, io.SeekStart); err != nil {
		return have, err
	}
	if err := out.Truncate(have); err != nil {
		return have, err
	}
	n, err := io.Copy(out, &meter{ctx, io.LimitReader(response.Body, f.Size-have+1), d, have})
	have += n
	if err == nil && have < f.Size {
		err = &UnreachableError{Err: fmt.Errorf("%d bytes in place of %d: %w", have, f.Size, io.ErrUnexpectedEOF)}
	}
	return have, err
}

// advance counts the n bytes of a complete file.
func (d *download) advance(n int64) {
	d.done += n
	d.show(0)
}

func (d *download) show(more int64) {
	if d.hub.Progress != nil {
		d.hub.Progress(d.done+more, d.total)
	}
}

// meter reports the progress of a file, and marks errors of the connection, which are then
// told from errors of the disk.
type meter struct {
	ctx context.Context
	io.Reader
	d    *download
	have int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.have += int64(n)
	m.d.show(m.have)
	if err != nil && err != io.EOF {
		err = unreachable(m.ctx, err)
	}
	return n, err
}
