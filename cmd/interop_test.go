//go:build !race

// Not under the race detector: these tests start sheaf hundreds of times, and what
// they look at is another process.

package cmd

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/langchain/langchaintest"
)

// interopPython returns a Python that has LangChain, or "".
func interopPython() string {
	python := os.Getenv("SHEAF_INTEROP_PYTHON")
	if made := filepath.Join("..", ".interop"); python == "" && exists(filepath.Join(made, "ready")) {
		python = filepath.Join(made, "bin", "python")
	}
	found, err := exec.LookPath(python)
	if err != nil {
		return ""
	}
	found, _ = filepath.Abs(found) // the working directory is there
	return found
}

// TestInterop imports every recorded store, exports it as a folder and as a byte
// string, and has LangChain load both.
func TestInterop(t *testing.T) {
	t.Parallel()
	python := interopPython()
	if python == "" {
		t.Skip("no Python with LangChain: make test-interop makes one and runs this test")
	}
	names, err := fs.Glob(langchaintest.Golden(t), "stores/*/*/expected.json")
	if err != nil || len(names) < 100 {
		t.Fatal(len(names), err)
	}
	work := t.TempDir()
	var list bytes.Buffer
	var checked []string
	for i, name := range append(names, "interop/portable/expected.json") {
		if strings.Contains(name, "other_lsh") { // it is refused
			continue
		}
		place := filepath.Join(work, fmt.Sprint(i))
		expected := exportAgain(t, name, place)
		for _, args := range [][]string{{"--plain", filepath.Join(place, "out"), expected}, {"--plain", "--bytes", filepath.Join(place, "out.bin"), expected}} {
			line, err := json.Marshal(args)
			if err != nil {
				t.Fatal(err)
			}
			list.Write(append(line, '\n'))
			checked = append(checked, name+" "+filepath.Base(args[len(args)-2]))
		}
	}
	listed := filepath.Join(work, "list")
	if err := os.WriteFile(listed, list.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	golden := langchaintest.Dir(t, ".")
	c := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "interop", "check_all.py"), filepath.Join(golden, "interop"), listed)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for _, name := range checked {
		var answer struct {
			Status int
			Said   string
		}
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &answer) != nil {
			t.Fatalf("%s: no answer", name)
		}
		if answer.Status != 0 {
			t.Errorf("%s: %s", name, answer.Said)
		}
	}
}

// TestInteropNotebook runs the program of docs/langchain.md that loads an export with sheaf's own embedder, and
// has LangChain ask it.
func TestInteropNotebook(t *testing.T) {
	t.Parallel()
	python := interopPython()
	if python == "" {
		t.Skip("no Python with LangChain: make test-interop makes one and runs this test")
	}
	program := ""
	for _, b := range codeBlocks(pages(t)["docs/langchain.md"]) {
		if strings.Contains(b.text, "class Sheaf") {
			program = b.text
		}
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "notes.md"), "We decided to refund within a month.\n")
	writeFile(t, filepath.Join(dir, "ferry.md"), "The ferry leaves at nine.\n")
	mustSheaf(t, dir, "ingest", "--quiet", "notes.md", "ferry.md")
	mustSheaf(t, dir, "export", "--quiet", "faiss_index")
	program += "db.add_texts(['-dashes are no flags'])\n" +
		"for d, s in db.similarity_search_with_score('what became of refunds', k=2): print(f'{s:.4f}', d.page_content)\n"
	c := exec.CommandContext(t.Context(), python, "-W", "ignore", "-c", program)
	c.Dir, c.Env = dir, append(os.Environ(), scrubbed(dir)...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	want := mustSheaf(t, dir, "search", "--mode", "vector", "-k", "2", "--template", `{{printf "%.4f" .score}} {{.text}}`, "what became of refunds")
	if string(out) != want {
		t.Errorf("LangChain answers %s, sheaf %s", out, want)
	}
}

// exportAgain imports a store, exports it to place/out and place/out.bin, and
// returns a file with what LangChain must find there.
func exportAgain(t *testing.T, name, place string) string {
	t.Helper()
	from := langchaintest.Dir(t, path.Dir(name))
	if err := os.Mkdir(place, 0o777); err != nil {
		t.Fatal(err)
	}
	r := readRecording(t, name)
	flags := r.flags()
	if r.Metric != "L2" && r.Metric != "INNER_PRODUCT" {
		flags = append(flags, "--metric", "l2")
	}
	mustSheaf(t, place, append([]string{"import", "--quiet", "--store", "s", from}, flags...)...)
	mustSheaf(t, place, "export", "--quiet", "--store", "s", "out")
	mustSheaf(t, place, "export", "--quiet", "--store", "s", "out.bin")
	ids := []string{}
	for line := range strings.Lines(mustSheaf(t, place, "list", "--store", "s", "--jsonl")) {
		var d struct{ ID string }
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	expected := filepath.Join(place, "expected.json")
	b, err := json.Marshal(adjusted(t, name, ids))
	if err == nil {
		err = os.WriteFile(expected, b, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return expected
}

// adjusted returns expected.json with the changes of an import, which
// docs/langchain.md describes: positions without gaps, ids that are texts. It keeps
// the queries where all ids stay and answers are not known to differ.
func adjusted(t *testing.T, name string, ids []string) map[string]any {
	t.Helper()
	b, err := fs.ReadFile(langchaintest.Golden(t), name)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var e map[string]any
	if err := d.Decode(&e); err != nil {
		t.Fatal(err)
	}
	rows := rowsByPosition(t, e)
	if len(rows) != len(ids) {
		t.Fatalf("%s: %d documents, want %d", name, len(ids), len(rows))
	}
	documents, mapping := []any{}, []any{}
	var vectors []any
	same := !slices.Contains(differing, path.Base(path.Dir(name)))
	given, _ := e["vectors"].([]any)
	for i, row := range rows {
		document := e["documents"].([]any)[row].(map[string]any)
		same = same && document["id"] == ids[i]
		document["id"] = ids[i]
		documents, mapping = append(documents, document), append(mapping, []any{i, ids[i]})
		if given != nil {
			vectors = append(vectors, given[row])
		}
	}
	e["documents"], e["vectors"], e["index_to_docstore_id"] = documents, vectors, mapping
	if metric := e["metric"]; metric != "L2" && metric != "INNER_PRODUCT" {
		e["metric"] = "L2"
	}
	if !same {
		delete(e, "queries")
	}
	return e
}

// rowsByPosition returns the rows of expected.json in the order of the index.
func rowsByPosition(t *testing.T, e map[string]any) []int {
	t.Helper()
	var positions []int64
	var rows []int
	for i, entry := range e["index_to_docstore_id"].([]any) {
		n, err := entry.([]any)[0].(json.Number).Int64()
		if err != nil {
			t.Fatal(err)
		}
		positions, rows = append(positions, n), append(rows, i)
	}
	slices.SortFunc(rows, func(a, b int) int { return int(positions[a] - positions[b]) })
	return rows
}
