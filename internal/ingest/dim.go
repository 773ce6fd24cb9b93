package ingest

import (
	"context"

	"sheaf/internal/loader"
)

// Dim returns the length of the first vector among the first records of the
// sources, 0 where none has one: the dim of a new store without an embedder. It
// consumes o.Stdin up to such a record.
func Dim(ctx context.Context, o Options) (int, error) {
	walk := o.Walk
	walk.Stdin, walk.Encoding = o.Stdin, o.Read.Encoding
	for found := range loader.Walk(ctx, o.Roots, walk) {
		if found.Err != nil || found.Skip != "" || !found.Source.Format.HasRecords() {
			continue // the run tells of it
		}
		if dim := firstDim(ctx, found.Source, o.Read); dim > 0 {
			return dim, nil
		}
	}
	return 0, context.Cause(ctx)
}

// firstDim returns the length of the vector of a source's first record that can
// be read, 0 where it has none.
func firstDim(ctx context.Context, src loader.Source, o loader.ReadOptions) int {
	r, err := loader.Open(ctx, src, o)
	if err != nil {
		return 0
	}
	defer r.Close()
	for rec, err := range r.Records() {
		if err == nil {
			return len(rec.Vector)
		}
	}
	return 0
}
