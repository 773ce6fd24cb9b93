package exchange

import (
	"context"
	"iter"
	"slices"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
)

// The first texts tell what made the vectors: so many, and about so many bytes of them.
const (
	recognisedTexts = 16
	recognisedBytes = 1 << 20
)

// MadeBy returns which of the embedders, named as open takes it, makes the vectors of the first documents bit
// by bit; "" for none. It is of use for embedders that compute alike everywhere: of another one, or of another
// version, no two vectors are equal but those of zeros, which are no evidence. What is read for it is
// read again by Transfers, also an error.
func (in *Input) MadeBy(ctx context.Context, specs []string, open func(spec string) (embed.Embedder, error)) (string, error) {
	var first []engine.Transfer
	for _, spec := range specs {
		e, err := open(spec)
		switch {
		case err != nil:
			return "", err
		case e.Identity().Dim != in.Dim:
			continue
		case first == nil:
			if first, err = in.ahead(recognisedTexts); err != nil {
				return "", nil
			}
		}
		if is, err := makes(ctx, e, first); is || err != nil {
			return spec, err
		}
	}
	return "", nil
}

// makes reports whether e makes the vectors of documents.
func makes(ctx context.Context, e embed.Embedder, docs []engine.Transfer) (bool, error) {
	evidence, size := false, 0
	for _, t := range docs {
		if t.Text == "" || size > recognisedBytes {
			continue
		}
		size += len(t.Text)
		made, err := embed.Vectors(ctx, e, []string{t.Text})
		if err != nil || !slices.Equal(made[0], t.Vector) {
			return false, err
		}
		evidence = evidence || slices.ContainsFunc(t.Vector, func(x float32) bool { return x != 0 })
	}
	return evidence, nil
}

// ahead returns the first documents, at most n, before they are read. An error ends them, and comes again when
// they are read.
func (in *Input) ahead(n int) (first []engine.Transfer, err error) {
	next, stop := iter.Pull2(in.documents)
	in.closers = slices.Insert(in.closers, 0, func() error { stop(); return nil }) // before what it reads is closed
	more := true
	for more && err == nil && len(first) < n {
		var t engine.Transfer
		if t, err, more = next(); more && err == nil {
			t.Vector = slices.Clone(t.Vector) // it is valid only until the next document
			first = append(first, t)
		}
	}
	in.documents = func(yield func(engine.Transfer, error) bool) {
		for _, t := range first {
			if !yield(t, nil) {
				return
			}
		}
		if err != nil {
			yield(engine.Transfer{}, err)
			return
		}
		for more {
			t, err, ok := next()
			if !ok || !yield(t, err) {
				return
			}
		}
	}
	return first, err
}
