package cmd

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ran runs a command line, of which no setting is the user's own.
func ran(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	s, o, e := recorded("")
	code = Main(t.Context(), append(args, "--config", os.DevNull, "--lock-timeout", "0s"), s)
	return code, o.String(), e.String()
}

// answered is ran of what must succeed.
func answered(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := ran(t, args...)
	if code != exitOK {
		t.Fatalf("%q: exit code %d: %s", args, code, errs)
	}
	return out
}

// TestPostgresURLs: what names no table is refused, without a word of a secret.
func TestPostgresURLs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		url  string
		code int
		says string
	}{
		{"postgres://h/db", exitUsage, "names no table"},
		{"postgresql://u:hunter2@h/db?table=t", exitUsage, "~/.pgpass"},
		{"postgres://u@h/db?table=t&password=hunter2", exitUsage, "PGSERVICE"},
		{"postgres://u@h/db?table=t&sslpassword=hunter2", exitUsage, "has a password"},
		{"postgres://u:hunter2@h:port/db?table=t", exitUsage, "is malformed"},
		{"postgres://u@h/db?table=t&sslmode=hunter2", exitUsage, "settings of the connection"},
		{"postgres://h/db?table=" + strings.Repeat("x", 49), exitUsage, "longer than 48 bytes"},
		{"mysql://h/db?table=t", exitUsage, "mysql"},
		{"postgres://127.0.0.1:1/db?table=t&sslmode=disable", exitUnavailable, "connection refused"},
	} {
		for _, verb := range [][]string{{"info"}, {"search", "--json", "x"}, {"check"}, {"delete", "1"}, {"init"}, {"ingest", "-q", "."}} {
			code, out, errs := ran(t, append(verb, "--store", test.url)...)
			if code != test.code || !strings.Contains(errs, test.says) || out != "" {
				t.Errorf("%s %s: exit code %d, want %d, %q: %s%s", verb[0], test.url, code, test.code, test.says, out, errs)
			}
			if strings.Contains(errs, "hunter2") && test.says != "settings of the connection" {
				t.Errorf("%s %s: %s", verb[0], test.url, errs)
			}
		}
	}
}

// TestPostgresOthers: the other store of a verb may be a table, and its URL shows as little.
func TestPostgresOthers(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	answered(t, "init", "--store", store)
	for _, verb := range []string{"merge", "import"} {
		code, _, errs := ran(t, verb, "postgres://u:hunter2@h/db?table=t", "--store", store)
		if code == exitOK || strings.Contains(errs, "hunter2") {
			t.Errorf("%s: exit code %d: %s", verb, code, errs)
		}
	}
}

// TestPostgresErrors: a server's answers have the exit codes of services and stores.
func TestPostgresErrors(t *testing.T) {
	t.Parallel()
	server.Need(t)
	table := server.Table(t)
	answered(t, "init", "--store", table)
	server.Run(t, `CREATE TABLE other (x int); CREATE TABLE newer (x int); CREATE TABLE newer_facts AS SELECT * FROM `+tableOf(table)+`_facts; UPDATE newer_facts SET sheaf = 9;
CREATE ROLE stranger LOGIN`)
	stranger := strings.Replace(table, "sheaf@", "stranger@", 1)
	for _, test := range []struct {
		url, verb string
		code      int
		says      string
	}{
		{server.URL("none"), "info", exitNoStore, "no store here"},
		{server.URL("other"), "info", exitDamaged, "not one of sheaf's"},
		{server.URL("other"), "init", exitDamaged, "not one of sheaf's"},
		{server.URL("newer"), "info", exitDamaged, "format version 9"},
		{server.URL("other_facts.x"), "info", exitNoStore, "no store here"},
		{strings.Replace(table, "/postgres?", "/nodb?", 1), "info", exitFailed, "createdb"},
		{strings.Replace(table, "sheaf@", "nobody@", 1), "info", exitRefused, "does not exist"},
		{stranger, "info", exitRefused, "permission denied"},
		{table, "compact", exitUsage, "needs no compact"},
	} {
		code, _, errs := ran(t, test.verb, "--store", test.url)
		if code != test.code || !strings.Contains(errs, test.says) {
			t.Errorf("%s %s: exit code %d, want %d, %q: %s", test.verb, test.url, code, test.code, test.says, errs)
		}
	}
	parted := server.Table(t)
	if out := answered(t, "init", "--partitions", "3", "--json", "--store", parted); !strings.Contains(out, `"partitions":3`) {
		t.Errorf("init --partitions 3: %s", out)
	}
	answered(t, "init", "--partitions", "3", "--store", parted)
	if code, _, errs := ran(t, "init", "--partitions", "2", "--store", parted); code != exitFailed || !strings.Contains(errs, "has partitions 3, not 2") {
		t.Errorf("init --partitions 2: exit code %d: %s", code, errs)
	}
	wordless := server.Table(t)
	answered(t, "init", "--no-words", "--store", wordless)
	if code, _, errs := ran(t, "search", "--mode", "words", "x", "--store", wordless); code != exitFailed || !strings.Contains(errs, "--mode vector") {
		t.Errorf("search by words: exit code %d: %s", code, errs)
	}
	if code, _, errs := ran(t, "init", "--dimensions", "16001", "--embedder", "none", "--store", server.Table(t)); code != exitFailed || !strings.Contains(errs, "up to 16000") {
		t.Errorf("a vector that is too long: exit code %d: %s", code, errs)
	}
}

func tableOf(url string) string {
	_, table, _ := strings.Cut(url, "table=")
	return table
}

// TestPostgresLock: one writes at a time, and the other is told who does.
func TestPostgresLock(t *testing.T) {
	t.Parallel()
	server.Need(t)
	table := server.Table(t)
	answered(t, "init", "--store", table)
	w, err := everywhere{}.OpenWriter(t.Context(), table, (&environment{}).storeOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, timeout := range []string{"0s", "30ms"} {
		s, _, errs := recorded("")
		code := Main(t.Context(), []string{"delete", "x", "--store", table, "--config", os.DevNull, "--lock-timeout", timeout}, s)
		if code != exitLocked || !strings.Contains(errs.String(), "sheaf, process ") || !strings.Contains(errs.String(), host) {
			t.Errorf("beside another writer: exit code %d: %s", code, errs)
		}
	}
	answered(t, "info", "--store", table)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	answered(t, "delete", "--ignore-missing", "x", "--store", table)
}

// TestLangChainOpsOnPostgres runs the recorded sequences over tables.
func TestLangChainOpsOnPostgres(t *testing.T) {
	t.Parallel()
	server.Need(t)
	langChainOps(t, server.Table)
}

// TestPostgresUpAndBack: a folder that is merged into a table and back gives an equal folder.
func TestPostgresUpAndBack(t *testing.T) {
	t.Parallel()
	server.Need(t)
	upAndBack(t, server.Table(t))
}

// upAndBack merges a folder into a store and back, and compares the three.
func upAndBack(t *testing.T, table string) {
	t.Helper()
	dir := t.TempDir()
	first, back := filepath.Join(dir, "first"), filepath.Join(dir, "back")
	records := filepath.Join(dir, "odd.jsonl")
	odd := `{"id": "1", "text": "é\u2028", "metadata": {"big": 123456789012345678901234567890, "e": 1.50e3, "z": [], "nul": "\u0000", "half": "\ud800", "a": 1e400}}
{"id": "2", "text": "", "vector": [` + strings.Repeat("0.1,", 255) + `-0.0]}
`
	if err := os.WriteFile(records, []byte(odd), 0o666); err != nil {
		t.Fatal(err)
	}
	answered(t, "ingest", "-q", "--store", first, "--splitter", "markdown", filepath.Join("..", "docs"))
	answered(t, "ingest", "-q", "--store", first, records)
	answered(t, "merge", "-q", "--store", table, first)
	answered(t, "merge", "-q", "--store", back, table)
	exported := func(store string) string {
		t.Helper()
		to := filepath.Join(t.TempDir(), "all.jsonl")
		answered(t, "export", "-q", "--store", store, to)
		b, err := os.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	want := exported(first)
	for _, store := range []string{table, back} {
		if exported(store) != want {
			t.Errorf("%s exports another content", store)
		}
		if got := answered(t, "list", "--sources", "--store", store); got != answered(t, "list", "--sources", "--store", first) {
			t.Errorf("%s has other sources: %s", store, got)
		}
		for _, question := range [][]string{
			{"search", "--mode", "vector", "--json", "-k", "7", "how does a crash leave the store"},
			{"search", "--mode", "vector", "--json", "-k", "50", "--filter", "source~**/*.md", "filters"},
			{"mmr", "--mode", "vector", "--json", "--fetch-k", "30", "words"},
			{"search", "--json", "-k", "7", "how does a crash leave the store"},
			{"search", "--mode", "hybrid", "--explain", "--json", "-k", "20", "--filter", "source~**/*.md", `"exit code" --on-conflict -filters`},
			{"search", "--mode", "words", "--explain", "--json", "crash"},
			{"mmr", "--mode", "words", "--json", "files of the store"},
		} {
			if got, want := answered(t, append(question, "--store", store)...), answered(t, append(question, "--store", first)...); got != want {
				t.Errorf("%q: %s\nand the folder\n%s", question, got, want)
			}
		}
		if problems := answered(t, "check", "--json", "--store", store); !strings.Contains(problems, `"ok":true`) && !strings.Contains(problems, `"ok": true`) {
			t.Errorf("%s: %s", store, problems)
		}
	}
	// What the table knows of files is what the folder knew: nothing is read again.
	var sum struct {
		Sources struct{ Unchanged, Updated, Added int }
	}
	for _, store := range []string{table, back} {
		out := answered(t, "ingest", "--json", "--store", store, filepath.Join("..", "docs"), records)
		if err := json.Unmarshal([]byte(out), &sum); err != nil || sum.Sources.Updated+sum.Sources.Added > 0 || sum.Sources.Unchanged == 0 {
			t.Errorf("%s: %s: %v", store, out, err)
		}
	}
}

// TestPostgresRefusesNUL: what PostgreSQL's text cannot hold fails alone.
func TestPostgresRefusesNUL(t *testing.T) {
	t.Parallel()
	server.Need(t)
	table, records := server.Table(t), filepath.Join(t.TempDir(), "r.jsonl")
	if err := os.WriteFile(records, []byte(`{"text": "a\u0000b"}`+"\n"+`{"id": "a\u0000", "text": "x"}`+"\n"+`{"text": "sound"}`+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	code, _, errs := ran(t, "ingest", "--store", table, records)
	if code != exitPartial || strings.Count(errs, "NUL") < 2 {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if out := answered(t, "list", "--text", "--store", table); strings.TrimSpace(out) != "sound" {
		t.Errorf("stored: %q", out)
	}
}

// TestPostgresNotebook runs the script of docs/remote.md over a folder and over a table, which
// print the same.
func TestPostgresNotebook(t *testing.T) {
	t.Parallel()
	server.Need(t)
	notebook(t, server.Table(t))
}

// notebook runs the script of docs/remote.md over a folder and over another store.
func notebook(t *testing.T, other string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", "remote.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "## One script, any store")
	_, rest, _ = strings.Cut(rest, "```sh\n")
	script, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("docs/remote.md has no script")
	}
	run := func(store string) string {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"notes/keys.md":    "Rotate the keys and the password every month.\n\nKeys are kept in the safe of the office, never in the repository.\n",
			"notes/printer.md": "When the printer jams, open the tray at the back and pull the paper out gently.\n",
			"notes/tides.md":   "The moon pulls the sea. So tides come and go, twice a day.\n",
			"more/ferry.md":    "The ferry leaves at nine.\n",
		} {
			writeFile(t, filepath.Join(dir, name), text)
		}
		out, err := scripted(t, dir, script, "SHEAF_STORE="+store)
		if err != nil {
			t.Fatalf("%s: %v\n%s", store, err, out)
		}
		return out
	}
	folder, table := run(".sheaf"), run(other)
	if folder != table {
		t.Errorf("the table prints\n%s\nthe folder\n%s", table, folder)
	}
	for _, want := range []string{"every month", "pulls the sea", "ferry leaves", "notes/tides.md\t1"} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in\n%s", want, table)
		}
	}
}

// scripted runs a script in a folder, with some variables, and returns what it prints, errors
// included.
func scripted(t *testing.T, dir, script string, variables ...string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-c", script)
	c.Dir = dir
	c.Env = append(append(os.Environ(), scrubbed(dir)...), variables...)
	out, err := c.CombinedOutput()
	return string(out), err
}
