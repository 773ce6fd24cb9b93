package embed

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Result is what became of each of some texts.
type Result struct {
	Vectors [][]float32   // one per text, in order; nil where Errs says why
	Errs    map[int]error // by place: the text is refused for what it is, and so only it
	Cut     map[int]int   // by place: the vector is that of the text's first so many bytes
}

// Lenient is an Embedder that tells what became of each text, where one that is
// refused costs the others nothing. Its error is as Embed's, for what concerns
// all of them.
type Lenient interface {
	EmbedEach(ctx context.Context, texts []string) (Result, error)
}

// Each embeds texts with e, a Lenient one or not.
func Each(ctx context.Context, e Embedder, texts []string) (r Result, err error) {
	if l, ok := e.(Lenient); ok {
		r, err = l.EmbedEach(ctx, texts)
	} else {
		r.Vectors, err = e.Embed(ctx, texts)
	}
	if err == nil && len(r.Vectors) != len(texts) {
		err = fmt.Errorf("embedder %s: %d vectors for %d texts", e.Identity(), len(r.Vectors), len(texts))
	}
	return r, err
}

// all is the Embed of a Lenient embedder: a text that is refused is an error.
func (r Result) all() ([][]float32, error) {
	if len(r.Errs) == 0 {
		return r.Vectors, nil
	}
	var errs []error
	for i := range r.Vectors {
		if err := r.Errs[i]; err != nil {
			errs = append(errs, err)
		}
	}
	return nil, errors.Join(errs...)
}

// Close ends what an embedder may have started, such as a program.
func Close(e Embedder) error {
	if c, ok := e.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
