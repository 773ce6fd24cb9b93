package weaviate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
	"sheaf/internal/vector"
)

// Problem is something in a store that readers may miss a document or a hit by. What the
// servers keep of their files is left to them.
type Problem struct {
	Kind     string // as those of a folder: document, metadata, source, vectors or words
	Message  string
	Remedy   string
	Repaired bool
}

const (
	remedyRepair  = "sheaf check --repair"
	remedyReplace = "ingest the source again with --force, or restore the collections from a backup"
)

// Check reads everything in a store and compares what is kept twice. With repair, documents that
// a server has lost are copied from other replicas, and those that none has are forgotten, so that the next ingest reads their sources again, and
// what is known of all vectors is computed anew.
func Check(ctx context.Context, url string, o engine.Options, repair bool) (problems []Problem, err error) {
	if !repair {
		s, err := Open(ctx, url, o)
		if err != nil {
			return nil, err
		}
		found, err := s.check(ctx)
		if emptied := (*emptiedError)(nil); errors.As(err, &emptied) {
			found.add("document", remedyRepair, "%s", emptied.problem())
			err = nil
		}
		return found.problems, errors.Join(err, s.Close())
	}
	w, err := openWriter(ctx, url, o, true, nil)
	if err != nil {
		return nil, err
	}
	found, err := w.mend(ctx)
	return found.problems, errors.Join(err, w.Close())
}

// mend checks the store and repairs it.
func (w *Writer) mend(ctx context.Context) (found findings, err error) {
	v := w.asCommitted()
	all, err := w.nodes(ctx)
	if err != nil {
		return found, err
	}
	var emptied *emptiedError
	if err = w.allMarked(ctx, v.state, all); errors.As(err, &emptied) {
		err = v.restore(ctx, v.Documents.Bitmap)
	}
	if err != nil {
		return found, err
	}
	if found, err = w.checkCopied(ctx); err != nil {
		return found, err
	}
	if len(found.problems) > 0 {
		err = w.repair(ctx, found)
	}
	if err == nil && emptied != nil {
		found.add("document", remedyRepair, "%s", emptied.problem())
		err = w.mark(ctx, v.Shards)
	}
	for i := range found.problems {
		found.problems[i].Repaired = err == nil && found.problems[i].Remedy == remedyRepair
	}
	return found, err
}

// checkCopied is check, once the replicas that have what others have lost gave it to them.
func (w *Writer) checkCopied(ctx context.Context) (findings, error) {
	v := w.asCommitted()
	first, err := w.check(ctx)
	if err != nil || v.Replicas == 1 || first.lost.IsEmpty() {
		return first, err
	}
	if err := v.restore(ctx, first.lost); err != nil {
		return first, err
	}
	found, err := w.check(ctx)
	if n := first.lost.GetCardinality() - first.lost.AndCardinality(found.lost); err == nil && n > 0 {
		found.add("document", remedyRepair, "%d documents are on some replicas only", n)
	}
	return found, err
}

// findings are what a check finds.
type findings struct {
	problems   []Problem
	lost       *roaring.Bitmap // documents that are not on the servers
	uncompared *roaring.Bitmap // those of which the server does not compare the vectors
	wordless   bool            // a part of the index of words is
	unit       bool            // as of a state
	longest    float64
}

func (f *findings) add(kind, remedy, format string, args ...any) {
	f.problems = append(f.problems, Problem{Kind: kind, Message: fmt.Sprintf(format, args...), Remedy: remedy})
}

func (s *Store) check(ctx context.Context) (f findings, err error) {
	err = s.view(ctx, func(v *view) error {
		f = findings{lost: v.Documents.Clone(), unit: true}
		if err := f.sources(ctx, v); err != nil {
			return err
		}
		long, odd := 0, 0
		for r, err := range v.each(ctx, fieldsAll+"hash "+fieldVector) {
			if errors.Is(err, errChanged) {
				break
			}
			if err != nil {
				return err
			}
			f.lost.Remove(r.number)
			f.document(r)
			x := r.vector
			if f.longest = max(f.longest, vector.Length(x)); vector.Length(x) > v.Longest {
				long++
			}
			if f.unit = f.unit && engine.IsUnit(x, len(x)); v.Unit && !engine.IsUnit(x, len(x)) {
				odd++
			}
		}
		if n := f.lost.GetCardinality(); n > 0 {
			f.add("document", remedyRepair, "%d documents are not on the servers", n)
		}
		if long+odd > 0 {
			f.add("vectors", remedyRepair, "vectors have other lengths than the store says: %d are longer, %d have not length 1", long, odd)
		}
		if err := f.compared(ctx, v); err != nil {
			return err
		}
		if err := f.words(ctx, v); err != nil || len(f.problems) == 0 {
			return err
		}
		now, err := s.now(ctx)
		if err == nil && !now.Updated.Equal(v.Updated) { // a writer took away what seems to be missing
			err = errChanged
		}
		return err
	})
	return f, err
}

// sources compares the documents of sources with those of the store.
func (f *findings) sources(ctx context.Context, v *view) error {
	all, err := v.sources(ctx)
	if err != nil {
		return err
	}
	together := roaring.New()
	for _, src := range all {
		together.Or(src.Numbers.Bitmap)
	}
	if !together.Equals(v.Documents.Bitmap) {
		f.add("source", remedyRepair, "the sources have %d documents and the store %d", together.GetCardinality(), v.count())
	}
	return nil
}

// document checks a document by itself.
func (f *findings) document(r *row) {
	if textHash(r.Text) != r.Hash {
		f.add("document", remedyReplace, "document %q has another text than it was stored with", r.properties.ID)
	}
	if _, err := metadata.Parse([]byte(r.Metadata)); err != nil {
		f.add("metadata", remedyReplace, "document %q has damaged metadata", r.properties.ID)
	}
}

// compared has the server compare each document with a vector: one that it leaves out no
// search finds, and one that it compares by another vector than it gives is not found where it should be.
func (f *findings) compared(ctx context.Context, v *view) error {
	query, random := make([]float32, v.Facts.Dim), rand.New(rand.NewPCG(1, 1)) // the same ones each time
	for i := range query {
		query[i] = float32(random.NormFloat64())
	}
	other := 0
	f.uncompared = v.Documents.Clone()
	f.uncompared.AndNot(f.lost)
	size := max(1, min(named, sendBytes/(v.Facts.Dim*vector.Size)))
	for page := range chunks(f.uncompared.Clone(), size) {
		found, err := v.get(ctx, question{near: query, property: propertyID, values: v.ids(page), limit: maxRows, fields: fieldVector})
		if err != nil {
			return err
		}
		for i := range found {
			f.uncompared.Remove(found[i].number)
			if !v.comparedBy(query, &found[i]) {
				other++
			}
		}
	}
	if other > 0 {
		f.add("vectors", remedyReplace, "%d documents are compared by other vectors than they were stored with", other)
	}
	if n := f.uncompared.GetCardinality(); n > 0 {
		f.add("vectors", remedyRepair, "of %d documents the server does not compare the vectors", n)
	}
	return nil
}

// comparedBy reports whether the server's figure for a query and a document is that of the document's vector, but
// for rounding.
func (v *view) comparedBy(query []float32, r *row) bool {
	figure := v.score(query, r.vector)
	if v.Facts.Metric != engine.L2 {
		figure = -figure
	}
	longest := vector.Length(r.vector)
	return !math.IsNaN(float64(figure)) && !v.Facts.Metric.Beyond(query, float64(r.distance), longest, figure) && !v.Facts.Metric.Beyond(query, float64(figure), longest, r.distance)
}

// words reads the whole index of words.
func (f *findings) words(ctx context.Context, v *view) error {
	for _, s := range v.Segments {
		of, err := v.client.source(ctx, s)
		if err == nil {
			_, err = of.Lengths()
		}
		for i := of.LengthPages(); err == nil && i < s.Pages; i++ {
			var page []byte
			if page, err = of.Page(i); err == nil {
				_, err = of.AppendList(nil, page, 0, 1<<63)
			}
		}
		if err == nil {
			continue
		}
		var unavailable *engine.UnavailableError
		if errors.As(err, &unavailable) {
			return err
		}
		f.wordless = true
		f.add("words", remedyRepair, "a part of the index of words, of documents %d to %d, cannot be read: %v", s.First, s.Last, err)
	}
	return nil
}

// repair makes the store one that answers with what there is.
func (w *Writer) repair(ctx context.Context, f findings) error {
	w.delete(f.lost)
	if f.wordless {
		if err := w.reindex(ctx, nil); err != nil {
			return err
		}
	}
	if err := w.renumber(ctx, f.uncompared); err != nil {
		return err
	}
	w.unit, w.longest = f.unit, f.longest
	return w.Commit(ctx)
}

// renumber stages documents anew, and the end of what is there of them: the server would pass over
// what it has under the same ids. They are the newest then.
func (w *Writer) renumber(ctx context.Context, documents *roaring.Bitmap) error {
	v := w.asCommitted()
	for page := range chunks(documents, named) {
		found, err := v.numbered(ctx, page, fieldsOf(true))
		if err != nil {
			return err
		}
		for _, old := range page {
			r := found[old]
			d, err := v.document(ctx, &r)
			if err != nil {
				return err
			}
			n, err := w.add(ctx, r.Source, &d, r.vector, r.Origin)
			if err != nil {
				return err
			}
			src := w.change(r.Source)
			src.Numbers.Remove(old)
			src.Numbers.Add(n)
		}
	}
	return nil
}
