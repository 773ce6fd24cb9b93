package model

import (
	"crypto/sha1" // names the blobs of git, as the hub does with small files
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const (
	configFile   = "config.json"
	weightsFile  = "model.safetensors"
	manifestFile = "sheaf-model.json"
	savedFile    = "model.int8" // of Library.Save, and so never taken from elsewhere
)

// known lists the names of files that a model may have.
var known = []string{
	configFile, weightsFile, "modules.json", "tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json",
	"sentence_bert_config.json", "config_sentence_transformers.json", "README.md", "LICENSE",
}

// Files returns the paths of the files that a model of sentence-transformers usually has.
func Files() []string {
	return []string{configFile, weightsFile, "modules.json", "1_Pooling/config.json", "tokenizer.json", "vocab.txt", "tokenizer_config.json",
		"sentence_bert_config.json", "config_sentence_transformers.json"}
}

// isModule reports whether a folder is that of a module of a model, such as 1_Pooling.
func isModule(name string) bool {
	number, class, found := strings.Cut(name, "_")
	return found && consistsOf(number, "0123456789") && consistsOf(strings.ToLower(class), "abcdefghijklmnopqrstuvwxyz")
}

// consistsOf reports whether s has characters, and only some of these.
func consistsOf(s, characters string) bool { return s != "" && strings.Trim(s, characters) == "" }

// wanted reports whether a file, by its slash-separated path, is part of a model.
func wanted(name string) bool {
	dir, base := path.Split(name)
	return slices.Contains(known, base) && (dir == "" || isModule(strings.TrimSuffix(dir, "/")))
}

// files returns the slash-separated paths of a model's files.
func files(dir string) []string {
	var found []string
	for _, pattern := range []string{"*", "[0-9]*_*/*"} {
		names, _ := fs.Glob(os.DirFS(dir), pattern) // the pattern is well-formed
		found = append(found, names...)
	}
	return slices.DeleteFunc(found, func(name string) bool { return !wanted(name) && path.Base(name) != savedFile })
}

// manifest describes a model of the library.
type manifest struct {
	Name     string `json:"name"`
	Source   string `json:"source"`             // where it came from
	Revision string `json:"revision,omitempty"` // commit on the hub
	Files    []file `json:"files"`
}

// file is a file as it was when the model was added.
type file struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// newManifest returns the checksums of the files in dir.
func newManifest(dir string) (manifest, error) {
	var m manifest
	for _, name := range files(dir) {
		sum, bytes, err := checksum(filepath.Join(dir, name), sha256.New())
		if err != nil {
			return m, err
		}
		m.Files = append(m.Files, file{name, bytes, sum})
	}
	return m, nil
}

// write puts the manifest into dir.
func (m manifest) write(dir string) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return writeSynced(filepath.Join(dir, manifestFile), strings.NewReader(string(data)+"\n"))
}

func readManifest(dir string) (manifest, error) {
	var m manifest
	data, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	return m, err
}

// checksum returns the hash of a file in hexadecimal digits, and its length in bytes.
func checksum(path string, h hash.Hash) (string, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	n, err := io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), n, err
}

// gitBlob returns the hash by which git names a blob of the given number of bytes.
func gitBlob(bytes int64) hash.Hash {
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", bytes)
	return h
}

// ErrDamaged is wrapped by the error about a file that differs from its checksum.
var ErrDamaged = errors.New("damaged")

// Verify compares every file of a model with its checksum, which was recorded when the model
// was added, or is the file's name in the Hugging Face cache. A model that was put into the
// library by hand has none. Then it calls Check.
func (l Library) Verify(m Model) error {
	verify := verifyCached
	if m.Own {
		verify = verifyOwn
	}
	if err := verify(m.Dir); err != nil {
		return fmt.Errorf("model %q: %w", m.Name, err)
	}
	if err := l.Check(m.Dir); err != nil {
		return fmt.Errorf("model %q: %w", m.Name, err)
	}
	return nil
}

func verifyOwn(dir string) error {
	m, err := readManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", manifestFile, err)
	}
	var problems []error
	for _, f := range m.Files {
		sum, bytes, err := checksum(filepath.Join(dir, f.Path), sha256.New())
		switch {
		case err != nil:
			problems = append(problems, err)
		case bytes != f.Bytes || sum != f.SHA256:
			problems = append(problems, fmt.Errorf("%q is %w: %d bytes, sha256 %s, not %d, %s", filepath.Join(dir, f.Path), ErrDamaged, bytes, sum, f.Bytes, f.SHA256))
		}
	}
	return errors.Join(problems...)
}
