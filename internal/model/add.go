package model

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sheaf/internal/publish"
	"sheaf/internal/use"
)

// knownWeights maps the checksum of a model's weights to its name, for archives that do not
// say which model they hold. That of package use's files is of both, the weights first.
var knownWeights = map[string]string{
	"53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db": "sentence-transformers/all-MiniLM-L6-v2",
	"6b6af08cf9844592841fecf57b33de42e223a59008ad12a17356a41d6d0e4984": "google/universal-sentence-encoder-multilingual",
}

// ErrNameless is wrapped by the error about a model whose name is not known.
var ErrNameless = errors.New("nothing says what model this is")

// ErrExists is wrapped by the error about a model that the library has already.
var ErrExists = errors.New("is here already")

// AddFolder copies the model in a folder into the library. An empty name is found by the
// checksum of the weights.
func (l Library) AddFolder(ctx context.Context, dir, name string) (Model, error) {
	files := os.DirFS(dir)
	if !isModel(dir) && !isUSE(files) {
		return Model{}, fmt.Errorf("%q is no model: it has no %s", dir, configFile)
	}
	return l.addFS(ctx, files, dir, name)
}

// AddArchive copies the model in a zip archive or a Python wheel, in whatever folder of it.
func (l Library) AddArchive(ctx context.Context, file, name string) (Model, error) {
	return l.addArchive(ctx, file, file, name)
}

func (l Library) addArchive(ctx context.Context, file, source, name string) (Model, error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return Model{}, fmt.Errorf("opening %q: %w", file, err)
	}
	defer z.Close()
	root := ""
	for _, f := range z.File {
		if base := path.Base(f.Name); (base == weightsFile || base == use.WeightsFile) && fs.ValidPath(f.Name) && (root == "" || len(path.Dir(f.Name)) < len(root)) {
			root = path.Dir(f.Name)
		}
	}
	if root == "" {
		return Model{}, fmt.Errorf("%q holds no %s", file, weightsFile)
	}
	if base := path.Base(root); isModule(base) {
		root = path.Dir(root)
	}
	model, err := fs.Sub(z, root)
	if err != nil {
		return Model{}, err
	}
	return l.addFS(ctx, model, source, name)
}

// addFS copies the model at the root of a file system.
func (l Library) addFS(ctx context.Context, model fs.FS, source, name string) (m Model, err error) {
	staging, err := l.stage()
	if err != nil {
		return Model{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(staging)) }() // gone already if it was renamed
	add, weights := copyFiles, []string{weightsFile}
	if isUSE(model) {
		add, weights = use.Convert, []string{use.WeightsFile, use.PiecesFile}
	}
	if err := add(ctx, model, staging); err != nil {
		return Model{}, fmt.Errorf("copying from %q: %w", source, err)
	}
	if name == "" {
		if name, err = nameOf(model, weights); err != nil {
			return Model{}, err
		}
		if name == "" {
			return Model{}, fmt.Errorf("%q: %w", source, ErrNameless)
		}
	}
	return l.install(staging, manifest{Name: name, Source: source})
}

// isUSE reports whether a folder has the files that package use makes a model of.
func isUSE(model fs.FS) bool {
	_, err := fs.Stat(model, use.WeightsFile)
	return err == nil
}

// nameOf returns the name of the model with these weights, or "".
func nameOf(model fs.FS, weights []string) (string, error) {
	h := sha256.New()
	for _, name := range weights {
		f, err := model.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return "", err
		}
	}
	return knownWeights[hex.EncodeToString(h.Sum(nil))], nil
}

// stage makes a temporary folder for the files of a model.
func (l Library) stage() (string, error) {
	if err := os.MkdirAll(l.Dir, 0o777); err != nil {
		return "", err
	}
	return os.MkdirTemp(l.Dir, ".adding-")
}

// copyFiles copies the files that are part of a model.
func copyFiles(ctx context.Context, from fs.FS, to string) error {
	return fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case entry.IsDir() && name != "." && !isModule(name):
			return fs.SkipDir
		case entry.IsDir() || !wanted(name):
			return nil
		}
		f, err := from.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		path := filepath.Join(to, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		return writeSynced(path, f)
	})
}

// install checks a complete folder, saves what is made of it, writes its manifest, and renames it
// to its place in the library.
func (l Library) install(staging string, about manifest) (Model, error) {
	m, err := l.vacant(about.Name)
	if err != nil {
		return Model{}, err
	}
	if err := l.Check(staging); err != nil {
		return Model{}, errors.New(strings.ReplaceAll(err.Error(), staging, about.Source)) // people know the source, not the temporary folder
	}
	if err := l.Save(staging); err != nil {
		return Model{}, err
	}
	sums, err := newManifest(staging)
	if err != nil {
		return Model{}, err
	}
	about.Files = sums.Files
	if err := about.write(staging); err != nil {
		return Model{}, err
	}
	// MkdirTemp makes folders that only this user can read.
	if err := errors.Join(os.Chmod(staging, 0o755), os.MkdirAll(filepath.Dir(m.Dir), 0o777)); err != nil {
		return Model{}, err
	}
	if err := os.Rename(staging, m.Dir); err != nil {
		return Model{}, err
	}
	m.Bytes = size(m.Dir)
	return m, publish.SyncDir(filepath.Dir(m.Dir))
}

// writeSynced writes a file and syncs it.
func writeSynced(path string, r io.Reader) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Sync(), f.Close())
}
