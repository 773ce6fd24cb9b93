package ingest

import (
	"context"
	"path/filepath"
	"slices"

	"sheaf/internal/engine"
	"sheaf/internal/loader"
)

// afterWalk removes the sources whose files are gone or, without Prune, gives notice of them.
func (r *run) afterWalk(ctx context.Context, p *planner) error {
	if r.o.Prune {
		return r.vanished(ctx, p, func(src engine.Source, err error) error {
			if err != nil {
				return r.countFailure(&step{source: src, whole: true, err: err})
			}
			return r.remove(ctx, src)
		})
	}
	info, err := r.store.Info(ctx)
	if met := r.sum.Sources.Updated + r.sum.Sources.Unchanged + r.counted.added; err != nil || info.Sources <= int64(met) {
		return err // the run met all that the store has
	}
	gone := 0
	err = r.vanished(ctx, p, func(_ engine.Source, err error) error {
		if err == nil { // else --prune tells
			gone++
		}
		return nil
	})
	switch {
	case gone == 1:
		r.notice("1 source whose file is gone stays in the store: --prune removes it")
	case gone > 1:
		r.notice("%d sources whose files are gone stay in the store: --prune removes them", gone)
	}
	return err
}

// vanished calls do with the sources whose files do not exist any more, or of which an error says why that
// cannot be told. Their path is below a root that was walked without an error, and below none that was not, such
// as a folder that is missing or empty because nothing is mounted there, nor below a
// link that leads nowhere.
func (r *run) vanished(ctx context.Context, p *planner, do func(engine.Source, error) error) error {
	complete, doubtful, err := r.rootPaths(p.walker.Roots(), p.unreadable)
	if err != nil || len(complete) == 0 {
		return err
	}
	for _, link := range p.dangling {
		path, err := filepath.Abs(link)
		if err != nil {
			return err
		}
		doubtful = append(doubtful, path)
	}
	for src, err := range r.store.AllSources(ctx) {
		if err != nil {
			return err
		}
		path := r.o.Home.Path(src.Key)
		if !below(path, complete) || below(path, doubtful) {
			continue
		}
		if gone, err := r.gone(src.Key); gone || err != nil {
			if err := do(src, err); err != nil {
				return err
			}
		}
	}
	return context.Cause(ctx)
}

// rootPaths returns the absolute paths of the roots: those that were walked without
// an error, and the others.
func (r *run) rootPaths(walked []loader.Root, unreadable []string) (complete, doubtful []string, err error) {
	whole := map[string]bool{}
	for _, root := range walked {
		path, err := filepath.Abs(root.Path)
		if err != nil {
			return nil, nil, err
		}
		whole[path] = root.Complete && !slices.ContainsFunc(unreadable, func(file string) bool { return below(file, []string{root.Path}) })
		if whole[path] {
			complete = append(complete, path)
		}
	}
	for _, root := range r.o.Roots {
		path, err := filepath.Abs(root)
		if err != nil {
			return nil, nil, err
		}
		if !whole[path] {
			doubtful = append(doubtful, path)
		}
	}
	return complete, doubtful, nil
}

// below reports whether a path is below one of the folders.
func below(path string, folders []string) bool {
	for _, folder := range folders {
		if rel, err := filepath.Rel(folder, path); err == nil && rel != "." && filepath.IsLocal(rel) {
			return true
		}
	}
	return false
}

// remove removes a source.
func (r *run) remove(ctx context.Context, src engine.Source) error {
	if r.w != nil {
		if err := r.w.Forget(context.WithoutCancel(ctx), src); err != nil {
			return err
		}
	}
	r.sum.Chunks.Removed += src.Documents
	r.sum.Sources.Removed++
	return nil
}
