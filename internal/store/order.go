package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"

	"sheaf/internal/codes"
	"sheaf/internal/column"
	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/lists"
	"sheaf/internal/publish"
	"sheaf/internal/vector"
)

const (
	// listRows is how many rows a list has, about, while there are not mostLists of them.
	listRows = 1024
	// mostLists bounds the time in which all rows are compared with all centroids.
	mostLists = 4096
	// orderedRows is how many rows a block has in a file of codes with an order of its own.
	// A search reads the blocks at both ends of a list whole.
	orderedRows = 256
	// assignedRows is how many rows are read at once to find their lists.
	assignedRows = 16 << 10
)

// MakeLists puts the codes in the order of lists and measures by questions how many of these
// a search has to look at for a recall: by the given ones, whose vectors they are and whose
// source sample says, or by n rows where that is engine.Moved. Lists that were there before
// go. Readers go on meanwhile: nothing counts before one transaction names both files, and a
// kill leaves what was there.
func (w *Writer) MakeLists(ctx context.Context, promise float64, sample engine.Sample, questions [][]float32, n int) (*engine.Lists, error) {
	made := &lists.File{Promise: promise}
	for kind, name := range sampleNames {
		if name == sample {
			made.Kind = kind
		}
	}
	var err error
	if made.Questions, err = w.base.facts.Rows(questions); err == nil {
		err = w.makeLists(ctx, made, n)
	}
	if err != nil {
		return nil, fmt.Errorf("making lists of the vectors of %q: %w", w.dir, err)
	}
	info, err := w.Info(ctx)
	return info.Lists, err
}

// DropLists removes the lists. The order of the codes stays; it costs nothing.
func (w *Writer) DropLists(ctx context.Context) error {
	return w.update(ctx, func(t *tx) error {
		return errors.Join(t.Exec(`DELETE FROM sidecar WHERE kind = ?`, listsKind), w.removeStale(t))
	})
}

// makeLists makes the lists that f says, anew. n is how many rows are moved where it has no
// questions.
func (w *Writer) makeLists(ctx context.Context, f *lists.File, n int) (err error) {
	o := &ordering{w: w, made: f, blockRows: int64(cmp.Or(w.blockRows, min(orderedRows, codes.BlockRows(w.base.facts.Dim))))}
	o.rows = w.base.rows / o.blockRows * o.blockRows
	if w.base.rows < w.coding.from || o.rows == 0 {
		return engine.ErrFewRows
	}
	if o.flat, err = faiss.NewFlat(w.vectors.File, w.base.facts.Dim, w.base.rows, o.metric()); err != nil {
		return err
	}
	if f.Kind == lists.Moved {
		if f.Questions, err = o.moved(int64(n)); err != nil {
			return err
		}
	}
	if err := o.sort(ctx); err != nil {
		return err
	}
	return o.encode(ctx)
}

// ordering makes lists and the codes that lie in them.
type ordering struct {
	w         *Writer
	flat      *faiss.Flat
	blockRows int64
	rows      int64 // of whole blocks
	order     []uint32
	made      *lists.File
}

func (o *ordering) metric() faiss.Metric {
	return faiss.MetricFor(o.w.base.facts.Metric == engine.L2)
}

// sort finds the lists and the order of the rows.
func (o *ordering) sort(ctx context.Context) error {
	dim := o.w.base.facts.Dim
	n := int64(math.Ceil(float64(o.rows) / float64(o.w.listRows)))
	n = min(n, mostLists)
	sample, err := spread(o.flat, o.rows, n*lists.SampleRows, dim)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(uint64(o.rows), uint64(n)))
	random.Shuffle(len(sample)/dim, func(i, j int) {
		for k := range dim {
			sample[i*dim+k], sample[j*dim+k] = sample[j*dim+k], sample[i*dim+k]
		}
	})
	if o.made.Centroids, err = lists.Train(ctx, sample, dim, int(n)); err != nil {
		return err
	}
	list := make([]int32, 0, o.rows)
	x := make([]float32, assignedRows*dim)
	for int64(len(list)) < o.rows {
		part := x[:min(assignedRows, int(o.rows)-len(list))*dim]
		if err := o.flat.ReadRows(rowsFrom(int64(len(list)), int64(len(part)/dim)), part); err != nil {
			return err
		}
		nearest, err := lists.Nearest(ctx, part, o.made.Centroids, dim)
		if err != nil {
			return err
		}
		list = append(list, nearest...)
		o.w.progress(len(nearest))
	}
	o.order, o.made.Ends = lists.Group(list, len(o.made.Centroids)/dim)
	o.made.Documents, err = o.w.base.aliveBefore(o.rows)
	return err
}

// encode makes the codes, measures, and makes all of it count.
func (o *ordering) encode(ctx context.Context) error {
	w := o.w
	var old listed
	if err := w.view(ctx, func(t *tx) (err error) { old, err = t.listed(); return err }); err != nil {
		return err
	}
	e := &encoding{w: w, flat: o.flat, old: old.codes, next: coded{old.codes.number + 1, o.rows}, order: o.order}
	if err := e.create(ctx, o.rows); err != nil {
		return err
	}
	err := e.append(ctx)
	if err == nil {
		o.made.Origin = w.base.listsOrigin(e.next)
		err = o.measure(ctx, e.next)
	}
	if err == nil {
		e.lists = old.number + 1
		err = o.write(ctx, e.lists)
	}
	if err = e.end(ctx, err); err != nil {
		return err
	}
	return w.update(ctx, w.removeStale) // the old lists
}

// write writes the file of lists with a number, which the database does not name yet.
func (o *ordering) write(ctx context.Context, number int64) error {
	b, err := o.made.Append(nil)
	if err != nil {
		return err
	}
	// Where this process is not the only writer any more, that file may count.
	err = o.w.update(ctx, func(*tx) error {
		file, err := column.Create(o.w.sidecarPath(listsKind, number), column.Format{RowBytes: 1, Header: func(int64) []byte { return b }})
		if err == nil {
			err = file.Close()
		}
		return err
	})
	return errors.Join(err, publish.SyncDir(o.w.dir))
}

// measure asks the questions by all codes and sees in which lists the answers are.
func (o *ordering) measure(ctx context.Context, made coded) error {
	w := o.w
	file, err := codes.Open(w.sidecarPath(codesKind, made.number), w.base.codesOrigin(), made.rows, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer file.Close()
	snap := &snapshot{store: w.Store, state: w.base, vectors: vectors{w.vectors, o.flat}, codes: file}
	k := min(lists.Depths[len(lists.Depths)-1], int(w.base.documents))
	if k == 0 || len(o.made.Questions) == 0 {
		return errors.New("there is nothing to measure with")
	}
	places := make([]uint32, o.rows)
	for place, row := range o.order {
		places[row] = uint32(place)
	}
	var questions []lists.Question
	for part := range slices.Chunk(o.made.Questions, faiss.MaxQueries*w.base.facts.Dim) {
		hits, err := snap.candidates(ctx, part, 0, faiss.Search{K: k, Skip: w.base.skip()})
		if err != nil {
			return err
		}
		for i := range hits {
			near := o.made.Near(part[i*w.base.facts.Dim:][:w.base.facts.Dim], o.metric())
			questions = append(questions, o.question(near, hits[i], places))
		}
	}
	o.made.Curves = lists.Measure(questions, len(o.made.Ends))
	return nil
}

// question tells what it costs to find hits in lists in an order.
func (o *ordering) question(near []int32, hits []faiss.Hit, places []uint32) (q lists.Question) {
	blocks := o.made.Needs(near, o.blockRows, o.rows/o.blockRows)
	for _, hit := range hits {
		need := int32(0) // of a row behind all lists
		if hit.Row < o.rows {
			need = blocks[int64(places[hit.Row])/o.blockRows]
		}
		q.Needs = append(q.Needs, need)
	}
	slices.Sort(blocks)
	q.Reads = blocks
	return q
}

// moved returns n rows that are moved towards others at random, as far as a question is from
// the text that answers it: it has a cosine of 0.7 with that, about. They are
// moved as rows differ, and not in any direction: what is orthogonal to all rows changes
// nothing, so that they would be found as easily as rows are.
func (o *ordering) moved(n int64) ([]float32, error) {
	dim := o.w.base.facts.Dim
	sample, err := spread(o.flat, o.rows, 3*n, dim)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(uint64(o.rows), uint64(n)))
	pick := func() []float32 { return sample[random.IntN(len(sample)/dim)*dim:][:dim] }
	var questions [][]float32
	for range n {
		from, a, b := pick(), pick(), pick()
		q, step := make([]float32, dim), 0.0
		for i := range q {
			q[i] = a[i] - b[i]
		}
		if length := vector.Length(q); length > 0 {
			step = vector.Length(from) / length
		}
		for i := range q {
			q[i] = from[i] + float32(step)*q[i]
		}
		questions = append(questions, q)
	}
	return o.w.base.facts.Rows(questions)
}

// renewCodes makes the codes that are missing, and where there are lists that do not fit the
// rows any more, or are stale, these anew, by the questions that they were made
// with. Lists that cannot be made anew go.
func (w *Writer) renewCodes(ctx context.Context) error {
	var f *lists.File
	var fits, stale bool
	var damage *column.DamageError
	err := w.view(ctx, func(t *tx) (err error) {
		if f, fits, err = w.readLists(t, true); errors.As(err, &damage) {
			return nil // they are derived: nothing is lost
		}
		if err == nil && fits {
			_, _, stale, err = t.changed(f)
		}
		if file := w.openCodes(t); file != nil {
			return errors.Join(err, file.Close())
		}
		fits = false // the codes will be others
		return err
	})
	switch {
	case damage != nil:
		err = w.DropLists(ctx)
	case err == nil && f != nil && (!fits || stale):
		if err = w.makeLists(ctx, f, len(f.Questions)/f.Dim); errors.Is(err, engine.ErrFewRows) {
			err = w.DropLists(ctx)
		}
	}
	if err != nil {
		return err
	}
	return w.encode(ctx)
}
