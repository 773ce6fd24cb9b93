package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// embeddedTexts are the vectors of texts, so that a text of several sets is embedded once.
type embeddedTexts map[string]json.RawMessage

// record is a document of a set, and of a store that is listed.
type record struct {
	ID     string          `json:"id"`
	Text   string          `json:"text"`
	Vector json.RawMessage `json:"vector,omitempty"`
}

// embedded are those of all stores of an embedder.
func (b *bench) embedded(ctx context.Context, e embedder) (embeddedTexts, error) {
	if texts := b.vectors[e.name]; texts != nil {
		return texts, nil
	}
	texts := embeddedTexts{}
	stores, err := filepath.Glob(filepath.Join(b.stores, "*", strings.ReplaceAll(e.name, ":", "-")))
	if err != nil {
		return nil, err
	}
	for _, store := range stores {
		if err := texts.read(ctx, b.sheaf, store); err != nil {
			return nil, err
		}
	}
	b.vectors[e.name] = texts
	return texts, nil
}

// read takes in those of a store.
func (texts embeddedTexts) read(ctx context.Context, sheaf, store string) error {
	list, err := output(ctx, sheaf, "list", "--jsonl", "--with-vectors", "--store", store)
	if err != nil {
		return err
	}
	return eachRecord(bytes.NewReader(list), func(r record) error { texts[r.Text] = r.Vector; return nil })
}

// add copies a file of documents with the vectors that are known. It counts the others.
func (texts embeddedTexts) add(from, to string) (unknown int, err error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return 0, err
	}
	out, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	w := json.NewEncoder(out)
	err = eachRecord(in, func(r record) error {
		if r.Vector = texts[r.Text]; r.Vector == nil {
			unknown++
		}
		return w.Encode(r)
	})
	return unknown, errors.Join(err, out.Close())
}

func eachRecord(r io.Reader, f func(record) error) error {
	for d := json.NewDecoder(bufio.NewReader(r)); ; {
		var one record
		if err := d.Decode(&one); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := f(one); err != nil {
			return err
		}
	}
}
