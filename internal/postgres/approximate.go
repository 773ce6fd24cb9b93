package postgres

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
)

// A table that was made to have an approximate index of pgvector gets it when it has documents
// enough, by Index: lists that are made of few rows divide the others badly, and to fill a
// graph row by row takes longer than to make it of all. Searches then go by it unless a
// recall is asked for, which no index promises. Scores are computed here as ever.
//
// An index finds no more than it comes by, and with a filter that may be less than there is.
// So documents that match are compared all where they are few, and where the index gives
// less than what is asked for.

// approximate is the approximate index of a table.
type approximate struct {
	kind  string // "" where the table is to have none
	made  bool
	lists int64 // of ivfflat
}

const (
	// leastIndexed is how many documents a table has before it has an index: fewer are
	// compared within some milliseconds.
	leastIndexed = 1000
	// maxIndexedDim is how many numbers a vector has at most that pgvector's indexes take.
	maxIndexedDim = 2000
	// mostByIndex is how many documents an index is asked for at most, and how many a search
	// of a graph keeps, which is as many as pgvector lets it: with 200, searches of 103,000 chunks
	// of Go source missed 1.7 to 4 times as much.
	mostByIndex = 1000
	// fewMatching is how many documents that match are compared all.
	fewMatching = 10_000
)

// canIndex refuses an index that a table with these facts cannot have.
func (c *conn) canIndex(ctx context.Context, f engine.Facts, kind string) error {
	if kind == "" {
		return nil
	}
	if f.Dim > maxIndexedDim {
		return hint.With(fmt.Errorf("an index of pgvector takes vectors of up to %d numbers, not %d", maxIndexedDim, f.Dim), "leave --index out: searches are exact then")
	}
	version, err := c.value(ctx, `SELECT extversion FROM pg_extension WHERE extname = 'vector' AND string_to_array(extversion, '.')::integer[] < '{0,8}'`)
	if err == nil && version != nil {
		err = hint.With(fmt.Errorf("pgvector %s cannot go on with a search by an index until enough documents match; 0.8.0 can", version), "update it on the server and run ALTER EXTENSION vector UPDATE, or leave --index out")
	}
	return err
}

// Index makes the approximate index that the store was made to have, where it has documents
// enough and no index yet, or lists for less than a quarter of them. It reports whether it
// did, and of how many documents. Readers go on meanwhile. Where they keep an index from being
// replaced, it stays.
func (w *Writer) Index(ctx context.Context) (documents int64, made bool, err error) {
	var now state
	if err := w.view(ctx, func(v *view) error { now = v.state; return nil }); err != nil {
		return 0, false, err
	}
	lists := int64(math.Sqrt(float64(now.documents)))
	switch i := now.index; {
	case i.kind == "" || now.documents < leastIndexed:
		return now.documents, false, nil
	case i.made && (i.kind != engine.IVFFlat || lists < 2*i.lists):
		return now.documents, false, nil
	}
	if err = w.makeIndex(ctx, now, lists); stateOf(err) == notAvailable { // some reader goes on, a long export
		return now.documents, false, nil
	}
	return now.documents, err == nil, err
}

// indexPatience is how long the end of making an index waits for readers, while others wait
// for it.
const indexPatience = 2 * time.Second

// makeIndex makes an index in the place of the one that is there, for whose removal the table is
// closed to readers until the commit.
func (w *Writer) makeIndex(ctx context.Context, s state, lists int64) error {
	operators, with := "vector_l2_ops", ""
	if s.Metric != engine.L2 {
		operators = "vector_ip_ops"
	}
	if s.index.kind == engine.IVFFlat {
		with = fmt.Sprintf(" WITH (lists = %d)", lists)
	}
	const made = nearestSuffix + "_new"
	p := w.place
	c, err := w.take(ctx)
	if err != nil {
		return err
	}
	defer w.give(c)
	_, err = c.script(ctx, fmt.Sprintf(`BEGIN; CREATE INDEX %s ON {documents} USING %s (vector %s)%s;
SET LOCAL lock_timeout = %d; DROP INDEX IF EXISTS %s; ALTER INDEX %s RENAME TO %s; COMMIT`,
		quote(p.table+made), s.index.kind, operators, with, indexPatience.Milliseconds(), p.name(nearestSuffix), p.name(made), quote(p.table+nearestSuffix)))
	if err == nil {
		return nil
	}
	err = fmt.Errorf("making the index: %w", err)
	if stateOf(err) == programLimit {
		err = hint.With(err, "let the server use more memory: PGOPTIONS='-c maintenance_work_mem=1GB' and the same command again; what was stored is kept")
	}
	return err
}

const programLimit = "54000" // program_limit_exceeded

// useIndex makes the searches of a view go by the index, which goes on until there are as many
// rows as are asked for. Their order does not matter.
func (v *view) useIndex(ctx context.Context) error {
	set := fmt.Sprintf(`SET LOCAL hnsw.iterative_scan = relaxed_order; SET LOCAL hnsw.ef_search = %d`, mostByIndex)
	if v.state.index.kind == engine.IVFFlat {
		set = fmt.Sprintf(`SET LOCAL ivfflat.iterative_scan = relaxed_order; SET LOCAL ivfflat.probes = %d`, probes(v.state.index.lists))
	}
	_, err := v.script(ctx, set)
	return err
}

// probes is how many of some lists are looked at first.
func probes(lists int64) int64 { return max(lists/4, min(lists, 10)) }

// byIndex finds the k nearest documents that match as far as the index leads to them. It
// returns nil where it leads to less than k, and how many it gave.
func (x *index) byIndex(ctx context.Context, query []float32, c *condition, k int) (found []engine.Candidate, looked int, err error) {
	for rows := firstRows(c, k); ; rows *= moreRows {
		best := engine.Nearest{K: k, Metric: x.state.Metric}
		n, _, err := x.offer(ctx, query, c, distance(x.state.Metric), rows, &best)
		switch {
		case err != nil:
			return nil, 0, err
		case best.Full():
			return best.Best(), n, nil
		case n < rows:
			return nil, 0, nil
		}
	}
}

// narrow returns a condition that names the documents that hold c, where these are few; nil
// where they are not.
func (x *index) narrow(ctx context.Context, c *condition) (narrow *condition, err error) {
	if narrow, known := x.narrowed[c.sql]; known {
		return narrow, nil
	}
	var numbers []string
	for r, err := range x.query(ctx, `SELECT d.n FROM {documents} d WHERE `+c.sql+` LIMIT `+strconv.Itoa(fewMatching+1)) {
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, strconv.FormatInt(r.int(0), 10))
	}
	if len(numbers) <= fewMatching {
		narrow = &condition{c.filter, `d.n = ANY ('{` + strings.Join(numbers, ",") + `}'::bigint[])`, c.of}
	}
	if x.narrowed == nil {
		x.narrowed = map[string]*condition{}
	}
	x.narrowed[c.sql] = narrow
	return narrow, nil
}
