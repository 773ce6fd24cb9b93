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
	"path/filepath"
	"strings"

	"sheaf/internal/faiss"
	"sheaf/internal/pickle"
	"sheaf/internal/publish"
	"sheaf/internal/vector"
)

// Shape is what all vectors of a store have in common.
type Shape struct {
	Dim    int
	Metric faiss.Metric
}

// header returns the header of an index file of n vectors, byte for byte as Faiss
// writes it.
func (s Shape) header(n int64) []byte {
	h := faiss.Header{D: s.Dim, Ntotal: n, Metric: s.Metric}
	const reserved = 1 << 20 // the value of two fields that Faiss writes and ignores
	binary.LittleEndian.PutUint64(h.StoreID[:8], reserved)
	binary.LittleEndian.PutUint64(h.StoreID[8:], reserved)
	return h.Append(nil)
}

// class returns the name of the index class in C++ and in Python.
func (s Shape) class() string {
	if s.Metric == faiss.L2 {
		return "IndexFlatL2"
	}
	return "IndexFlatIP"
}

// OccupiedError reports a folder with files that an export does not replace.
type OccupiedError struct{ Dir, File string }

func (e *OccupiedError) Error() string {
	return fmt.Sprintf("%q holds other files (%q): an export needs a folder of its own", e.Dir, e.File)
}

// WriteFolder writes documents as LangChain's save_local does, to NAME.faiss and
// NAME.pkl in dir. It makes dir if it is missing; otherwise dir may have only these
// two files. They appear together or not at all. It returns the number of
// documents.
func WriteFolder(dir, name string, shape Shape, docs iter.Seq2[Document, error]) (n int64, err error) {
	made, err := claim(dir, name)
	defer func() {
		if err != nil && made {
			_ = os.Remove(dir) // it fails if the folder is not empty
		}
	}()
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
	return n, err
}

// claim makes the folder, or refuses one with other files.
func claim(dir, name string) (made bool, err error) {
	if err := os.Mkdir(dir, 0o777); err == nil {
		return true, publish.SyncDir(filepath.Dir(dir))
	} else if !errors.Is(err, fs.ErrExist) {
		return false, err
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

// writeBoth writes the vectors of docs to index, and everything else to pickled.
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

// WriteBytes writes n documents as LangChain's serialize_to_bytes does. It reads
// them twice, since the vectors come first.
func WriteBytes(w io.Writer, shape Shape, n int64, docs func() iter.Seq2[Document, error]) error {
	p := pickle.NewWriter(w)
	p.Class(indexModules[0] + "." + shape.class())
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

// writeDocuments writes the docstore and index_to_docstore_id.
func writeDocuments(p *pickle.Writer, docs iter.Seq2[Document, error]) (int64, error) {
	p.Class(docstoreClasses[0])
	p.New()
	p.Dict()
	p.Text("_dict")
	p.Dict()
	var ids []uint32 // the memo slots of the ids
	w := documentWriter{p: p}
	for d, err := range docs {
		if err != nil {
			return 0, err
		}
		p.Entry(len(ids))
		p.Text(d.ID)
		ids = append(ids, p.Memoize())
		if err := w.write(d, ids[len(ids)-1]); err != nil {
			return 0, fmt.Errorf("document %q: %w", d.ID, err)
		}
	}
	p.EndEntries(len(ids))
	p.SetItem()
	p.Build()
	p.Dict()
	for i, slot := range ids {
		p.Entry(i)
		p.Int(int64(i))
		p.Again(slot)
	}
	p.EndEntries(len(ids))
	return int64(len(ids)), nil
}

// documentWriter writes documents of the present class. Their state has the keys
// of pydantic 1 and of pydantic 2, so that LangChain 0.0.350 and all later versions
// can load them.
type documentWriter struct {
	p     *pickle.Writer
	class uint32 // its memo slot, once it was written
	known bool
}

func (w *documentWriter) write(d Document, id uint32) error {
	p := w.p
	if w.known {
		p.Again(w.class)
	} else {
		p.Class(documentClasses[0])
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

// fields writes the set of fields that a document was made with.
func (w *documentWriter) fields() {
	w.p.Set()
	w.p.Mark()
	for _, name := range []string{"id", "metadata", "page_content"} {
		w.p.Key(name)
	}
	w.p.AddItems()
}
