package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
)

// openIndexFile opens an index file. That it is missing, or no file at all, is
// damage; that it may not be opened is not.
func openIndexFile(path string, flag int) (*os.File, error) {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, damaged(path, "it is not a file")
	}
	f, err := os.OpenFile(path, flag, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damaged(path, "it is missing")
	}
	return f, err
}

// checkIndex holds an index file's header and size against the state. The
// header's own count is not believed: a kill may have left it behind.
func checkIndex(f *os.File, st *state) error {
	head := make([]byte, faiss.HeaderSize)
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, faiss.HeaderSize), head); err != nil {
		return damaged(f.Name(), "its header cannot be read: %v", err)
	}
	h, err := faiss.ParseHeader(head)
	switch {
	case err != nil:
		return damaged(f.Name(), "%v", err)
	case h.StoreID != st.id:
		return damaged(f.Name(), "it belongs to another store")
	case h.D != st.facts.Dim || h.Metric != faissMetric(st.facts.Metric):
		return damaged(f.Name(), "its header has dim %d and metric %d, the store has dim %d and metric %s", h.D, h.Metric, st.facts.Dim, st.facts.Metric)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if need := st.indexSize(); info.Size() < need {
		return damaged(f.Name(), "it has %d bytes of %d", info.Size(), need)
	}
	return nil
}

// indexSize is how many bytes of the index file are committed.
func (st *state) indexSize() int64 {
	return faiss.HeaderSize + 4*st.rows*int64(st.facts.Dim)
}

// header is what the index file's first bytes say about a state.
func (st *state) header() []byte {
	h := faiss.Header{D: st.facts.Dim, Ntotal: st.rows, Metric: faissMetric(st.facts.Metric), StoreID: st.id}
	return h.Append(nil)
}

// newIndexFile makes an empty index file, in the place of one that does not count.
func newIndexFile(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

// createIndex writes an empty index file for st and syncs it.
func createIndex(path string, st *state) (*os.File, error) {
	f, err := newIndexFile(path)
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(st.header()); err == nil {
		err = f.Sync()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("writing %q: %w", path, err)
	}
	return f, nil
}

// repairIndex opens the index file for writing, cuts what a killed writer left
// past the committed rows, and makes the header say what the state says.
func repairIndex(path string, st *state) (*os.File, error) {
	f, err := openIndexFile(path, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	err = checkIndex(f, st)
	if err == nil {
		err = cutTail(f, st)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// cutTail brings the index file back to what st committed.
func cutTail(f *os.File, st *state) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > st.indexSize() {
		if err := f.Truncate(st.indexSize()); err != nil {
			return err
		}
	}
	head := make([]byte, faiss.HeaderSize)
	if _, err := f.ReadAt(head, 0); err != nil {
		return err
	}
	if string(head) == string(st.header()) {
		return nil
	}
	_, err = f.WriteAt(st.header(), 0)
	return err
}

// faissMetric returns Faiss's metric for one of ours: vectors under Cosine have
// length 1, so that it is their inner product.
func faissMetric(m engine.Metric) faiss.Metric {
	if m == engine.L2 {
		return faiss.L2
	}
	return faiss.InnerProduct
}
