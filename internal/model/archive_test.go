package model_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/model"
)

// archive packs files, given as name and content in turn.
func archive(t testing.TB, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.whl")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAddArchive(t *testing.T) {
	t.Parallel()
	for name, files := range map[string][]string{
		"at the root":             {"config.json", "{}", "model.safetensors", "w", "1_Pooling/config.json", "{}", "code.py", ""},
		"in a wheel":              {"p/__init__.py", "", "p/model/config.json", "{}", "p/model/model.safetensors", "w", "p/model/1_Pooling/config.json", "{}", "p/model/deep/er/config.json", "{}"},
		"beside the same in ONNX": {"m/onnx/model.safetensors", "x", "m/onnx/config.json", "bad", "m/model.safetensors", "w", "m/config.json", "{}", "m/1_Pooling/config.json", "{}"},
		"out of its place":        {"../../model.safetensors", "x", "../config.json", "bad", "/model.safetensors", "x", "m/config.json", "{}", "m/model.safetensors", "w", "m/1_Pooling/config.json", "{}"},
	} {
		l := library(t)
		m, err := l.AddArchive(t.Context(), archive(t, files...), "a/b")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff([]string{"1_Pooling/config.json", "config.json", "model.safetensors", "sheaf-model.json"}, tree(t, m.Dir)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if weights, err := os.ReadFile(filepath.Join(m.Dir, "model.safetensors")); string(weights) != "w" {
			t.Errorf("%s: weights %q, %v", name, weights, err)
		}
	}
	l := library(t)
	m, err := l.AddArchive(t.Context(), archive(t, "modules.json", "[]", "0_Transformer/config.json", "{}", "0_Transformer/model.safetensors", "w", "config.json", "{}"), "a/b")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0_Transformer/config.json", "0_Transformer/model.safetensors", "config.json", "modules.json", "sheaf-model.json"}, tree(t, m.Dir)); diff != "" {
		t.Error(diff)
	}
}

func TestAddArchiveRefuses(t *testing.T) {
	t.Parallel()
	l := library(t)
	if _, err := l.AddArchive(t.Context(), "absent.zip", "a/b"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	whole := archive(t, "config.json", "{}", "model.safetensors", strings.Repeat("w", 1000))
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(t.TempDir(), "b.zip")
	at := bytes.LastIndex(data, []byte("PK\x03\x04")) + len("PK\x03\x04") + 26 + len("model.safetensors") + 1 // in the packed bytes
	if err := os.WriteFile(damaged, append(append(bytes.Clone(data[:at]), data[at]^1), data[at+1:]...), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ file, want string }{
		"no archive": {filepath.Join(smallModel(t), "vocab.txt"), "not a valid zip file"},
		"no weights": {archive(t, "config.json", "{}"), "holds no model.safetensors"},
		"damaged":    {damaged, "copying from"},
	} {
		if _, err := l.AddArchive(t.Context(), test.file, "a/b"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := l.AddArchive(t.Context(), whole, ""); !errors.Is(err, model.ErrNameless) {
		t.Errorf("without a name: %v", err)
	}
	if left := tree(t, l.Dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
