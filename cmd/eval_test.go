package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sheaf/internal/eval"
)

// evalFolder returns a folder with a store of two files and questions about them,
// and the flags for it.
func evalFolder(t *testing.T) (dir string, global []string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{
		"tides.txt":       "The moon pulls the sea, and tides come and go.\n",
		"keys.txt":        "Rotate the keys every month.\n",
		"questions.jsonl": `{"query": "the sea\u001b[2J", "expect": ["text:moon pulls"]}` + "\n" + `{"id": "two", "query": "tides", "expect": ["text:Rotate"]}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	global = []string{"--store", filepath.Join(dir, "store"), "--config", os.DevNull}
	s, _, errs := recorded("")
	if code := Main(t.Context(), append([]string{"ingest", "--quiet", filepath.Join(dir, "tides.txt"), filepath.Join(dir, "keys.txt")}, global...), s); code != 0 {
		t.Fatal(errs)
	}
	return dir, global
}

// On a terminal, results are for people.
func TestEvalTerminal(t *testing.T) {
	t.Parallel()
	dir, global := evalFolder(t)
	questions, saved, baseline := filepath.Join(dir, "questions.jsonl"), filepath.Join(dir, "saved.json"), filepath.Join(dir, "baseline.json")
	for _, test := range []struct {
		args string
		code int
		want string
	}{
		{"eval QUESTIONS -k 1 --metric success --baseline BASELINE --rebaseline", 0, `success@1  0.5000  [0.0000, 1.0000]

2 questions, ranked by document; one takes T ms (p95 T ms) besides embedding
so many can show a change of ndcg from about 0.177 on
`},
		{"eval QUESTIONS -k 1 --metric success --baseline BASELINE --worst 2 --fail-under success=0.6 --filter source!=keys.txt --save SAVED", 4, `success@1  0.5000  [0.0000, 1.0000]  +0.0000 from 0.5000  fails

2 questions, ranked by document; one takes T ms (p95 T ms) besides embedding
so many can show a change of ndcg from about 0.177 on

0.0000  two  tides, nothing relevant
        missing text:Rotate
1.0000  1  the sea` + "\ufffd" + `[2J, first relevant at 1
`},
		{"eval compare BASELINE SAVED", 0, `success@1     0.5000 -> 0.5000  +0.0000  [+0.0000, +0.0000]  0 better, 0 worse, 2 equal

2 questions in both, 0 only in the first, 0 only in the second
`},
		{"eval exact QUESTIONS -k 1", 0, `recall@1  1.0000  [1.0000, 1.0000]

2 questions, 2 of them answered exactly
`},
	} {
		s, out, errs := recorded("")
		s.OutTerminal, s.Width = true, 100 // times have any number of digits
		args := strings.Fields(strings.NewReplacer("QUESTIONS", questions, "BASELINE", baseline, "SAVED", saved).Replace(test.args))
		if code := Main(t.Context(), append(append(args, "--color", "never"), global...), s); code != test.code {
			t.Errorf("%s: exit code %d: %s", test.args, code, errs)
		}
		if got := regexp.MustCompile(`\d+\.\d ms`).ReplaceAllString(out.String(), "T ms"); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.args, got, test.want)
		}
	}
}

// A file that cannot be written is an error, and what was there stays.
func TestEvalUnwritable(t *testing.T) {
	t.Parallel()
	dir, global := evalFolder(t)
	for _, flag := range []string{"--save", "--run", "--svg", "--baseline"} {
		args := []string{"eval", filepath.Join(dir, "questions.jsonl"), flag, filepath.Join(dir, "nosuch", "file")}
		if flag == "--baseline" {
			args = append(args, "--rebaseline")
		}
		s, out, errs := recorded("")
		if code := Main(t.Context(), append(args, global...), s); code != 1 || out.Len() > 0 || !strings.Contains(errs.String(), "nosuch") {
			t.Errorf("%s: exit code %d: %s%s", flag, code, out, errs)
		}
	}
}

// What is saved is what --json prints, and says what it was made on.
func TestEvalSaved(t *testing.T) {
	t.Parallel()
	dir, global := evalFolder(t)
	saved := filepath.Join(dir, "saved.json")
	s, out, errs := recorded("")
	if code := Main(t.Context(), append([]string{"eval", filepath.Join(dir, "questions.jsonl"), "--json", "--save", saved}, global...), s); code != 0 {
		t.Fatal(errs)
	}
	b, err := os.ReadFile(saved)
	if err != nil || string(b) != out.String() {
		t.Errorf("%v: saved was %s, printed %s", err, b, out)
	}
	var r eval.Result
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	f := r.Fingerprint
	if f.Store == "" || f.Documents != 2 || f.Sources == "" || !strings.HasPrefix(f.Embedder, "builtin ") || f.Splitter == "" || len(f.Search) != 0 {
		t.Errorf("%+v", f)
	}
	if r.Latency.P50 <= 0 || r.Latency.P95 < r.Latency.P50 {
		t.Errorf("%+v", r.Latency)
	}
}
