package langchain

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"

	"sheaf/internal/faiss"
	"sheaf/internal/pickle"
	"sheaf/internal/publish"
	"sheaf/internal/vector"
)

// Shape is what the vectors of a store have in common.
type Shape struct {
	Dim    int
	Metric faiss.Metric
}

// header is the beginning of an index file of n vectors, byte for byte as
// Faiss writes it.
func (s Shape) header(n int64) []byte {
	h := faiss.Header{D: s.Dim, Ntotal: n, Metric: s.Metric}
	const reserved = 1 << 20 // what Faiss puts into the two fields that it ignores
	binary.LittleEndian.PutUint64(h.StoreID[:8], reserved)
	binary.LittleEndian.PutUint64(h.StoreID[8:], reserved)
	return h.Append(nil)
}

// class is the name of such an index in C++ and in Python.
func (s Shape) class() string {
	if s.Metric == faiss.L2 {
		return "IndexFlatL2"
	}
	return "IndexFlatIP"
}

// OccupiedError says that a folder holds files that an export does not replace.
type OccupiedError struct{ Dir, File string }

func (e *OccupiedError) Error() string {
	return fmt.Sprintf("%q holds other files (%q): an export needs a folder of its own", e.Dir, e.File)
}

// WriteFolder writes documents as LangChain's save_local does: NAME.faiss and
// NAME.pkl in dir, which is made where it is missing and otherwise may hold
// these two alone. They appear together or not at all. It returns how many
// documents were written.
func WriteFolder(dir, name string, shape Shape, docs iter.Seq2[Document, error]) (n int64, err error) {
	made, err := claim(dir, name)
	if err != nil {
		return 0, err
	}
	err = publish.Write([]string{IndexFile(dir, name), DocumentsFile(dir, name)}, func(files []*os.File) error {
		index, pickled := files[0], files[1]
		if n, err = writeBoth(index, pickled, shape, docs); err != nil {
			return err
		}
		_, err = index.WriteAt(shape.header(n), 0)
		return err
	})
	if err != nil && made {
		_ = os.Remove(dir) // it is empty, or somebody else's by now
	}
	return n, err
}

// claim makes the folder, or refuses one with files of other kinds.
func claim(dir, name string) (made bool, err error) {
	if err := os.Mkdir(dir, 0o777); err == nil || !errors.Is(err, fs.ErrExist) {
		return err == nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, entry := range entries {
		// Temporary files of an export that was killed begin with a dot.
		own := strings.TrimPrefix(entry.Name(), ".")
		if !strings.HasPrefix(own, name+indexSuffix) && !strings.HasPrefix(own, name+docsSuffix) {
			return false, &OccupiedError{dir, entry.Name()}
		}
	}
	return false, nil
}

// writeBoth writes the vectors of docs to index and the rest to pickled.
func writeBoth(index, pickled io.Writer, shape Shape, docs iter.Seq2[Document, error]) (int64, error) {
	vectors := bufio.NewWriterSize(index, 1<<20)
	vectors.Write(shape.header(0))
	p := pickle.NewWriter(pickled)
	n, err := writeDocuments(p, func(yield func(Document, error) bool) {
		for d, err := range docs {
			if err == nil {
				_, err = vectors.Write(vector.Bytes(d.Vector))
			}
			if !yield(d, err) {
				return
			}
		}
	})
	if err != nil {
		return n, err
	}
	p.Tuple(2)
	return n, errors.Join(p.Close(), vectors.Flush())
}

// WriteBytes writes documents as LangChain's serialize_to_bytes does. The n
// documents are asked for twice: the vectors come first.
func WriteBytes(w io.Writer, shape Shape, n int64, docs func() iter.Seq2[Document, error]) error {
	p := pickle.NewWriter(w)
	p.Class(indexModules[0], shape.class())
	p.New()
	p.Dict()
	p.Text("this")
	inner := p.Bytes(int64(len(shape.header(0))) + 4*n*int64(shape.Dim))
	if err := WriteIndex(inner, shape, n, docs()); err != nil {
		return err
	}
	p.SetItem()
	p.Build()
	again, err := writeDocuments(p, docs())
	if err == nil && again != n {
		err = fmt.Errorf("%d documents where %d were announced", again, n)
	}
	if err != nil {
		return err
	}
	p.Tuple(3)
	return p.Close()
}

// WriteIndex writes the vectors of n documents as an index file.
func WriteIndex(w io.Writer, shape Shape, n int64, docs iter.Seq2[Document, error]) error {
	if _, err := w.Write(shape.header(n)); err != nil {
		return err
	}
	return writeVectors(w, n, docs)
}

func writeVectors(w io.Writer, n int64, docs iter.Seq2[Document, error]) error {
	written := int64(0)
	for d, err := range docs {
		if err == nil {
			_, err = w.Write(vector.Bytes(d.Vector))
		}
		if err != nil {
			return err
		}
		written++
	}
	if written != n {
		return fmt.Errorf("%d documents where %d were announced", written, n)
	}
	return nil
}

// perBatch is how many entries are put into a dict at once, as CPython does.
const perBatch = 1000

// writeDocuments writes the docstore and the mapping of positions to ids.
func writeDocuments(p *pickle.Writer, docs iter.Seq2[Document, error]) (int64, error) {
	module, name := split(docstoreClasses[0])
	p.Class(module, name)
	p.New()
	p.Dict()
	p.Text("_dict")
	p.Dict()
	var ids []uint32 // the memo slot of each document's id
	w := documentWriter{p: p}
	for d, err := range docs {
		if err != nil {
			return 0, err
		}
		if len(ids)%perBatch == 0 {
			if len(ids) > 0 {
				p.SetItems()
			}
			p.Mark()
		}
		p.Text(d.ID)
		ids = append(ids, p.Memoize())
		if err := w.write(d, ids[len(ids)-1]); err != nil {
			return 0, fmt.Errorf("document %q: %w", d.ID, err)
		}
	}
	if len(ids) > 0 {
		p.SetItems()
	}
	p.SetItem()
	p.Build()
	p.Dict()
	for i, slot := range ids {
		if i%perBatch == 0 {
			if i > 0 {
				p.SetItems()
			}
			p.Mark()
		}
		p.Int(int64(i))
		p.Again(slot)
	}
	if len(ids) > 0 {
		p.SetItems()
	}
	return int64(len(ids)), nil
}

func split(class string) (module, name string) {
	i := strings.LastIndexByte(class, '.')
	return class[:i], class[i+1:]
}

// documentWriter writes documents of the class of today's LangChain. Their
// state has the keys of pydantic's models of both generations, so that every
// LangChain from 0.0.350 on can load them.
type documentWriter struct {
	p     *pickle.Writer
	class uint32 // memo slot
	known bool
}

func (w *documentWriter) write(d Document, id uint32) error {
	p := w.p
	if w.known {
		p.Again(w.class)
	} else {
		p.Class(split(documentClasses[0]))
		w.class, w.known = p.Memoize(), true
	}
	p.New()
	p.Dict()
	p.Mark()
	p.Key("__dict__")
	p.Dict()
	p.Mark()
	p.Key("id")
	p.Again(id)
	p.Key("metadata")
	if err := p.JSON(d.Metadata); err != nil {
		return err
	}
	p.Key("page_content")
	p.Text(d.Text)
	p.Key("type")
	p.Key("Document")
	p.SetItems()
	p.Key("__pydantic_extra__")
	p.None()
	p.Key("__pydantic_fields_set__")
	w.fields()
	p.Key("__pydantic_private__")
	p.None()
	p.Key("__fields_set__")
	w.fields()
	p.Key("__private_attribute_values__")
	p.Dict()
	p.SetItems()
	p.Build()
	return nil
}

// fields is the set of the fields that a document was given.
func (w *documentWriter) fields() {
	w.p.Set()
	w.p.Mark()
	for _, name := range []string{"id", "metadata", "page_content"} {
		w.p.Key(name)
	}
	w.p.AddItems()
}
