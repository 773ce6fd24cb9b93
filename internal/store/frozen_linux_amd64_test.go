package store_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/faulttest"
	"sheaf/internal/store"
)

// childDir names the variable that makes this program open a store for writing and
// close it, for a test that kills it.
const childDir = "STORE_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	var err error
	if dir := os.Getenv(growChild); dir != "" {
		err = growAsChild(dir)
	} else if dir := os.Getenv(childDir); dir != "" {
		var w *store.Writer
		if w, err = store.OpenWriter(context.Background(), dir, engine.Options{}); err == nil {
			err = w.Close()
		}
	} else {
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// formats are the formats of which testdata has a store, made by a version that
// wrote that format: formatN.tar.gz, all of the documents in frozen.jsonl.
const formats = 3

// frozen unpacks the store of a format.
func frozen(t *testing.T, format int) (dir string) {
	t.Helper()
	root := t.TempDir()
	f, err := os.Open(fmt.Sprintf("testdata/format%d.tar.gz", format))
	must(t, err)
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	must(t, err)
	must(t, os.Mkdir(filepath.Join(root, ".sheaf"), 0o777))
	for r := tar.NewReader(unzipped); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return filepath.Join(root, ".sheaf")
		}
		must(t, err)
		if h.Typeflag == tar.TypeReg {
			b, err := io.ReadAll(r)
			must(t, err)
			must(t, os.WriteFile(filepath.Join(root, h.Name), b, 0o666))
		}
	}
}

// holdsFrozen compares a store with what those of testdata hold.
func holdsFrozen(t *testing.T, dir string, format int) {
	t.Helper()
	want, err := os.ReadFile("testdata/frozen.jsonl")
	must(t, err)
	s := open(t, dir)
	var got strings.Builder
	for d, err := range s.Documents(t.Context(), engine.ListOptions{}) {
		must(t, err)
		place := fmt.Sprintf(`"start_line":%d`, d.StartLine)
		if d.EndLine > 0 {
			place += fmt.Sprintf(`,"end_line":%d`, d.EndLine)
		}
		text, err := json.Marshal(d.Text)
		must(t, err)
		fmt.Fprintf(&got, "{\"id\":%q,\"text\":%s,\"metadata\":%s,\"source\":%q,%s}\n", d.ID, text, d.Metadata, d.Source, place)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Error(diff)
	}
	info, err := s.Info(t.Context())
	if err != nil || info.FormatVersion != format {
		t.Errorf("format %d, %v, want %d", info.FormatVersion, err, format)
	}
	docs, _, err := s.Get(t.Context(), []string{"r3"}, true)
	must(t, err)
	hits, err := s.Search(t.Context(), [][]float32{docs[0].Vector}, engine.SearchOptions{K: 1, Filter: parse(t, `n=9007199254740993`)})
	if err != nil || len(hits[0]) != 1 || hits[0][0].ID != "r3" || hits[0][0].Score != 0 {
		t.Errorf("%+v, %v", hits, err)
	}
	explained := engine.SearchOptions{K: 1, Mode: engine.Hybrid, Texts: []string{"harbours"}, Explain: true}
	hits, err = s.Search(t.Context(), [][]float32{docs[0].Vector}, explained)
	if err != nil || len(hits[0]) != 1 || hits[0][0].Explanation == nil {
		t.Errorf("by meaning and words: %+v, %v", hits, err)
	}
}

// A store of each format is read as it is, and brought to the newest by the first
// writer.
func TestFrozenStores(t *testing.T) {
	t.Parallel()
	for format := 1; format <= formats; format++ {
		dir := frozen(t, format)
		holdsFrozen(t, dir, format)
		w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
		must(t, err)
		must(t, w.Close())
		holdsFrozen(t, dir, formats)
		if got := kinds(t, dir); got != nil {
			t.Errorf("format %d: problems of the kinds %q", format, got)
		}
		w, err = store.OpenWriter(t.Context(), dir, engine.Options{})
		must(t, err)
		if c, err := w.Compact(t.Context()); err != nil || c.Rows != 3 {
			t.Errorf("format %d: compacting: %+v, %v", format, c, err)
		}
		must(t, w.Close())
		holdsFrozen(t, dir, formats)
	}
}

// A migration that is killed at any point leaves the old format or the new one. Not
// parallel: a process that is being started has this one's locks for a moment.
func TestKilledMigration(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	seen := map[int]int{}
	for point := int64(1); ; point++ {
		dir := frozen(t, 1)
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		killed, err := faulttest.Kill(cmd, dir, point)
		if errors.Is(err, os.ErrPermission) {
			t.Skipf("ptrace is not allowed here: %v", err)
		}
		must(t, err)
		info, err := open(t, dir).Info(t.Context())
		must(t, err)
		seen[info.FormatVersion]++
		holdsFrozen(t, dir, info.FormatVersion)
		w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
		must(t, err)
		must(t, w.Close())
		holdsFrozen(t, dir, formats)
		if got := kinds(t, dir); got != nil {
			t.Errorf("point %d: problems of the kinds %q", point, got)
		}
		if !killed {
			break
		}
	}
	if seen[1] < 3 || seen[formats] < 1 {
		t.Errorf("formats after a kill: %v", seen)
	}
}

// Files of sidecars stay while the database names them. Compact gives rows other
// numbers, and forgets them.
func TestSidecarFiles(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	execute(t, dir, `INSERT INTO sidecar VALUES ('other', 1, 60)`)
	write(t, filepath.Join(dir, "other.1.sidecar"), "derived")
	write(t, filepath.Join(dir, "other.2.sidecar"), "a killed writer's")
	if got := kinds(t, dir); !cmp.Equal(got, []string{store.ProblemLeftover}) {
		t.Errorf("problems of the kinds %q", got)
	}
	w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	must(t, err)
	there := func(name string) bool {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err == nil
	}
	if !there("other.1.sidecar") || there("other.2.sidecar") {
		t.Error("the wrong files were removed")
	}
	_, err = w.Compact(t.Context())
	must(t, err)
	must(t, w.Close())
	if there("other.1.sidecar") {
		t.Error("a sidecar of rows that have other numbers now is left")
	}
	if got := kinds(t, dir); got != nil {
		t.Errorf("problems of the kinds %q", got)
	}
}
