package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/ingest"
	"sheaf/internal/loader"
	"sheaf/internal/store"
)

// sources lists a project's sources by base name.
func sources(t *testing.T, project string) (names []string) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(project, ".sheaf"), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for src, err := range s.Sources(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.Base(src.Name))
	}
	slices.Sort(names)
	return names
}

func TestPrune(t *testing.T) {
	t.Parallel()
	const all = "a.txt b.txt c.txt d.txt e.txt hidden.txt stdin:note"
	for name, test := range map[string]struct {
		roots []string // below the project
		o     ingest.Options
		keep  bool // --prune is not given
		spoil func(t *testing.T, p string)
		want  string // the sources that stay
	}{
		"gone files go":               {roots: []string{"text"}, want: "a.txt d.txt e.txt hidden.txt stdin:note"},
		"only below the given folder": {roots: []string{"text/sub"}, want: "a.txt b.txt d.txt e.txt hidden.txt stdin:note"},
		"not without the flag":        {roots: []string{"text"}, keep: true, want: all},
		"not for a file":              {roots: []string{"text/a.txt"}, want: all},
		"not for a glob":              {roots: []string{"text/**"}, want: all},
		"a file that became a folder": {roots: []string{"text"}, want: "a.txt d.txt hidden.txt stdin:note", spoil: func(t *testing.T, p string) {
			must(t, os.RemoveAll(filepath.Join(p, "text", "other")))
			text(t, p, "other", "a file now")
		}},
		"not for an empty folder": {roots: []string{"text"}, want: all, spoil: func(t *testing.T, p string) {
			must(t, os.RemoveAll(filepath.Join(p, "text")))
			must(t, os.Mkdir(filepath.Join(p, "text"), 0o777))
		}},
		"within a folder": {roots: []string{"text"}, want: "a.txt hidden.txt stdin:note", spoil: func(t *testing.T, p string) {
			must(t, os.RemoveAll(filepath.Join(p, "text", "sub")))
			must(t, os.Remove(filepath.Join(p, "text", "other", "e.txt")))
		}},
		"where a record fails": {roots: []string{"text"}, want: "a.txt d.txt e.txt hidden.txt stdin:note", spoil: func(t *testing.T, p string) {
			must(t, os.WriteFile(filepath.Join(p, "text", "bad.jsonl"), []byte("{no record}\n"), 0o666))
		}},
		"not for a missing folder": {roots: []string{"text"}, want: all, spoil: func(t *testing.T, p string) {
			must(t, os.RemoveAll(filepath.Join(p, "text")))
		}},
		"not below a missing folder": {roots: []string{"text", "text/sub"}, want: "a.txt c.txt d.txt e.txt hidden.txt stdin:note", spoil: func(t *testing.T, p string) {
			must(t, os.RemoveAll(filepath.Join(p, "text", "sub")))
		}},
		"beside a link that leads nowhere": {roots: []string{"text"}, want: "a.txt d.txt e.txt hidden.txt stdin:note", spoil: func(t *testing.T, p string) {
			must(t, os.Symlink("nowhere", filepath.Join(p, "text", "link.txt")))
		}},
		"not where a file cannot be read": {roots: []string{"text"}, want: all, spoil: func(t *testing.T, p string) {
			must(t, os.Symlink("/proc/self/mem", filepath.Join(p, "text", "odd.txt"))) // a file whose first byte cannot be read
		}},
		"not what is excluded": {roots: []string{"text"}, o: ingest.Options{Walk: loader.WalkOptions{Exclude: []string{"a.txt", "other/"}}}, want: "a.txt d.txt e.txt hidden.txt stdin:note"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := t.TempDir()
			for _, f := range []string{"a.txt", "b.txt", "sub/c.txt", "sub/d.txt", "other/e.txt", ".config/hidden.txt"} {
				text(t, p, f, "text of "+f)
			}
			mustRun(t, p, hashed{}, ingest.Options{Walk: loader.WalkOptions{Hidden: true}})
			mustRun(t, p, hashed{}, ingest.Options{Roots: []string{"-"}, Stdin: strings.NewReader("noted"), Name: "note"})
			must(t, os.Remove(filepath.Join(p, "text", "b.txt")))
			must(t, os.Remove(filepath.Join(p, "text", "sub", "c.txt")))
			if test.spoil != nil {
				test.spoil(t, p)
			}
			o := test.o
			o.Prune = !test.keep
			for _, root := range test.roots {
				o.Roots = append(o.Roots, filepath.Join(p, root))
			}
			before := sources(t, p)
			sum := mustRun(t, p, hashed{}, o)
			got := slices.DeleteFunc(sources(t, p), func(name string) bool { return name == "other" })
			if strings.Join(got, " ") != test.want {
				t.Errorf("%v stay, want %s", got, test.want)
			}
			if sum.Sources.Removed != len(before)-len(got) || sum.Chunks.Removed != int64(sum.Sources.Removed) {
				t.Errorf("%d sources and %d chunks were removed of %d", sum.Sources.Removed, sum.Chunks.Removed, len(before)-len(got))
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A moved file keeps its vectors, and its old name goes.
func TestPruneAfterAMove(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.txt", "one text")
	text(t, p, "b.txt", "another")
	ingestHere(t, p)
	must(t, os.Rename(filepath.Join(p, "text", "a.txt"), filepath.Join(p, "text", "z.txt")))
	sum := mustRun(t, p, hashed{}, ingest.Options{Prune: true})
	expect(t, sum, "sources 1 added 0 updated 1 unchanged 0 skipped 0 failed; chunks 1 added 2 reused 1 removed 2 total; 0 embedded")
	if got := sources(t, p); fmt.Sprint(got) != "[b.txt z.txt]" || sum.Sources.Removed != 1 {
		t.Errorf("%v", got)
	}
}

// A file that made way for a folder is gone.
func TestPruneAfterAFolderTookThePlace(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a", "one text")
	text(t, p, "b", "another")
	ingestHere(t, p)
	must(t, os.Rename(filepath.Join(p, "text", "a"), filepath.Join(p, "text", "c")))
	must(t, os.Mkdir(filepath.Join(p, "text", "a"), 0o777))
	must(t, os.Rename(filepath.Join(p, "text", "c"), filepath.Join(p, "text", "a", "c")))
	mustRun(t, p, hashed{}, ingest.Options{Prune: true})
	if got := sources(t, p); fmt.Sprint(got) != "[b c]" {
		t.Errorf("%v", got)
	}
}

// An interrupt prunes nothing: the walk did not come to its end.
func TestNoPruneAfterAnInterrupt(t *testing.T) {
	t.Parallel()
	p := t.TempDir()
	text(t, p, "a.txt", "stays")
	text(t, p, "b.txt", "goes")
	ingestHere(t, p)
	must(t, os.Remove(filepath.Join(p, "text", "b.txt")))
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStop)
	if _, err := run(ctx, p, hashed{}, ingest.Options{Prune: true}); !errors.Is(err, errStop) {
		t.Error(err)
	}
	if got := sources(t, p); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

// What is below a link that leads nowhere may only not be mounted. The link itself is left out with a notice, and does not
// fail the run.
func TestPruneBelowALinkThatLeadsNowhere(t *testing.T) {
	t.Parallel()
	p, disk := t.TempDir(), filepath.Join(t.TempDir(), "disk")
	text(t, p, "a.txt", "one text")
	text(t, p, "b.txt", "another")
	must(t, os.Mkdir(disk, 0o777))
	must(t, os.WriteFile(filepath.Join(disk, "c.txt"), []byte("on a disk"), 0o666))
	must(t, os.Symlink(disk, filepath.Join(p, "text", "mounted")))
	ingestHere(t, p)
	must(t, os.RemoveAll(disk))
	must(t, os.Remove(filepath.Join(p, "text", "b.txt")))
	var notices []string
	sum := mustRun(t, p, hashed{}, ingest.Options{Prune: true, Notice: func(text string) { notices = append(notices, text) }})
	expect(t, sum, "sources 0 added 0 updated 1 unchanged 1 skipped 0 failed; chunks 0 added 1 reused 1 removed 2 total; 0 embedded")
	if got := sources(t, p); fmt.Sprint(got) != "[a.txt c.txt]" {
		t.Errorf("%v", got)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], `mounted" is passed over: a link that leads nowhere`) {
		t.Errorf("notices %q", notices)
	}
}
