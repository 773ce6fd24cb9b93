package loader

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"sheaf/internal/glob"
)

// tree is the walk of one root folder.
type tree struct {
	*Walker
	yield   func(Found) bool
	glob    string // what must match, relative to the root; "" for everything
	hidden  bool
	entered map[string]bool // real paths of the folders that were entered
	met     bool            // something was reported
	failed  bool            // an error was reported
}

// newTree prepares the walk of a root, of which only what matches a glob is read unless the glob is "".
func newTree(w *Walker, glob string, yield func(Found) bool) *tree {
	t := &tree{Walker: w, glob: glob, entered: map[string]bool{}}
	// A glob with a dot at the beginning of a name matches hidden names, as in a shell.
	t.hidden = w.opts.Hidden || strings.Contains("/"+glob, "/.")
	t.yield = func(f Found) bool {
		t.failed = t.failed || f.Err != nil
		return yield(f)
	}
	return t
}

// root walks the tree from its root.
func (t *tree) root(ctx context.Context, src Source) bool {
	f := folder{path: src.Path, name: src.Name, matched: t.glob == "", included: len(t.include) == 0}
	if err := t.place(&f); err != nil {
		return t.yield(Found{Source: src, Err: err})
	}
	return t.walk(ctx, f)
}

// place finds the real path of a root, and the ignore files above it.
func (t *tree) place(f *folder) error {
	var err error
	if f.target, err = realPath(f.path); err != nil {
		return readError(f.name, err)
	}
	if t.opts.NoIgnore {
		return nil
	}
	cwd, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("finding the current folder: %w", err)
	}
	abs := f.path
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(cwd, abs)
	}
	f.ignore, f.ignoreDir, err = ignoresAbove(abs, cwd)
	return err
}

// folder is one folder of a tree.
type folder struct {
	path      string // to open
	name      string // to show
	target    string // absolute and without links
	rel       string // relative to the root, with slashes; "" for the root
	ignoreDir string // relative to the topmost folder whose ignore files hold; "" for that one
	ignore    *ignoreLevel
	matched   bool // the glob matched this folder or one above it
	included  bool // a pattern of WalkOptions.Include did
}

// entry is one name in a folder.
type entry struct {
	folder             // as which it is walked if it is one
	info   fs.FileInfo // of a link's target
	err    error
}

func (e entry) isDir() bool { return e.err == nil && e.info.IsDir() }

// walk reports what lies in f and below, and returns whether the walk goes on.
func (t *tree) walk(ctx context.Context, f folder) bool {
	if t.entered[f.target] {
		return true
	}
	t.entered[f.target] = true
	src := Source{Name: f.name, Path: f.path}
	names, err := os.ReadDir(f.path)
	if err != nil {
		return t.yield(Found{Source: src, Err: readError(f.name, err)})
	}
	if !t.opts.NoIgnore {
		// A folder whose rules cannot be read is not read: they may keep files out that must not be stored.
		if f.ignore, err = f.ignore.enter(f.path, f.ignoreDir, holds(names)); err != nil {
			return t.yield(Found{Source: src, Err: err})
		}
	}
	for _, d := range names {
		if ctx.Err() != nil {
			return false
		}
		if d.Name() == ".git" || !t.hidden && strings.HasPrefix(d.Name(), ".") {
			continue
		}
		if !t.visit(ctx, f.entry(d)) {
			return false
		}
	}
	return true
}

// holds returns a function that reports whether a file is among the entries of a folder.
func holds(entries []fs.DirEntry) func(name string) bool {
	return func(name string) bool {
		for _, e := range entries {
			if e.Name() == name {
				return !e.IsDir()
			}
		}
		return false
	}
}

// entry looks at one name in f, following links.
func (f folder) entry(d fs.DirEntry) entry {
	e := entry{folder: f}
	e.path = filepath.Join(f.path, d.Name())
	e.name = path.Join(f.name, d.Name())
	e.target = filepath.Join(f.target, d.Name())
	e.rel = path.Join(f.rel, d.Name())
	e.ignoreDir = path.Join(f.ignoreDir, d.Name())
	if d.Type()&fs.ModeSymlink == 0 {
		e.info, e.err = d.Info()
		return e
	}
	if e.info, e.err = os.Stat(e.path); e.err == nil {
		e.target, e.err = filepath.EvalSymlinks(e.target)
	}
	return e
}

func (t *tree) visit(ctx context.Context, e entry) bool {
	if e.ignore.ignores(e.ignoreDir, e.isDir()) || t.exclude.verdict(e.rel, e.isDir()) == ignored {
		return true
	}
	e.matched = e.matched || glob.Match(t.glob, e.rel)
	e.included = e.included || t.include.verdict(e.rel, e.isDir()) == ignored
	if e.isDir() {
		if !e.matched && !mayMatchBelow(t.glob, e.rel) || t.opts.SkipDir != nil && t.opts.SkipDir(e.path) {
			return true
		}
		return t.walk(ctx, e.folder)
	}
	if !e.matched || !e.included {
		return true
	}
	if e.err != nil {
		src := Source{Name: e.name, Path: e.path}
		switch missing := errors.Is(e.err, fs.ErrNotExist) || errors.Is(e.err, syscall.ELOOP); {
		case missing && !nameExists(e.path): // removed after its folder was read
			return true
		case missing:
			return t.yield(Found{Source: src, Skip: "a link that leads nowhere", Dangling: true})
		}
		return t.yield(Found{Source: src, Err: readError(e.name, e.err)})
	}
	t.met = true
	return t.file(Source{Name: e.name, Path: e.path}, e.target, e.info, t.yield)
}

// mayMatchBelow reports whether a glob can match something inside dir. Other folders need not be read.
func mayMatchBelow(pattern, dir string) bool {
	if strings.Contains(pattern, "{") { // alternatives can hold slashes
		return true
	}
	parts := strings.Split(pattern, "/")
	for i, name := range strings.Split(dir, "/") {
		switch {
		case parts[i] == "**":
			return true
		case i == len(parts)-1:
			return false
		case !glob.Match(parts[i], name):
			return false
		}
	}
	return true
}
