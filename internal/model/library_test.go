package model_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/model"
	"sheaf/internal/model/modeltest"
)

// smallModel is a folder with the files of a model that cannot be used.
func smallModel(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"config.json": `{"model_type": "bert"}`, "model.safetensors": strings.Repeat("weights ", 100_000), "modules.json": "[]",
		"1_Pooling/config.json": "{}", "vocab.txt": "[PAD]\n", "README.md": "# A model\n",
		"pytorch_model.bin": "pickle", "onnx/config.json": "{}", "train_script.py": "import os", ".gitattributes": "*",
	} {
		put(t, dir, name, content)
	}
	return dir
}

// modelFiles lists the files of smallModel that are part of a model.
var modelFiles = []string{"1_Pooling/config.json", "README.md", "config.json", "model.safetensors", "modules.json", "sheaf-model.json", "vocab.txt"}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// errBad is what the check of library says of a folder with a file named bad.
var errBad = errors.New("no good")

func library(t *testing.T) model.Library {
	t.Helper()
	return model.Library{Dir: filepath.Join(t.TempDir(), "models"), Cache: filepath.Join(t.TempDir(), "cache"), Check: func(dir string) error {
		if config, err := os.ReadFile(filepath.Join(dir, "config.json")); err != nil || strings.Contains(string(config), "bad") {
			return errors.Join(err, errBad)
		}
		return nil
	}, Save: func(string) error { return nil }}
}

// tree returns every file below a folder.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			relative, relErr := filepath.Rel(dir, path)
			all, err = append(all, filepath.ToSlash(relative)), relErr
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return all
}

func below(prefix string, files []string) []string {
	var all []string
	for _, f := range files {
		all = append(all, prefix+"/"+f)
	}
	return all
}

func TestAddFolderFindListRemove(t *testing.T) {
	t.Parallel()
	l, dir := library(t), smallModel(t)
	added, err := l.AddFolder(t.Context(), dir, "me/small")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(below("me/small", modelFiles), tree(t, l.Dir)); diff != "" {
		t.Error(diff)
	}
	found, err := l.Find("me/small")
	if err != nil || found != added || found.Bytes < 800_000 || !found.Own {
		t.Errorf("found %+v, %v, added %+v", found, err, added)
	}
	if all, err := l.List(); err != nil || !slices.Equal(all, []model.Model{added}) {
		t.Errorf("listed %+v, %v", all, err)
	}
	if err := l.Verify(added); err != nil {
		t.Error(err)
	}
	if _, err := l.AddFolder(t.Context(), dir, "me/small"); !errors.Is(err, model.ErrExists) {
		t.Errorf("added twice: %v", err)
	}
	if err := l.Remove("me/small"); err != nil {
		t.Fatal(err)
	}
	if left := tree(t, filepath.Dir(l.Dir)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	var missing *model.NotFoundError
	if err := l.Remove("me/small"); !errors.As(err, &missing) || missing.Name != "me/small" {
		t.Errorf("removed twice: %v", err)
	}
}

// What is saved beside a model is a part of it. A file of that name in the model is not taken.
func TestAddSaves(t *testing.T) {
	t.Parallel()
	l, dir := library(t), smallModel(t)
	put(t, dir, "model.int8", "another's")
	put(t, dir, "0_Transformer/model.int8", "another's")
	l.Save = func(dir string) error {
		for _, name := range tree(t, dir) {
			if filepath.Base(name) == "model.int8" {
				t.Errorf("%s was taken", name)
			}
		}
		return os.WriteFile(filepath.Join(dir, "model.int8"), []byte("saved"), 0o666)
	}
	m, err := l.AddFolder(t.Context(), dir, "me/small")
	if err != nil {
		t.Fatal(err)
	}
	put(t, m.Dir, "model.int8", "other")
	if err := l.Verify(m); !errors.Is(err, model.ErrDamaged) || !strings.Contains(err.Error(), `model.int8" is damaged`) {
		t.Errorf("damaged: %v", err)
	}
	full := errors.New("no space")
	l.Save = func(string) error { return full }
	if _, err := l.AddFolder(t.Context(), dir, "me/other"); !errors.Is(err, full) {
		t.Errorf("saving fails: %v", err)
	}
	if _, err := l.Find("me/other"); err == nil {
		t.Error("it was added all the same")
	}
}

// A model that was put into its place by hand has no checksums, and counts.
func TestByHand(t *testing.T) {
	t.Parallel()
	l := library(t)
	put(t, l.Dir, "me/mine/config.json", "{}")
	m, err := l.Find("me/mine")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Verify(m); err != nil {
		t.Error(err)
	}
	put(t, l.Dir, "me/mine/config.json", "bad")
	if err := l.Verify(m); !errors.Is(err, errBad) {
		t.Errorf("verified: %v", err)
	}
}

func TestVerifyFindsDamage(t *testing.T) {
	t.Parallel()
	l := library(t)
	m, err := l.AddFolder(t.Context(), smallModel(t), "me/small")
	if err != nil {
		t.Fatal(err)
	}
	put(t, m.Dir, "model.safetensors", strings.Repeat("Weights ", 100_000))
	if err := l.Verify(m); !errors.Is(err, model.ErrDamaged) || !strings.Contains(err.Error(), `model.safetensors" is damaged`) {
		t.Errorf("other bytes: %v", err)
	}
	if err := os.Remove(filepath.Join(m.Dir, "vocab.txt")); err != nil {
		t.Fatal(err)
	}
	if err := l.Verify(m); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, model.ErrDamaged) {
		t.Errorf("a file missing: %v", err)
	}
	put(t, m.Dir, "sheaf-model.json", "{")
	if err := l.Verify(m); err == nil || !strings.Contains(err.Error(), "sheaf-model.json: unexpected end") {
		t.Errorf("a broken manifest: %v", err)
	}
}

func TestHuggingFaceCache(t *testing.T) {
	t.Parallel()
	l := library(t)
	if all, err := l.List(); err != nil || len(all) != 0 {
		t.Errorf("without a cache: %v, %v", all, err)
	}
	if err := modeltest.FillCache(l.Cache, "BAAI/bge", smallModel(t)); err != nil {
		t.Fatal(err)
	}
	unfit := smallModel(t)
	put(t, unfit, "config.json", "bad")
	if err := modeltest.FillCache(l.Cache, "some/llm", unfit); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"models--a--b/refs/main", "models--onlyone/refs/main", "datasets--a--b/x", "models--c--d/x", "models--e--f/refs/main"} {
		put(t, l.Cache, name, "../../..")
	}
	m, err := l.Find("BAAI/bge")
	if err != nil || m.Own || !strings.HasPrefix(m.Dir, l.Cache) {
		t.Fatalf("found %+v, %v", m, err)
	}
	if all, err := l.List(); err != nil || !slices.Equal(all, []model.Model{m}) {
		t.Errorf("listed %+v, %v", all, err)
	}
	if err := l.Verify(m); err != nil {
		t.Error(err)
	}
	if err := l.Remove("BAAI/bge"); !errors.Is(err, model.ErrNotOwn) {
		t.Errorf("removed: %v", err)
	}
	for _, name := range []string{"vocab.txt", "model.safetensors"} {
		put(t, m.Dir, name, "other")
	}
	err = l.Verify(m)
	for _, name := range []string{"vocab.txt", "model.safetensors"} {
		if !errors.Is(err, model.ErrDamaged) || !strings.Contains(err.Error(), name+`" is damaged`) {
			t.Errorf("damage of %s: %v", name, err)
		}
	}

	// The library's own goes first.
	own, err := l.AddFolder(t.Context(), smallModel(t), "BAAI/bge")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := l.Find("BAAI/bge"); err != nil || found != own {
		t.Errorf("found %+v, %v", found, err)
	}
	if all, err := l.List(); err != nil || !slices.Equal(all, []model.Model{own}) {
		t.Errorf("listed %+v, %v", all, err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	l := library(t)
	for _, name := range []string{"", "a", "/a", "a/", "a/b/c", "../a", "a/..", "./a", ".a/b", `a\b/c`, "a/b\x00"} {
		for what, err := range map[string]error{
			"find":     second(l.Find(name)),
			"remove":   l.Remove(name),
			"folder":   second(l.AddFolder(t.Context(), smallModel(t), orDot(name))),
			"download": second(l.Download(t.Context(), model.Hub{Endpoint: "http://127.0.0.1:1"}, name, "main")),
		} {
			if !errors.Is(err, model.ErrName) {
				t.Errorf("%s %q: %v", what, name, err)
			}
		}
	}
	if left := tree(t, filepath.Dir(l.Dir)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func second[T any](_ T, err error) error { return err }

// orDot keeps an empty name from meaning "by its weights".
func orDot(name string) string {
	if name == "" {
		return "."
	}
	return name
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	l, dir := library(t), smallModel(t)
	if _, err := l.AddFolder(t.Context(), t.TempDir(), "a/b"); err == nil || !strings.Contains(err.Error(), "is no model: it has no config.json") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := l.AddFolder(t.Context(), dir, ""); !errors.Is(err, model.ErrNameless) {
		t.Errorf("without a name: %v", err)
	}
	put(t, dir, "config.json", "bad")
	if _, err := l.AddFolder(t.Context(), dir, "a/b"); err == nil || !strings.Contains(err.Error(), errBad.Error()) {
		t.Errorf("not usable: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errBad)
	if _, err := l.AddFolder(ctx, dir, "a/b"); !errors.Is(err, errBad) {
		t.Errorf("interrupted: %v", err)
	}
	if left := tree(t, l.Dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	put(t, filepath.Dir(l.Dir), "file", "")
	l.Dir = filepath.Join(filepath.Dir(l.Dir), "file")
	if _, err := l.AddFolder(t.Context(), dir, "a/b"); err == nil {
		t.Error("added below a file")
	}
}
