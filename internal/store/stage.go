package store

import (
	"errors"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/column"
	"sheaf/internal/crash"
	"sheaf/internal/engine"
	"sheaf/internal/metadata"
	"sheaf/internal/vector"
)

// stage is what the next commit of a writer will make visible, as far as it is not
// in the database: documents go there at once.
type stage struct {
	base    *state // the committed one
	next    int64  // number of the next document
	rows    int64  // of the index file, with those still in floats
	floats  []byte // of the last rows, not yet in the file
	extents column.Extents
	writing <-chan error // of floats that are being written; nil: none are
	spare   []byte       // the memory of those
	unit    bool         // no staged vector has another length than 1 or 0

	doomed    *roaring.Bitmap           // documents that go, committed or staged
	places    map[int64]engine.Document // committed documents that stay with other lines or metadata
	sources   []sourceChange            // in their order: a later one of a source holds
	replacing map[*replacement]struct{} // those that are open
	lastNew   int64                     // number of the last new source; 0: not asked for yet

	object metadata.Object // the metadata of the last document
	meta   int64           // its number, 0 before the first

	inTransaction amount // staged in the transaction that is open
	terms         *wordStage

	lookup
}

// lookup answers what is asked before a document is added.
type lookup interface {
	// holder returns the document that has an id, staged ones included.
	holder(t *tx, id string, current func(n int64) bool) (holder, error)
	// added tells of a document that was added.
	added(id string, n int64)
	// intern returns the number of a metadata object, which it adds where it is new.
	intern(t *tx, object metadata.Object) (int64, error)
}

// holder is the document that has an id.
type holder struct{ n, source int64 } // n is -1 where none has it

// indexed is the lookup by the indexes of the database.
type indexed struct{}

func (indexed) holder(t *tx, id string, current func(n int64) bool) (holder, error) {
	for row, err := range t.Query(`SELECT n, source FROM document WHERE id = ? ORDER BY n DESC`, id) {
		if err != nil {
			return holder{}, err
		}
		if n := row.Int64(0); current(n) {
			return holder{n, row.Int64(1)}, nil
		}
	}
	return holder{n: -1}, nil
}

func (indexed) added(string, int64) {}

func (indexed) intern(t *tx, object metadata.Object) (int64, error) { return t.intern(object) }

// amount is how much was staged.
type amount struct{ documents, bytes int }

// What a transaction stages at most. Each one writes much of the indexes anew, so
// few large ones take less time than many small ones. But its pages must stay in
// memory: in a large store a document changes two that no other one does, in the
// indexes by id and by text, 8 kB in all.
const (
	transactionDocuments = 5000
	transactionBytes     = 32 << 20
)

func (a amount) full() bool {
	return a.documents >= transactionDocuments || a.bytes >= transactionBytes
}

// floatBytes is how many bytes of vectors are held back before they are written.
const floatBytes = 1 << 20

func newStage(st *state, l lookup) stage {
	return stage{
		terms: newWordStage(st), lookup: l, base: st, next: st.count, rows: st.rows, unit: st.unit,
		doomed: roaring.New(), places: map[int64]engine.Document{}, replacing: map[*replacement]struct{}{},
	}
}

var errFull = errors.New("the store is full: it has had 2^32 documents")

// add stages a document of a source with its vector as the store keeps it.
func (s *stage) add(t *tx, file *column.File, in *reading, source int64, x []float32) error {
	d := &in.Document
	if s.meta == 0 || !s.object.Equal(d.Metadata) { // chunks of a source most often share it
		meta, err := s.intern(t, d.Metadata)
		if err != nil {
			return err
		}
		s.object, s.meta = d.Metadata, meta
	}
	if err := t.insertDocument(s.next, d, source, s.meta, in.Origin); err != nil {
		return err
	}
	if err := s.terms.add(t, s.next, in.terms); err != nil {
		return err
	}
	s.added(d.ID, s.next)
	s.floats = append(s.floats, vector.Bytes(x)...)
	s.unit = s.unit && engine.IsUnit(x, len(x))
	s.next++
	s.rows++
	s.inTransaction.documents++
	s.inTransaction.bytes += len(d.Text) + len(d.Metadata.JSON())
	if len(s.floats) < floatBytes {
		return nil
	}
	return s.beginFloats(t, file)
}

// beginFloats begins to append the floats that were held back to the index file. A
// goroutine does it, while others are collected.
func (s *stage) beginFloats(t *tx, file *column.File) (err error) {
	if err := s.endFloats(); err != nil || len(s.floats) == 0 {
		return err
	}
	if s.extents == nil {
		if s.extents, err = t.lastExtent(); err != nil {
			return err
		}
	}
	width := s.base.vectorFormat().RowBytes
	at, floats := s.rows-int64(len(s.floats))/width, s.floats
	s.floats, s.spare = s.spare[:0], floats
	s.writing = crash.Go(func() error {
		s.extents = s.extents.Extend(floats, width)
		return file.Append(at, floats)
	})
	return nil
}

// endFloats waits until the floats are written that beginFloats took.
func (s *stage) endFloats() (err error) {
	if s.writing != nil {
		err = <-s.writing
		s.writing = nil
	}
	return err
}

// writeFloats appends the floats that were held back to the index file.
func (s *stage) writeFloats(t *tx, file *column.File) error {
	if err := s.beginFloats(t, file); err != nil {
		return err
	}
	return s.endFloats()
}

// commit writes the next state. The floats are on disk before it returns.
func (s *stage) commit(t *tx, file *column.File) (*state, error) {
	if err := s.writeFloats(t, file); err != nil {
		return nil, err
	}
	if s.rows > s.base.rows {
		if err := file.Sync(); err != nil {
			return nil, err
		}
		if err := t.saveExtents(s.extents); err != nil {
			return nil, err
		}
	}
	next := *s.base
	if err := s.commitBitmaps(t, &next); err != nil {
		return nil, err
	}
	for n, d := range s.places {
		if err := t.moveDocument(n, &d); err != nil {
			return nil, err
		}
	}
	for _, c := range s.sources {
		if err := t.saveSource(c); err != nil {
			return nil, err
		}
	}
	if !s.doomed.IsEmpty() || len(s.places) > 0 {
		next.generation++
	}
	next.updated = time.Now()
	next.unit = s.unit
	next.count, next.rows = s.next, s.rows
	next.documents = next.rows - int64(next.dead.GetCardinality())
	if err := s.terms.commit(t, &next); err != nil {
		return nil, err
	}
	return &next, t.saveState(&next)
}

func (s *stage) commitBitmaps(t *tx, next *state) error {
	added := roaring.New()
	added.AddRange(uint64(s.base.count), uint64(s.next))
	next.present = roaring.Or(s.base.present, added)
	next.dead = roaring.Or(s.base.dead, s.doomed)
	if err := t.savePages(kindPresent, next.present, added); err != nil {
		return err
	}
	if s.doomed.IsEmpty() {
		return nil
	}
	if err := t.savePages(kindDead, next.dead, s.doomed); err != nil {
		return err
	}
	unswept, err := t.bitmap(kindUnswept)
	if err != nil {
		return err
	}
	unswept.Or(s.doomed)
	return t.savePages(kindUnswept, unswept, s.doomed)
}

// current reports whether document n will be visible after the next commit.
func (s *stage) current(n int64) bool {
	return (n >= s.base.count || s.base.alive(n)) && !s.doomed.Contains(uint32(n))
}

// newSource is the number of a source that is new in the store.
func (s *stage) newSource(t *tx) (int64, error) {
	if s.lastNew == 0 {
		last, err := t.Int64(`SELECT max(source) FROM source`)
		if err != nil {
			return 0, err
		}
		s.lastNew = last
		for _, c := range s.sources {
			s.lastNew = max(s.lastNew, c.Number)
		}
	}
	s.lastNew++
	return s.lastNew, nil
}
