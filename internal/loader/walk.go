package loader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"sheaf/internal/glob"
)

// WalkOptions say what a walk looks for. The zero value finds every file that is neither hidden nor ignored.
type WalkOptions struct {
	Format   Format   // of every source; Auto or "" goes by extension
	Include  []string // patterns as in .gitignore, relative to each root: of a folder only what matches is read
	Exclude  []string // likewise: what matches is not read, even when it is a root
	Hidden   bool     // read names that begin with a dot (".git" is never entered)
	NoIgnore bool     // do not look at .gitignore and .sheafignore
	Encoding string   // as in ReadOptions: text in UTF-16 or UTF-32 is full of zero bytes that mean "binary" elsewhere

	Convert []Conversion // the first whose pattern matches a file counts

	// MaxFileSize is the size in bytes above which a text is skipped; 0 means DefaultMaxFileSize. Records stream
	// and have no such limit.
	MaxFileSize int64

	// Listed is how many roots, the last ones, are from a list that a program wrote. Files among them are not Named.
	Listed int

	// Stdin is what "-" reads; nil when there is none.
	Stdin io.Reader

	// Unread makes the walk report files without opening them. Look then tells whether one is text.
	Unread bool

	// SkipDir reports whether a folder is a store. Stores are left out; one that is a root, or a root in one, is reported
	// as skipped.
	SkipDir func(dir string) bool
}

// told reports whether the user named the format.
func (o *WalkOptions) told() bool { return o.Format != Auto && o.Format != "" }

// Found is what a walk reports: a source to read; a source that is skipped, with the reason in Skip; or a path that
// failed, with Err. Hidden and ignored files are not reported.
type Found struct {
	Source   Source
	Skip     string
	Dangling bool // it is skipped as a link that leads nowhere
	Err      error
}

// Root is a folder that a walk was asked to read.
type Root struct {
	Name string // as given, cleaned, with slashes
	Path string
	// Complete is true when the walk of the folder came to its end, nothing failed, and there was at least one file.
	// Only then is a file that was not reported either gone or left out.
	Complete bool
}

// Walker finds sources. It is for one walk.
type Walker struct {
	opts             WalkOptions
	include, exclude rules
	seen             pathSet // real paths of the files reported so far
	head             []byte  // buffer for the beginning of a file
	stdinTaken       bool
	roots            []Root
}

// NewWalker prepares a walk.
func NewWalker(o WalkOptions) *Walker {
	if o.MaxFileSize <= 0 {
		o.MaxFileSize = DefaultMaxFileSize
	}
	return &Walker{
		opts:    o,
		include: parsePatterns(o.Include),
		exclude: parsePatterns(o.Exclude),
		seen:    newPathSet(),
		head:    make([]byte, sniffSize),
	}
}

// Walk is [Walker.Walk] for callers that do not ask for the roots afterwards.
func Walk(ctx context.Context, roots []string, o WalkOptions) iter.Seq[Found] {
	return NewWalker(o).Walk(ctx, roots)
}

// Walk yields what lies below the roots, one root after the other, each in sorted order, and each file once even when
// roots overlap or links lead to it again. A root is a file, a folder, "-" for standard input, or a glob that the shell
// did not expand ("**" for any number of folders), if no file has that very name.
//
// A root is read even when it is hidden or ignored, but inside a folder the rules hold. Links are followed: to a file
// always, to a folder unless the walk of this root has entered it. An ignored folder is not entered. The walk ends early,
// without an error, when ctx is done.
func (w *Walker) Walk(ctx context.Context, roots []string) iter.Seq[Found] {
	return func(yield func(Found) bool) {
		for i, root := range roots {
			if ctx.Err() != nil || !w.root(ctx, root, i < len(roots)-w.opts.Listed, yield) {
				return
			}
		}
	}
}

// Roots returns the folders among the roots that were walked so far.
func (w *Walker) Roots() []Root { return w.roots }

func (w *Walker) root(ctx context.Context, root string, named bool, yield func(Found) bool) bool {
	if root == "-" {
		return yield(w.stdin())
	}
	file := filepath.Clean(root)
	src := Source{Name: filepath.ToSlash(file), Path: file}
	info, err := os.Stat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist) && isGlob(root) && !nameExists(file):
		return w.glob(ctx, src, yield)
	case err != nil:
		return yield(Found{Source: src, Err: readError(root, err)})
	case info.IsDir():
		return w.folder(ctx, src, yield)
	case w.exclude.verdict(src.Name, false) == ignored:
		return true
	}
	src.Named = named
	if reason := special(info.Mode()); reason != "" { // what a shell's <(…) stands for has no real path
		return yield(unread(src, reason, ""))
	}
	target, err := realPath(file)
	if err != nil {
		return yield(Found{Source: src, Err: readError(src.Name, err)})
	}
	if w.opts.SkipDir != nil && w.opts.SkipDir(filepath.Dir(target)) { // to close its database would drop SQLite's locks
		return yield(Found{Source: src, Skip: "a file of a store"})
	}
	return w.file(src, target, info, yield)
}

func (w *Walker) stdin() Found {
	src := Source{Name: stdinName, Format: formatOf(w.opts.Format, ""), Named: true, stdin: w.opts.Stdin, limit: w.opts.MaxFileSize}
	src.judged = w.opts.told()
	switch {
	case w.stdinTaken:
		return Found{Source: src, Err: ErrStdinTwice}
	case w.opts.Stdin == nil:
		return Found{Source: src, Err: errors.New("there is no standard input")}
	}
	w.stdinTaken = true
	return Found{Source: src}
}

// folder walks a root that is a folder.
func (w *Walker) folder(ctx context.Context, src Source, yield func(Found) bool) bool {
	if w.opts.SkipDir != nil && w.opts.SkipDir(src.Path) {
		return yield(Found{Source: src, Skip: "a store"})
	}
	t := newTree(w, "", yield)
	more := t.root(ctx, src)
	complete := more && ctx.Err() == nil && t.met && !t.failed
	w.roots = append(w.roots, Root{Name: src.Name, Path: src.Path, Complete: complete})
	return more
}

// glob walks the folder that a glob starts from, and reports what matches: files, and folders with all that is in them.
func (w *Walker) glob(ctx context.Context, src Source, yield func(Found) bool) bool {
	base, pattern := glob.Split(src.Name)
	dir := filepath.FromSlash(base)
	t := newTree(w, pattern, yield)
	problem := glob.Check(pattern)
	if info, err := os.Stat(dir); err == nil && info.IsDir() && problem == nil {
		if !t.root(ctx, Source{Name: base, Path: dir}) {
			return false
		}
	}
	if t.met || t.failed || ctx.Err() != nil {
		return true
	}
	none := fmt.Errorf("no file matches %q", src.Name)
	if problem != nil {
		none = fmt.Errorf("%w: %w", none, problem)
	}
	return yield(Found{Source: src, Err: none})
}

// file reports one file, unless it was reported before.
func (w *Walker) file(src Source, target string, info fs.FileInfo, yield func(Found) bool) bool {
	if !w.seen.add(target) {
		return true
	}
	src.Format, src.Size, src.ModTime, src.limit = formatOf(w.opts.Format, src.Name), info.Size(), info.ModTime(), w.opts.MaxFileSize
	src.judged = src.Named && w.opts.told()
	if src.Convert = conversionOf(w.opts.Convert, src.Name); src.Convert != "" {
		src.Format, src.judged = Text, true
	}
	if reason := special(info.Mode()); reason != "" {
		return yield(unread(src, reason, ""))
	}
	if w.tooLarge(src) {
		return yield(w.large(src))
	}
	if w.opts.Unread {
		return yield(Found{Source: src})
	}
	return yield(w.Look(src))
}

// Look reads the beginning of a file that an Unread walk found. It reports the file as not read when it is binary, and
// sets its format where the extension alone does not tell it.
func (w *Walker) Look(src Source) Found {
	if src.Convert != "" {
		return Found{Source: src}
	}
	head, err := readHead(src.Path, w.head)
	if err != nil {
		return Found{Source: src, Err: readError(src.Name, err)}
	}
	if !w.opts.told() && !src.Format.begins(head) {
		src.Format = Text
	}
	switch {
	case !src.judged && !src.Format.isBinary() && isBinary(head, w.opts.Encoding):
		return unread(src, "binary", fmt.Sprintf("--convert '*%s=COMMAND' makes text of it, --format text reads it as it is", filepath.Ext(src.Name)))
	case w.tooLarge(src):
		return w.large(src)
	}
	return Found{Source: src}
}

// unread reports a file that is not read: one that the user named fails, with the way out, and others are skipped.
func unread(src Source, reason, way string) Found {
	switch {
	case !src.Named:
		return Found{Source: src, Skip: reason}
	case way != "":
		reason += ": " + way
	}
	return Found{Source: src, Err: errors.New(reason)}
}

// large reports a file that is too large.
func (w *Walker) large(src Source) Found {
	return unread(src, "larger than "+formatSize(w.opts.MaxFileSize), "--max-file-size sets another limit")
}

// special returns what is no ordinary file, or "".
func special(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe (to read one, redirect it to -)"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case !mode.IsRegular():
		return "a device"
	}
	return ""
}

func (w *Walker) tooLarge(src Source) bool {
	return !src.Format.HasRecords() && src.Convert == "" && src.Size > w.opts.MaxFileSize
}

// formatSize returns a number of bytes with the largest unit that leaves no rest: "64 MiB", "1000 bytes".
func formatSize(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for n >= 1024 && n%1024 == 0 && i < len(units)-1 {
		n /= 1024
		i++
	}
	return fmt.Sprintf("%d %s", n, units[i])
}

func isGlob(s string) bool { return strings.ContainsAny(s, `*?[{`) }

// nameExists reports whether there is something under a name, even a link to nothing.
func nameExists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

// realPath returns the absolute path of a file, with all links resolved.
func realPath(file string) (string, error) {
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		return "", err
	}
	return filepath.Abs(target)
}
