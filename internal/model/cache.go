package model

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The cache of the Python package huggingface_hub: models--OWNER--NAME/refs/main holds the
// commit whose files are links in snapshots/COMMIT, to blobs named by their checksum.
const cachePrefix, cacheSeparator = "models--", "--"

// cached returns a model in the Hugging Face cache, with an empty Dir if it is not there.
func (l Library) cached(name string) Model {
	m := Model{Name: name}
	if l.Cache == "" {
		return m
	}
	dir := filepath.Join(l.Cache, cachePrefix+strings.ReplaceAll(name, "/", cacheSeparator))
	commit, err := os.ReadFile(filepath.Join(dir, "refs", "main"))
	if revision := strings.TrimSpace(string(commit)); err == nil && isPart(revision) {
		m.Dir = filepath.Join(dir, "snapshots", revision)
	}
	return m
}

// allCached returns the models of any kind in the Hugging Face cache.
func (l Library) allCached() []Model {
	entries, err := os.ReadDir(l.Cache)
	if err != nil {
		return nil // there is no cache, or it cannot be read
	}
	var all []Model
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), cachePrefix)
		owner, base, found := strings.Cut(name, cacheSeparator)
		if !ok || !found || !isPart(owner) || !isPart(base) {
			continue
		}
		if m := l.cached(owner + "/" + base); m.Dir != "" {
			all = append(all, m)
		}
	}
	return all
}

// verifyCached compares each file with the name of the blob that it is a link to.
func verifyCached(dir string) error {
	var problems []error
	for _, name := range files(dir) {
		target, err := os.Readlink(filepath.Join(dir, name))
		if err != nil {
			continue // a copy, where the file system has no links: its checksum is not known
		}
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		want, h := filepath.Base(target), gitBlob(info.Size())
		if len(want) == 2*sha256.Size {
			h = sha256.New()
		}
		if sum, _, err := checksum(path, h); err != nil || sum != want {
			problems = append(problems, errors.Join(err, fmt.Errorf("%q is %w: its checksum is %s, not %s", path, ErrDamaged, sum, want)))
		}
	}
	return errors.Join(problems...)
}
