//go:build cgo

package transformer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sheaf/internal/publish"
)

// ErrNoInt8 is wrapped by the errors of models that cannot be computed in int8.
var ErrNoInt8 = errors.New("has no int8 form")

const (
	// codesFile lies beside the weights: a title of titleSize bytes, and the panels of all layers
	// as bert_pack8 makes them, which are the same on every little-endian processor.
	codesFile = "model.int8"
	titleSize = 64
	probes    = 8 // numbers of each layer that the title covers
)

// SaveInt8 writes the codes of the model in dir beside its weights, where [OpenInt8] and
// [OpenClassifier] look for them: mapped, they are there at once. The error of a model that has no
// such codes wraps [ErrNoInt8].
func SaveInt8(dir string) error {
	open := OpenInt8
	if IsClassifier(dir) {
		open = func(dir, level string) (*Model, error) { return OpenClassifier(dir, level, true) }
	}
	m, err := open(dir, "")
	if err != nil {
		return err
	}
	if err := m.ready(); err != nil {
		return errors.Join(err, m.Close())
	}
	path := filepath.Join(dir, filepath.FromSlash(m.folder.encoder), codesFile)
	// A file that is there stays until the new one is whole: the codes may be mapped from it.
	err = publish.Write([]string{path}, func(files []*os.File) error { return m.codes.write(files[0]) })
	return errors.Join(err, m.Close())
}

// codeSet are the codes of a model.
type codeSet struct {
	title  string // what a file of them begins with
	layers []*coded
}

// codesTitle names this form of codes, and the model by some numbers of each of its tensors: other
// weights have others.
func codesTitle(fingerprint string) string {
	return fmt.Sprintf("%-*s\n", titleSize-1, "sheaf, codes of int8, 1: "+fingerprint)
}

func (s *codeSet) write(w io.Writer) error {
	_, err := io.WriteString(w, s.title)
	for _, c := range s.layers {
		if err == nil {
			_, err = w.Write(c.panels)
		}
	}
	return err
}

// read maps a file of the codes; nil: there is none of this model.
func (s *codeSet) read(path string) *mapping {
	m, err := openMapping(path)
	if err != nil {
		return nil
	}
	size := titleSize
	for _, c := range s.layers {
		size += c.size()
	}
	if len(m.data) != size || string(m.data[:titleSize]) != s.title {
		_ = m.close() // the codes are made anew
		return nil
	}
	lay(s.layers, m.data[titleSize:])
	m.load(0, uint64(size))
	return m
}

// settle sets the units of every layer to those of its panels.
func (s *codeSet) settle() error {
	for _, c := range s.layers {
		if err := c.settle(); err != nil {
			return err
		}
	}
	return nil
}
