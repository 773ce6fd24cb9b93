package store

import (
	"errors"
	"math"
	"path/filepath"

	"sheaf/internal/codes"
	"sheaf/internal/column"
	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/lists"
)

// listsKind is the kind of the sidecar that says in which lists the codes lie. It covers the
// rows that are in lists.
const listsKind = "lists"

// listed is the sidecar of lists that a state's database names.
type listed struct {
	number int64 // in the name of the file; 0: there is none
	codes  coded // that the database names
}

func (t *tx) listed() (l listed, err error) {
	if l.number, _, err = t.sidecar(listsKind); err == nil {
		l.codes, err = t.coded()
	}
	return l, err
}

// origin names the codes of a state for lists.
func (st *state) listsOrigin(c coded) lists.Origin {
	return lists.Origin{Store: st.id, Index: st.indexFile, Codes: c.number, Dim: st.facts.Dim}
}

// readLists reads the lists that a state's database names, and reports whether they are those
// of its codes. It returns nil where it names none.
func (s *Store) readLists(t *tx, questions bool) (f *lists.File, fits bool, err error) {
	l, err := t.listed()
	if err != nil || l.number == 0 {
		return nil, false, err
	}
	origin := t.listsOrigin(l.codes)
	if f, err = lists.Read(s.sidecarPath(listsKind, l.number), origin, questions); err != nil {
		return nil, false, err
	}
	return f, f.Origin == origin && f.Rows() <= l.codes.rows, nil
}

// staleShare is the share of the rows that may come or go before the lists are made anew: all
// searches look at those that came, and what was measured is less true of those that are left.
const staleShare = 0.05

// changed returns how many rows are in no list, because they came later, and how many documents
// in lists were deleted since these were made. stale says that these are too many.
func (st *state) changed(f *lists.File) (tail, gone int64, stale bool, err error) {
	alive, err := st.aliveBefore(f.Rows())
	tail, gone = st.rows-f.Rows(), f.Documents-alive
	return tail, gone, float64(tail+gone) > staleShare*float64(st.rows), err
}

// sampleNames are what the kinds of a file of lists are to engines.
var sampleNames = map[lists.Kind]engine.Sample{lists.Asked: engine.Asked, lists.Sentences: engine.Sentences, lists.Moved: engine.Moved}

// errOtherRows says that the codes which lie in lists are not there any more, and errNoCodes that they
// cannot be read.
var (
	errOtherRows = errors.New("its rows are others now")
	errNoCodes   = errors.New("the codes of its rows cannot be read")
)

// listsInfo says what the lists of a state hold; nil where there are none.
func (s *Store) listsInfo(t *tx) (*engine.Lists, error) {
	f, fits, err := s.readLists(t, true)
	var damage *column.DamageError
	switch {
	case errors.As(err, &damage):
		return &engine.Lists{Damage: damage}, nil
	case err != nil || f == nil:
		return nil, err
	}
	info := &engine.Lists{
		Lists: len(f.Ends), Rows: f.Rows(), Promise: f.Promise, Sample: sampleNames[f.Kind], Questions: len(f.Questions) / f.Dim,
		K: lists.Depths[0], Looked: len(f.Ends), Recall: 1, Low: 1, High: 1, Read: 1,
	}
	if p, ok := lists.Choose(f.Curves, info.K, f.Promise); ok {
		info.Looked, info.Recall, info.Low, info.High, info.Read = int(p.Lists), p.Recall, p.Low, p.High, p.Read
	}
	info.Stale = !fits
	if fits {
		var l listed
		if l, err = t.listed(); err == nil {
			info.File = filepath.Base(s.sidecarPath(listsKind, l.number))
			info.Tail, info.Gone, info.Stale, err = t.changed(f)
		}
	}
	return info, err
}

// approximation is how a search looks at some of the lists. A nil one looks at all rows.
type approximation struct {
	*lists.File
	recall float64
	metric faiss.Metric

	// lost is how many times as many documents were in the lists when they were measured. The
	// k nearest that are left are among the k*lost that were the nearest then, about.
	lost float64
}

// blocks returns, for each query, the blocks of codes that are looked at for its k nearest
// rows; nil where these are all.
func (a *approximation) blocks(queries []float32, k int, codes *codes.File) (blocks [][]int64) {
	p, ok := lists.Choose(a.Curves, int(math.Round(float64(k)*a.lost)), a.recall)
	if !ok {
		return nil
	}
	for ; len(queries) > 0; queries = queries[a.Dim:] {
		near := a.Near(queries[:a.Dim], a.metric)
		blocks = append(blocks, a.Blocks(near, int(p.Lists), codes.BlockRows(), codes.Rows()/codes.BlockRows()))
	}
	return blocks
}
