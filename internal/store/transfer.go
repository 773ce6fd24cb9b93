package store

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"sheaf/internal/engine"
)

// Key is the key of the source at a path for the store in dir: relative to the
// folder that holds the store where it lies below it, else absolute. What names
// no file, standard input or a URL, is its own key.
func Key(dir, path string) (string, error) {
	if opaque(path) {
		return path, nil
	}
	abs, err := filepath.Abs(filepath.FromSlash(path))
	if err != nil {
		return "", err
	}
	home, err := home(dir)
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(home, abs); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel), nil
	}
	return filepath.ToSlash(abs), nil
}

// Path is where the file of a key is, or the key itself where it names none.
func Path(dir, key string) (string, error) {
	path := filepath.FromSlash(key)
	if opaque(key) || filepath.IsAbs(path) {
		return path, nil
	}
	home, err := home(dir)
	return filepath.Join(home, path), err
}

// Key is the key that a path has in this store.
func (s *Store) Key(path string) (string, error) { return Key(s.dir, path) }

// Path is where the file of a key of this store is.
func (s *Store) Path(key string) (string, error) { return Path(s.dir, key) }

func opaque(key string) bool {
	return strings.HasPrefix(key, engine.StdinPrefix) || strings.Contains(key, "://")
}

// home is the folder that holds the store in dir: the store's own, where dir is
// a symbolic link to it.
func home(dir string) (string, error) {
	dir = filepath.Clean(dir)
	if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if dir, err = filepath.EvalSymlinks(dir); err != nil {
			return "", err
		}
	}
	return filepath.Abs(filepath.Dir(dir))
}

// What is read of a store in one transaction: so many documents, or so many
// bytes of their texts, metadata and vectors.
const (
	transferPage  = 1000
	transferBytes = 8 << 20
)

// Snapshot is what a store holds at one moment, to be read whole.
type Snapshot struct {
	Facts     engine.Facts
	Documents int64

	s                 *Store
	generation, count int64
}

// Snapshot takes the state of the store as it is now.
func (s *Store) Snapshot(ctx context.Context) (snap *Snapshot, err error) {
	err = s.transaction(ctx, func() error {
		snap = &Snapshot{Facts: s.state.facts, Documents: s.state.documents, s: s, generation: s.state.generation, count: s.state.count}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading store %q: %w", s.dir, err)
	}
	return snap, nil
}

// Transfers yields all documents with their vectors, in the order of insertion,
// for the store in the folder dir. No transaction is open while the caller
// works. What is added meanwhile does not come; documents that go away or
// change end it with an error.
func (snap *Snapshot) Transfers(ctx context.Context, dir string) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		r := transferReader{from: snap.s, dir: dir, snap: snap}
		for {
			page, err := r.page(ctx)
			if err != nil {
				yield(engine.Transfer{}, fmt.Errorf("reading store %q: %w", snap.s.dir, err))
				return
			}
			for _, t := range page {
				if !yield(t, nil) {
					return
				}
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

// transferReader reads a store for another one.
type transferReader struct {
	from   *Store
	dir    string // of the receiving store
	snap   *Snapshot
	next   int64         // number of the next document
	source engine.Source // of the last document
}

func (r *transferReader) page(ctx context.Context) (page []engine.Transfer, err error) {
	s := r.from
	err = s.transaction(ctx, func() error {
		if r.snap.generation != s.state.generation {
			return errChanged
		}
		numbers, _ := s.state.aliveFrom(r.next, transferPage)
		for len(numbers) > 0 && numbers[len(numbers)-1] >= r.snap.count {
			numbers = numbers[:len(numbers)-1]
		}
		if page, err = r.documents(numbers); err != nil || len(page) == 0 {
			return err
		}
		numbers = numbers[:len(page)]
		r.next = numbers[len(page)-1] + 1
		flat, file, err := s.openIndex()
		if err != nil {
			return err
		}
		defer file.Close()
		x, err := s.state.vectors(flat, numbers)
		for i := range page {
			page[i].Vector = x[i*s.state.facts.Dim:][:s.state.facts.Dim]
		}
		return err
	})
	return page, err
}

// documents reads visible documents, given by rising numbers, in one pass over
// the table: as many of the first as make a page.
func (r *transferReader) documents(numbers []int64) (page []engine.Transfer, err error) {
	if len(numbers) == 0 {
		return nil, nil
	}
	s, size := r.from, 0
	for row, err := range s.conn.Query(selectDocument+`WHERE d.n BETWEEN ? AND ? ORDER BY d.n`, numbers[0], numbers[len(numbers)-1]) {
		if err != nil {
			return nil, err
		}
		if n := row.Int64(0); size >= transferBytes || len(page) == len(numbers) || n != numbers[len(page)] {
			continue
		}
		_, d, err := scanDocument(row, s.path)
		if err != nil {
			return nil, err
		}
		size += len(d.Text) + len(d.Metadata) + 4*s.state.facts.Dim
		page = append(page, engine.Transfer{Document: d, Origin: engine.Origin(row.Int(8))})
	}
	if size < transferBytes && len(page) < len(numbers) {
		return nil, damaged(s.path, "document %d is missing", numbers[len(page)])
	}
	for i := range page {
		if page[i].From, err = r.sourceOf(page[i].Document.Source); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// sourceOf returns the source with a name as the receiving store knows it.
// Documents that follow one another most often share it.
func (r *transferReader) sourceOf(name string) (engine.Source, error) {
	if r.source.Name == name && r.source.Number != 0 {
		return r.source, nil
	}
	src, found, err := r.from.readSource(`name`, name)
	if err != nil {
		return src, err
	}
	if !found {
		return src, damaged(r.from.path, "source %q is missing", name)
	}
	path, err := r.from.Path(src.Key)
	if err != nil {
		return src, err
	}
	if src.Key, err = Key(r.dir, path); err != nil {
		return src, err
	}
	r.source = src
	return src, nil
}
