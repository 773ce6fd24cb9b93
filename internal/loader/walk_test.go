package loader

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// testWalk is one archive of testdata/walk: a comment of directives, the files of a folder, and what a walk is to
// find there.
//
//	roots A B     what to walk, relative to the folder; the folder itself when not given
//	hidden, no-ignore, include PATTERN, exclude PATTERN, format FORMAT, limit BYTES, store NAME
//	link TO AT    makes a symbolic link AT that holds TO
//	git           makes the folder a repository
//	# …           says what the archive is for
type testWalk struct {
	dir   string
	roots []string
	opts  WalkOptions
	want  string
}

func readTestWalk(t *testing.T, file string) testWalk {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := testWalk{dir: t.TempDir()}
	for _, f := range archive.Files {
		if f.Name == "want" {
			w.want = string(f.Data)
			continue
		}
		// Data would end in a newline always; a file called NAME (empty) has none.
		write(t, filepath.Join(w.dir, f.Name), string(f.Data))
	}
	for line := range strings.Lines(string(archive.Comment)) {
		w.directive(t, strings.Fields(line))
	}
	if w.roots == nil {
		w.roots = []string{w.dir}
	}
	return w
}

func (w *testWalk) directive(t *testing.T, words []string) {
	t.Helper()
	switch words = append(words, "", "", ""); words[0] {
	case "roots":
		for _, root := range slices.DeleteFunc(words[1:], func(s string) bool { return s == "" }) {
			w.roots = append(w.roots, w.dir+"/"+root)
		}
	case "hidden":
		w.opts.Hidden = true
	case "no-ignore":
		w.opts.NoIgnore = true
	case "include":
		w.opts.Include = append(w.opts.Include, words[1])
	case "exclude":
		w.opts.Exclude = append(w.opts.Exclude, words[1])
	case "format":
		w.opts.Format = Format(words[1])
	case "limit":
		fmt.Sscan(words[1], &w.opts.MaxFileSize)
	case "store":
		w.opts.SkipDir = func(dir string) bool { return filepath.Base(dir) == words[1] }
	case "link":
		if err := os.Symlink(words[1], filepath.Join(w.dir, words[2])); err != nil {
			t.Fatal(err)
		}
	case "git":
		write(t, filepath.Join(w.dir, ".git", "HEAD"), "ref: refs/heads/main\n")
	case "#", "":
	default:
		t.Fatalf("no directive %q", words[0])
	}
}

func write(t testing.TB, file, data string) {
	t.Helper()
	if err := cmp.Or(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(data), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// show writes what was found, a line each, with names relative to dir.
func show(found Found, dir string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(found.Source.Name, filepath.ToSlash(dir)), "/")
	switch {
	case found.Err != nil:
		return "error " + name + ": " + strings.ReplaceAll(found.Err.Error(), filepath.ToSlash(dir)+"/", "")
	case found.Skip != "":
		return "skip " + name + ": " + found.Skip
	case found.Source.Format != Text:
		return string(found.Source.Format) + " " + name
	}
	return name
}

func collect(w *Walker, roots []string, dir string) string {
	var out strings.Builder
	for found := range w.Walk(context.Background(), roots) {
		fmt.Fprintln(&out, show(found, dir))
	}
	return out.String()
}

func TestWalk(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/walk/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no archives", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			w := readTestWalk(t, file)
			if got := collect(NewWalker(w.opts), w.roots, w.dir); got != w.want {
				t.Errorf("found\n%swant\n%s", got, w.want)
			}
		})
	}
}

func TestWalkNames(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "docs/a.txt", "a")
	write(t, "docs/sub/b.txt", "b")
	write(t, "c.txt", "c")
	write(t, "zoo/z/z.txt", "z")
	tests := []struct{ roots, want string }{
		{".", "c.txt docs/a.txt docs/sub/b.txt zoo/z/z.txt"},
		{"./docs//sub/", "docs/sub/b.txt"},
		{"docs/../c.txt", "c.txt"},
		{"../" + filepath.Base(must(os.Getwd())) + "/c.txt", "../" + filepath.Base(must(os.Getwd())) + "/c.txt"},
		{"*", "c.txt docs/a.txt docs/sub/b.txt zoo/z/z.txt"},
		{"*.txt", "c.txt"},
		{"**/*.txt", "c.txt docs/a.txt docs/sub/b.txt zoo/z/z.txt"},
		{"d*/*.txt", "docs/a.txt"},
		{"*/s*/*.txt", "docs/sub/b.txt"},
		{"[d-z]*/z", "zoo/z/z.txt"},
		{"{c.txt,docs/sub/*}", "c.txt docs/sub/b.txt"},
	}
	for _, test := range tests {
		got := strings.Fields(collect(NewWalker(WalkOptions{}), []string{test.roots}, ""))
		if strings.Join(got, " ") != test.want {
			t.Errorf("walk of %q found %q, want %s", test.roots, got, test.want)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// An ignore file above the root counts up to the current folder, where no repository says otherwise.
func TestWalkIgnoreAboveRoot(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".sheafignore", "/docs/private/\n")
	write(t, "docs/a.txt", "a")
	write(t, "docs/private/b.txt", "b")
	if got := collect(NewWalker(WalkOptions{}), []string{"docs"}, ""); got != "docs/a.txt\n" {
		t.Errorf("found %q", got)
	}
	t.Chdir("docs")
	if got := collect(NewWalker(WalkOptions{}), []string{"."}, ""); got != "a.txt\nprivate/b.txt\n" {
		t.Errorf("found %q below the current folder", got)
	}
}

func TestWalkStdin(t *testing.T) {
	t.Parallel()
	in := strings.NewReader("text")
	w := NewWalker(WalkOptions{Stdin: in})
	var found []Found
	for f := range w.Walk(t.Context(), []string{"-", "-"}) {
		found = append(found, f)
	}
	if len(found) != 2 || found[0].Err != nil || found[0].Source.Name != "stdin" || found[0].Source.Path != "" {
		t.Fatalf("found %+v", found)
	}
	if !errors.Is(found[1].Err, ErrStdinTwice) {
		t.Errorf("the second time: %v", found[1].Err)
	}
	rec, _ := readOne(t, found[0].Source, ReadOptions{})
	if rec.Text != "text" {
		t.Errorf("read %q", rec.Text)
	}
	if got := collect(NewWalker(WalkOptions{}), []string{"-"}, ""); got != "error stdin: there is no standard input\n" {
		t.Errorf("without standard input: %s", got)
	}
}

func TestWalkStops(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 10 {
		write(t, filepath.Join(dir, fmt.Sprintf("sub%d/a.txt", i)), "a")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := NewWalker(WalkOptions{})
	n := 0
	for range w.Walk(ctx, []string{dir, dir}) {
		if n++; n == 3 {
			cancel()
		}
	}
	if n != 3 || len(w.Roots()) != 1 || w.Roots()[0].Complete {
		t.Errorf("cancelled at the third of 10 files: met %d, roots %+v", n, w.Roots())
	}
	w, n = NewWalker(WalkOptions{}), 0
	for range w.Walk(t.Context(), []string{dir}) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 || w.Roots()[0].Complete {
		t.Errorf("left at the third of 10 files: met %d, roots %+v", n, w.Roots())
	}
}

func TestRoots(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/whole/a.txt", "a")
	write(t, dir+"/ignored/.gitignore", "*")
	write(t, dir+"/ignored/a.txt", "a")
	if err := cmp.Or(os.Mkdir(dir+"/empty", 0o777), os.Mkdir(dir+"/broken", 0o777),
		os.Symlink("nowhere", dir+"/broken/link")); err != nil {
		t.Fatal(err)
	}
	w := NewWalker(WalkOptions{})
	collect(w, []string{dir + "/whole", dir + "/whole/", dir + "/empty", dir + "/missing", dir + "/broken",
		dir + "/ignored", dir + "/whole/a.txt", dir + "/wh*"}, dir)
	var got []string
	for _, root := range w.Roots() {
		got = append(got, fmt.Sprint(filepath.Base(root.Path), " ", root.Complete))
	}
	want := []string{"whole true", "whole true", "empty false", "broken false", "ignored false"}
	if !slices.Equal(got, want) {
		t.Errorf("roots %q, want %q", got, want)
	}
}

func TestSourceFacts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/a.txt", "four")
	info := must(os.Stat(dir + "/a.txt"))
	src := findOne(t, dir+"/a.txt", WalkOptions{})
	if src.Size != 4 || !src.ModTime.Equal(info.ModTime()) || src.Path != filepath.Join(dir, "a.txt") {
		t.Errorf("source %+v", src)
	}
}

func findOne(t testing.TB, file string, o WalkOptions) Source {
	t.Helper()
	var found []Found
	for f := range Walk(t.Context(), []string{file}, o) {
		found = append(found, f)
	}
	if len(found) != 1 || found[0].Err != nil || found[0].Skip != "" {
		t.Fatalf("%s: found %+v", file, found)
	}
	return found[0].Source
}

func TestFormatSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{1: "1 bytes", 1000: "1000 bytes", 1024: "1 KiB", 64 << 20: "64 MiB", 3 << 40: "3 TiB", 5 << 50: "5120 TiB"} {
		if got := formatSize(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// TestWalkUnread leaves the look into files to the caller.
func TestWalkUnread(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/a.txt", "text")
	write(t, dir+"/b.bin", "\x00\x01")
	w := NewWalker(WalkOptions{Unread: true})
	var got []string
	for f := range w.Walk(t.Context(), []string{dir}) {
		if f.Err != nil || f.Skip != "" {
			t.Errorf("%+v", f)
		}
		got = append(got, filepath.Base(f.Source.Path)+": "+w.Look(f.Source).Skip)
		if err := os.Remove(f.Source.Path); err != nil {
			t.Fatal(err)
		}
		if w.Look(f.Source).Err == nil {
			t.Errorf("%s is gone, and can be read", f.Source.Path)
		}
	}
	if want := "a.txt: , b.bin: binary"; strings.Join(got, ", ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}
