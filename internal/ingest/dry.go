package ingest

import (
	"context"
	"iter"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
)

// DryRun counts what Run would do, without asking the embedder or changing the
// store. s is nil if there is no store yet. Failures that show only when a document
// is embedded or stored, such as an id that is given twice, are not counted. Memory
// grows by some bytes for each text that would be embedded.
func DryRun(ctx context.Context, s Reader, e embed.Embedder, o Options) (Summary, error) {
	if s == nil {
		s = empty{}
	}
	info, err := s.Info(ctx)
	if err != nil {
		return Summary{}, err
	}
	r := newRun(s, embed.Dry(e, o.Progress), o)
	r.sum.Embedding.Embedder, r.sum.DryRun = e.Identity().String(), true
	err = r.run(ctx)
	r.sum.Chunks.Total = info.Documents + r.sum.Chunks.Added - r.sum.Chunks.Removed
	r.finish()
	return r.sum, err
}

// empty is a store that does not exist yet.
type empty struct{}

func (empty) Facts() engine.Facts                       { return engine.Facts{} }
func (empty) Info(context.Context) (engine.Info, error) { return engine.Info{}, nil }
func (empty) Settings() string                          { return "" }

func (empty) SourcesByKey(context.Context, []string) (map[string]engine.Source, error) {
	return nil, nil
}

func (empty) SourceByName(context.Context, string) (engine.Source, bool, error) {
	return engine.Source{}, false, nil
}

func (empty) AllSources(context.Context) iter.Seq2[engine.Source, error] {
	return func(func(engine.Source, error) bool) {}
}

func (empty) Match(_ context.Context, _ engine.Source, docs []engine.Document) ([]engine.Match, error) {
	return make([]engine.Match, len(docs)), nil
}
