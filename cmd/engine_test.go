package cmd

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/engine/enginetest"
)

// memories opens stores that are kept in memory.
type memories struct{ enginetest.Memory }

func (m *memories) Open(ctx context.Context, name string, o engine.Options) (reader, error) {
	s, err := m.Memory.Open(ctx, name, o)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (m *memories) OpenWriter(ctx context.Context, name string, o engine.Options) (writer, error) {
	w, err := m.Memory.OpenWriter(ctx, name, o)
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (m *memories) Create(ctx context.Context, name string, f engine.Facts, o engine.Options) (writer, error) {
	w, err := m.Memory.Create(ctx, name, f, o)
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (*memories) Home(string) (engine.Home, error) { return "", nil }
func (*memories) Same(a, b string) bool            { return a == b }

func (*memories) Check(context.Context, string, engine.Options, bool) ([]problem, error) {
	return nil, nil
}

// TestVerbsOnAnotherEngine runs verbs over folders and over an engine that is none,
// and compares what they print and write.
func TestVerbsOnAnotherEngine(t *testing.T) {
	t.Parallel()
	sameVerbs(t, &memories{}, "store")
	if server != nil {
		sameVerbs(t, everywhere{}, server.Table(t))
	}
}

// sameVerbs runs verbs over a folder and over a store of another engine.
func sameVerbs(t *testing.T, other opener, store string) {
	t.Helper()
	dir := t.TempDir()
	texts, exported := filepath.Join(dir, "texts"), filepath.Join(dir, "exported.jsonl")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(texts, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(texts, 0o777); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "store")
	engines := []struct {
		opener
		store string
	}{{folders{}, folder}, {other, store}}
	each := func(args ...string) {
		t.Helper()
		stdin := ""
		if args[0] == "delete" {
			stdin = "b\n"
		}
		var printed, files []string
		for _, e := range engines {
			s, out, errs := recorded(stdin)
			code := run(t.Context(), append(args, "--store", e.store, "--config", os.DevNull, "--lock-timeout", "10s"), s, e.opener)
			if code != 0 {
				t.Fatalf("%q: exit code %d: %s", args, code, errs)
			}
			printed = append(printed, out.String())
			if b, err := os.ReadFile(exported); err == nil {
				files = append(files, string(b))
			}
		}
		for i, other := range printed {
			if other != printed[0] {
				t.Errorf("%q: a folder prints\n%s\nand engine %d\n%s", args, printed[0], i, other)
			}
			if args[0] == "export" && (len(files) <= i || files[i] != files[0] || strings.Count(files[i], "\n") < 3) {
				t.Errorf("%q: exported %q", args, files)
			}
		}
	}

	write("tides.txt", "The moon pulls the sea.\n\nTides come and go.")
	write("keys.txt", "Keys are rotated once a year.")
	write("rows.jsonl", `{"id": "a", "text": "a ship in the harbour", "metadata": {"page": 1}}
{"id": "b", "text": "the harbour at night", "metadata": {"page": 2}}
{"id": "c", "text": "a timetable of ferries", "metadata": {"page": 3}}`)
	each("ingest", "--quiet", "--dry-run", texts)
	each("ingest", "--quiet", texts)
	each("list")
	each("list", "--sources")
	each("list", "--ids", "--filter", "page>=2")
	each("get", "b", "a", "--with-vectors", "--json")
	each("search", "--template", "{{.rank}} {{.id}} {{.source}}", "ships and ferries")
	each("search", "-k", "1", "--filter", "page!=1", "--template", "{{.id}}", "ships and ferries")
	each("mmr", "--fetch-k", "4", "-k", "3", "--template", "{{.rank}} {{.id}}", "the sea")
	each("export", "--quiet", exported)
	each("delete", "--quiet", "-")
	each("delete", "--dry-run", "--source", "**/rows.jsonl")
	each("delete", "--yes", "--quiet", "--source", "**/rows.jsonl", "--filter", "page=3")
	each("list")
	write("tides.txt", "Tides come and go.")
	if err := os.Remove(filepath.Join(texts, "keys.txt")); err != nil {
		t.Fatal(err)
	}
	each("ingest", "--quiet", "--prune", texts)
	each("list", "--json")
	each("import", "--quiet", "--on-conflict", "skip", exported)
	each("list", "--ids")
}
