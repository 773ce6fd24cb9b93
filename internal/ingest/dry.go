package ingest

import (
	"context"
	"iter"
	"math"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/store"
)

// DryRun tells what Run would do, without asking the embedder or changing the
// store. s is nil where the store in dir would be made. What fails only when it
// is embedded or stored, such as an id that comes twice, it does not foresee. It
// remembers some bytes of each text that would be embedded.
func DryRun(ctx context.Context, dir string, s *store.Store, e embed.Embedder, o Options) (Summary, error) {
	var l library = nothing{dir}
	var before int64
	if s != nil {
		l = s
		info, err := s.Info(ctx)
		if err != nil {
			return Summary{}, err
		}
		before = info.Documents
	}
	o.CommitEvery = math.MaxInt64 // nothing that was met comes to be known by the store
	r := newRun(l, imagined{}, embed.Dry(e, o.Progress), o)
	r.sum.Embedding.Embedder, r.sum.DryRun = e.Identity().String(), true
	err := r.run(ctx)
	r.sum.Chunks.Total = before + r.sum.Chunks.Added - r.sum.Chunks.Removed
	r.finish()
	return r.sum, err
}

// nothing is a store that does not exist.
type nothing struct{ dir string }

func (n nothing) Dir() string    { return n.dir }
func (nothing) Settings() string { return "" }

func (nothing) SourcesByKey(context.Context, []string) (map[string]engine.Source, error) {
	return nil, nil
}

func (nothing) SourceByName(context.Context, string) (engine.Source, bool, error) {
	return engine.Source{}, false, nil
}

func (nothing) FreeName(_ context.Context, wanted, _ string, _ func(string) bool) (string, error) {
	return wanted, nil
}

func (nothing) AllSources(context.Context) iter.Seq2[engine.Source, error] {
	return func(func(engine.Source, error) bool) {}
}

func (nothing) Match(_ context.Context, _ engine.Source, docs []engine.Document) ([]engine.Match, error) {
	return make([]engine.Match, len(docs)), nil
}

// imagined is a target that keeps nothing.
type imagined struct{}

func (imagined) Replace(_ context.Context, src engine.Source) (replacement, error) {
	return &imaginedReplacement{old: src.Documents}, nil
}

func (imagined) Touch(engine.Source) {}

func (imagined) Forget(_ context.Context, src engine.Source) (int64, error) {
	return src.Documents, nil
}

// VectorOf says that every text which was met before has a vector.
func (imagined) VectorOf(context.Context, string) ([]float32, error) { return []float32{}, nil }

func (imagined) SetSettings(context.Context, string) error { return nil }
func (imagined) Pending() int64                            { return 0 }
func (imagined) Commit(context.Context) error              { return nil }
func (imagined) Failed() bool                              { return false }

type imaginedReplacement struct{ old, kept int64 }

func (r *imaginedReplacement) Keep(engine.Match, engine.Document) error {
	r.kept++
	return nil
}

func (*imaginedReplacement) Check(context.Context, string, engine.Match) error { return nil }

func (*imaginedReplacement) Add(context.Context, engine.Document, engine.Match, []float32, engine.Origin) error {
	return nil
}

func (r *imaginedReplacement) Done(engine.Source) int64 { return r.old - r.kept }
func (*imaginedReplacement) Abandon()                   {}
