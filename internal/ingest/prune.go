package ingest

import (
	"context"
	"path/filepath"
	"slices"

	"sheaf/internal/engine"
	"sheaf/internal/loader"
)

// prune removes the sources whose files do not exist any more. Their path must be
// below a root that was walked without an error, and below none that was not, such
// as a folder that is missing or empty because nothing is mounted there, nor below a
// link that leads nowhere.
func (r *run) prune(ctx context.Context, walked []loader.Root, unreadable, dangling []string) error {
	complete, doubtful, err := r.rootPaths(walked, unreadable)
	if err != nil || len(complete) == 0 {
		return err
	}
	for _, link := range dangling {
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
		gone, err := r.gone(src.Key)
		switch {
		case err != nil:
			err = r.countFailure(&step{source: src, whole: true, err: err})
		case gone:
			err = r.remove(ctx, src)
		}
		if err != nil {
			return err
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
