package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTerminal runs verbs as on a terminal, whose forms of output no flag selects.
func TestTerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "tides.txt")
	if err := os.WriteFile(file, []byte("The moon pulls the sea,\nand tides come and go.\x1b[2J\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	// No settings but the flags.
	global := []string{"--store", filepath.Join(dir, "store"), "--config", os.DevNull, "--lock-timeout", "1s"}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"ingest", []string{"ingest", "--quiet", file}, ""},
		{"search", []string{"search", "-k", "1", "--color", "never", "moon"},
			"1  fused 9.00\n   relevance SCORE\n   FILE:1\n   The moon pulls the sea,\n   and tides come and\n   go.\ufffd[2J\n\n"},
		{"search in colour", []string{"search", "-k", "1", "--color", "always", "moon"},
			"\x1b[1m1\x1b[0m  fused \x1b[32m9.00\x1b[0m\n   relevance \x1b[32mSCORE\x1b[0m\n   \x1b[36mFILE:1\x1b[0m\n   The \x1b[1mmoon\x1b[0m pulls the sea,\n   and tides come and\n   go.\ufffd[2J\n\n"},
		{"list", []string{"list", "--color", "never"},
			"ID\n   FILE:1\n   The moon pulls the sea,\n   and tides come and\n   go.\ufffd[2J\n\n"},
		{"ids", []string{"list", "--ids"}, "ID\n"},
		{"sources", []string{"list", "--sources", "--color", "never"}, "1 document     FILE\n"},
		{"split", []string{"split", "--color", "never", "--chunk-size", "10", "--separator", " ", "--splitter", "recursive", "--text", file}, ""},
		{"split as a table", []string{"split", "--color", "never", file},
			"50 characters\n   FILE:1\n   The moon pulls the sea,\n   and tides come and\n   go.\ufffd[2J\n\n"},
	}
	id := ""
	for _, tt := range tests {
		s, out, errs := recorded("")
		s.OutTerminal, s.Width = true, 28
		if code := Main(t.Context(), append(tt.args, global...), s); code != 0 {
			t.Fatalf("%s: exit code %d: %s", tt.name, code, errs)
		}
		if tt.want == "" {
			continue
		}
		if tt.name == "list" {
			id, _, _ = strings.Cut(out.String(), "\n")
		}
		got := out.String()
		if id != "" {
			got = strings.ReplaceAll(got, id, "ID")
		}
		got = strings.ReplaceAll(got, filepath.ToSlash(file), "FILE")
		if _, rest, ok := strings.Cut(got, "0."); ok && strings.HasPrefix(tt.name, "search") {
			got = strings.Replace(got, "0."+rest[:2], "SCORE", 1)
		}
		if got != tt.want {
			t.Errorf("%s:\n%q, want\n%q", tt.name, got, tt.want)
		}
	}
}

// TestWhoTypesIsTold: a verb that waits for input from a terminal says so.
func TestWhoTypesIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	global := []string{"--store", filepath.Join(dir, "store"), "--config", os.DevNull}
	for _, tt := range []struct {
		args        []string
		typed, what string
	}{
		{[]string{"ingest", "--name", "notes", "-"}, "The moon.\n", "a text"},
		{[]string{"search", "-"}, "moon\n", "the query"},
		{[]string{"search", "moon"}, "", ""},
		{[]string{"search", "-q", "-"}, "moon\n", ""},
		{[]string{"search", "--queries", "-"}, "moon\n", "queries, one a line,"},
		{[]string{"search-vector", "-"}, `{"query": "moon"}`, "vectors, one a line,"},
		{[]string{"embed", "-"}, "moon", "a text"},
		{[]string{"split", "-"}, "moon", "a text"},
		{[]string{"delete", "--ignore-missing", "-"}, "none\n", "ids, one a line,"},
		{[]string{"import", "--format", "jsonl", "-"}, `{"id": "a", "text": "moon"}`, "what is to be imported"},
		{[]string{"mcp"}, "", "requests of the Model Context Protocol"},
	} {
		s, _, errs := recorded(tt.typed)
		s.InTerminal, s.ErrTerminal = true, true
		Main(t.Context(), append(tt.args, global...), s)
		said := strings.Contains(errs.String(), "sheaf: reading "+tt.what+" from the terminal; end with Ctrl-D\n")
		if said != (tt.what != "") || tt.what == "" && strings.Contains(errs.String(), "Ctrl-D") {
			t.Errorf("%q says %q", tt.args, errs)
		}
		s, _, errs = recorded(tt.typed)
		s.ErrTerminal = true
		if Main(t.Context(), append(tt.args, global...), s); strings.Contains(errs.String(), "Ctrl-D") {
			t.Errorf("%q from a pipe says %q", tt.args, errs)
		}
	}
}

// TestDrawingGivesNoNotice: passages are embedded to be drawn, of which nothing is to be said to who asks.
func TestDrawingGivesNoNotice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "kuchen.txt"), strings.Repeat("Den Teig eine Stunde kalt stellen, die Butter und die Eier dazu.\nDann alles bei 180 Grad backen.\n", 4))
	mustSheaf(t, dir, "ingest", "--quiet", "--embedder", "builtin", "kuchen.txt")
	s, out, errs := recorded("")
	s.OutTerminal, s.ErrTerminal = true, true
	Main(t.Context(), []string{"search", "--config", os.DevNull, "--store", filepath.Join(dir, ".sheaf"), "how", "long", "in", "the", "oven"}, s)
	if !strings.Contains(out.String(), "Teig") || errs.Len() > 0 {
		t.Errorf("%s and %q", out, errs)
	}
}

// TestSettingsStandInColumns: on a terminal the values of config list begin in one column.
func TestSettingsStandInColumns(t *testing.T) {
	t.Parallel()
	s, out, errs := recorded("")
	s.OutTerminal = true
	args := []string{"config", "list", "--config", os.DevNull, "--color", "never", "--store", "STORE"}
	if code := Main(t.Context(), args, s); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, line := range []string{"store                STORE  --store\n", "lock-timeout         10s  default\n"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is not in\n%s", line, out)
		}
	}
}

// TestNothingFound: on a terminal a search without hits says why.
func TestNothingFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	records := filepath.Join(dir, "records.jsonl")
	if err := os.WriteFile(records, []byte(`{"text": "The moon pulls the sea.", "metadata": {"lang": "en", "page": 1}}`+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	global := []string{"--store", filepath.Join(dir, "store"), "--config", os.DevNull, "--lock-timeout", "1s"}
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"init"}, ""},
		{[]string{"search", "moon"}, "sheaf: nothing found: the store is empty\n"},
		{[]string{"ingest", "-q", records}, ""},
		{[]string{"search", "--filter", "lang=en", "--filter", "author=x", "moon"}, "sheaf: nothing found: no document has the metadata key \"author\"\n"},
		{[]string{"search", "--filter", "lang=de", "moon"}, "sheaf: nothing found: no document matches the filter\n"},
		{[]string{"search", "--filter", "source=x", "moon"}, "sheaf: nothing found: no document matches the filter; source asks for the file that a text came from: --source takes it as it is shown\n"},
		{[]string{"search", "--filter", `{"$not": {"lang": "en"}}`, "--fetch-k", "9", "moon"}, "sheaf: nothing found: no document matches the filter\n"},
		{[]string{"search", "--min-relevance", "1", "moon"}, "sheaf: nothing found: the nearest document has the score SCORE and the relevance SCORE, beyond the threshold\n"},
		{[]string{"mmr", "--score-threshold", "0.1", "moon"}, "sheaf: nothing found: the nearest document has the score SCORE and the relevance SCORE, beyond the threshold\n"},
		{[]string{"search", "--mode", "hybrid", `"the sun" moon`}, "sheaf: nothing found: no document has all that is quoted and nothing of what is excluded\n"},
		{[]string{"search", "-q", "--filter", "lang=de", "moon"}, ""},
		{[]string{"search", "--json", "--filter", "lang=de", "moon"}, ""},
	}
	for _, tt := range tests {
		s, _, errs := recorded("")
		s.OutTerminal = true
		if code := Main(t.Context(), append(tt.args, global...), s); code != 0 {
			t.Fatalf("%q: exit code %d: %s", tt.args, code, errs)
		}
		if got := regexp.MustCompile(`\d\.\d+`).ReplaceAllString(errs.String(), "SCORE"); got != tt.want && tt.args[0] != "init" {
			t.Errorf("%q says %q, want %q", tt.args, got, tt.want)
		}
	}
}

// TestMarksAreTold: on a terminal a search that takes quotes and dashes as they are typed says so.
func TestMarksAreTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text.txt")
	if err := os.WriteFile(text, []byte("The moon pulls the sea.\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	const notice = "sheaf: quotes and dashes were taken as they are typed: with --mode hybrid what is quoted must occur, and -WORD must not\n"
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"ingest", "-q", text}, ""},
		{[]string{"search", `"the moon"`}, notice},
		{[]string{"search", "--", "moon", "-sun"}, notice},
		{[]string{"search", "--", "-sun"}, notice},
		{[]string{"search", "--", "moon", "--sun", `5"`}, ""},
		{[]string{"search", "--mode", "hybrid", `"the moon"`}, ""},
		{[]string{"search", "--mode", "vector", `"the moon"`}, ""},
		{[]string{"search", "-q", `"the moon"`}, ""},
		{[]string{"search", "--json", `"the moon"`}, ""},
	} {
		s, _, errs := recorded("")
		s.OutTerminal = true
		global := []string{"--store", filepath.Join(dir, "store"), "--config", os.DevNull}
		if code := Main(t.Context(), append(global, tt.args...), s); code != 0 || errs.String() != tt.want {
			t.Errorf("%q: exit code %d, says %q, want %q", tt.args, code, errs, tt.want)
		}
	}
}

// TestTextsAreSafeForATerminal: no form of output lets a text control the terminal,
// and none changes what a pipe gets.
func TestTextsAreSafeForATerminal(t *testing.T) {
	t.Parallel()
	const text = "a\x1b[2Jb\x1b]0;title\x07c\u202ed\u009be\x7f"
	const safe = "a\ufffd[2Jb\ufffd]0;title\ufffdc\ufffdd\ufffde\ufffd"
	dir := t.TempDir()
	record, err := json.Marshal(map[string]any{"id": "1", "text": text, "metadata": map[string]any{"tags": []string{text}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "r.jsonl")
	if err := os.WriteFile(file, record, 0o666); err != nil {
		t.Fatal(err)
	}
	list := []string{"--store", filepath.Join(dir, "store"), "--config", os.DevNull}
	s, _, errs := recorded("")
	if code := Main(t.Context(), append([]string{"ingest", file}, list...), s); code != 0 {
		t.Fatal(errs)
	}
	for _, form := range [][]string{{"--text"}, {"--text", "-0"}, {"--template", "\x1b[1m{{.text}}{{index .metadata.tags 0}}\x1b[0m"}, {"--json"}, {"--jsonl"}} {
		s, piped, _ := recorded("")
		Main(t.Context(), slices.Concat([]string{"search", "a"}, form, list), s)
		s, shown, _ := recorded("")
		s.OutTerminal = true
		Main(t.Context(), slices.Concat([]string{"search", "a"}, form, list), s)
		if strings.Contains(form[0], "json") {
			var a, b any
			if err := errors.Join(json.Unmarshal(piped.Bytes(), &a), json.Unmarshal(shown.Bytes(), &b)); err != nil || !reflect.DeepEqual(a, b) {
				t.Errorf("%q: %v, %q is not %q", form, err, shown, piped)
			}
			if i := bytes.IndexFunc(shown.Bytes(), func(r rune) bool { return r != '\n' && controls(r) }); i >= 0 {
				t.Errorf("%q: %q at %d", form, shown, i)
			}
			continue
		}
		if !strings.Contains(piped.String(), text) || shown.String() != strings.ReplaceAll(piped.String(), text, safe) {
			t.Errorf("%q: a pipe gets %q, a terminal %q", form, piped, shown)
		}
	}
}

func TestColour(t *testing.T) {
	tests := []struct {
		setting, noColor, term string
		terminal, want         bool
	}{
		{"auto", "", "xterm", true, true},
		{"auto", "", "xterm", false, false},
		{"auto", "1", "xterm", true, false},
		{"auto", "", "dumb", true, false},
		{"always", "1", "xterm", false, true},
		{"never", "", "xterm", true, false},
	}
	for _, tt := range tests {
		t.Setenv("NO_COLOR", tt.noColor)
		t.Setenv("TERM", tt.term)
		env := &environment{streams: Streams{OutTerminal: tt.terminal}, config: Config{Color: tt.setting}}
		if got := env.colored(false); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

func TestBinaryIsNotForATerminal(t *testing.T) {
	t.Parallel()
	s, out, errs := recorded("")
	s.OutTerminal = true
	code := Main(t.Context(), []string{"embed", "--config", os.DevNull, "--binary", "f32", "text"}, s)
	if code != exitUsage || out.Len() > 0 || !strings.Contains(errs.String(), "not for a terminal") {
		t.Errorf("%d, %q, %q, want wrong usage", code, out, errs)
	}
}
