package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sheaf/bench/page"
	"sheaf/internal/eval"
	"sheaf/internal/vector"
)

// TestKeptSamplesAreNotMeasuredAgain: a run that was stopped goes on with what is missing, and
// interleave finds the samples of the first part in their order.
func TestKeptSamplesAreNotMeasuredAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "measured.json")
	stopped := errors.New("stopped")
	calls := 0
	measure := func(context.Context) (sample, error) {
		if calls++; calls == 3 {
			return sample{}, stopped
		}
		return sample{Wall: time.Duration(calls)}, nil
	}
	var k kept
	if err := k.open(file, false); err != nil {
		t.Fatal(err)
	}
	if _, err := interleave(t.Context(), 3, k.contender("a", measure)); !errors.Is(err, stopped) {
		t.Fatalf("got %v", err)
	}
	if err := k.open(file, true); err != nil {
		t.Fatal(err)
	}
	took, err := interleave(t.Context(), 3, k.contender("a", measure))
	if want := []time.Duration{2, 4, 5}; err != nil || !slices.Equal(took[0].walls(), want) || calls != 5 {
		t.Errorf("got %v, %v after %d measurements, want %v", took[0].walls(), err, calls, want)
	}
	if err := k.open(file, false); err != nil || len(k.results) > 0 {
		t.Errorf("a new run begins with %d results, %v", len(k.results), err)
	}
	if err := os.WriteFile(file, []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := k.open(file, true); err == nil {
		t.Error("half a file was read")
	}
}

// TestRunningStartsOnce: a system is started when it is first asked, once, and one that could not
// be started is not stopped.
func TestRunningStartsOnce(t *testing.T) {
	t.Parallel()
	b := &bench{data: t.TempDir()}
	dir, err := b.store(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	queriesFile := filepath.Join(t.TempDir(), "queries.f32")
	if err := os.WriteFile(queriesFile, vector.Bytes(queries(2)), 0o666); err != nil {
		t.Fatal(err)
	}
	started := 0
	c := &comparer{bench: b, systems: systems()}
	r := &running{start: func() (answerer, error) {
		started++
		return c.start(t.Context(), c.systems[0], dir, queriesFile)
	}}
	for _, line := range []string{"one", "all", "one"} {
		if took, err := r.ask(line)(t.Context()); err != nil || took.Wall <= 0 {
			t.Errorf("%s: took %v, %v", line, took.Wall, err)
		}
	}
	r.stop()
	if started != 1 {
		t.Errorf("started %d times", started)
	}
	none := &running{start: func() (answerer, error) {
		return c.start(t.Context(), c.systems[0], filepath.Join(dir, "none"), queriesFile)
	}}
	if _, err := none.ask("one")(t.Context()); err == nil {
		t.Error("a store that is not there answered")
	}
	none.stop()
}

func TestRecallOf(t *testing.T) {
	t.Parallel()
	exact := [][]int{{1, 2}, {3, 4}}
	for _, test := range []struct {
		found [][]int
		want  float64
	}{{exact, 1}, {[][]int{{2, 1}, {4, 5}}, 0.75}, {[][]int{{1, 2}}, 0.5}, {nil, 0}} {
		if got := recallOf(test.found, exact); got != test.want {
			t.Errorf("%v: %v, want %v", test.found, got, test.want)
		}
	}
	rows := measured()
	rows[0].found, rows[1].found = [][]int{{1, 2}, {3, 5}}, exact
	if err := recalls(rows); err != nil || rows[0].recall != 0.75 || rows[1].recall != 1 {
		t.Errorf("%v and %v beside NumPy, %v", rows[0].recall, rows[1].recall, err)
	}
	if err := recalls(rows[:1]); err == nil {
		t.Error("without NumPy there is an exact answer")
	}
}

// TestJudge: rankings are judged by the questions' own labels, and a question without an answer
// counts as nothing found.
func TestJudge(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "questions.jsonl")
	if err := os.WriteFile(file, []byte(`{"id":"q0","query":"a","expect":["id:d1"]}`+"\n"+`{"query":"b","expect":["id:d2","id:d3"]}`+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	texts, expected, err := readExpected(file)
	if err != nil || !slices.Equal(texts, []string{"a", "b"}) {
		t.Fatalf("got %q, %v", texts, err)
	}
	for _, test := range []struct {
		rankings [][]string
		want     float64
	}{{[][]string{{"d1"}, {"d3", "d2"}}, 1}, {[][]string{{"x", "x", "d1"}}, 0.25}, {nil, 0}} {
		if got := judge(test.rankings, expected).Value; got != test.want {
			t.Errorf("%q: %v, want %v", test.rankings, got, test.want)
		}
	}
	if err := os.WriteFile(file, []byte("no JSON\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readExpected(file); err == nil {
		t.Error("no JSON: no error")
	}
}

// measured makes figures of two systems of which the second takes twice as long.
func measured() []figures {
	var rows []figures
	for i, s := range systems()[:2] {
		took := series{{Wall: time.Duration(1+i) * 2 * time.Second, Peak: 3e6}, {Wall: time.Duration(1+i) * time.Millisecond}, {Wall: time.Duration(1+i) * 20 * time.Millisecond}}
		s.version = []string{"", "2.4"}[i]
		rows = append(rows, figures{system: s, build: took, shot: took, one: took, all: took, bytes: 5e6, recall: 1})
	}
	return rows
}

func TestCompareTables(t *testing.T) {
	t.Parallel()
	rows := measured()
	for _, table := range [][][]string{askedTable(rows), madeTable(rows), shortTable(rows)} {
		for _, row := range table {
			if len(row) != len(table[0]) {
				t.Errorf("%q has not the columns of %q", row, table[0])
			}
		}
	}
	want := []string{"NumPy 2.4", "exact", "1.000", "40.0 ms (2.00 ms)", "2.00", "3.0 MB", "40.0 ms (2.00 ms)", "2.00", "40.0 ms (2.00 ms)", "2.00"}
	if got := askedTable(rows)[2]; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for i := range rows {
		rows[i].all = nil
	}
	if got := askedTable(rows); !slices.Equal(got[2], want[:8]) || len(got[0]) != 8 {
		t.Errorf("of a large size got %q", got)
	}
	if got, want := madeTable(rows)[1], []string{"sheaf", "documents", "20.0 ms (1.00 ms)", "1.00", "3.0 MB", "5.0 MB"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	c := &comparer{systems: systems()}
	if got := c.missingTable(); got != "" {
		t.Errorf("all were measured: %s", got)
	}
	c.systems[4].missing = "No module named 'usearch'"
	c.slow = rows[1:2]
	if got := c.missingTable(); !strings.Contains(got, "| usearch | No module named 'usearch' |\n") || !strings.Contains(got, "| NumPy, 1,000,000 documents | making the index of 100,000 takes 40.0 ms |\n") {
		t.Errorf("got %s", got)
	}
}

func TestQualityTable(t *testing.T) {
	t.Parallel()
	scores := []scored{{Name: "defs", Title: "definitions", Documents: 3, Questions: 2, Ways: []way{
		{"LangChain, FAISS", eval.Figure{Value: 0.5, Low: 0.4, High: 0.6}}, {"sheaf, hybrid", eval.Figure{Value: 0.75, Low: 0.7, High: 0.8}},
	}}}
	table := qualityTable(scores)
	if want := []string{"`defs`: definitions", "3", "2", "0.500 ± 0.100", "0.750 ± 0.050"}; !slices.Equal(table[1], want) || len(table[0]) != len(want) {
		t.Errorf("got %q, want %q", table, want)
	}
	bars := qualityBars(scores).Groups[0].Bars
	if len(bars) != 2 || bars[0].Color == bars[1].Color || bars[1].Value != 0.75 {
		t.Errorf("bars %+v", bars)
	}
}

// TestCurves: each system has a line with a point for each size, and all points are between the
// ends of the axes.
func TestCurves(t *testing.T) {
	t.Parallel()
	all := []sized{{1000, measured()}, {100_000, measured()}, {1_000_000, measured()[1:]}} // the first is left out of the last
	for _, c := range curves {
		p := c.points(all)
		if len(p.Lines) != 2 || !p.Lines[0].Bold || p.Lines[1].Bold {
			t.Fatalf("%s: lines %+v", c.file, p.Lines)
		}
		for _, line := range p.Lines {
			if line.Name == "sheaf" && len(line.Points) != 2 || line.Name != "sheaf" && len(line.Points) != len(all) {
				t.Errorf("%s: %s has %d points", c.file, line.Name, len(line.Points))
			}
			for _, at := range line.Points {
				if at.X <= p.X.Low || at.X >= p.X.High || at.Y < p.Y.Low || at.Y > p.Y.High {
					t.Errorf("%s: %+v is not between %v and %v", c.file, at, p.X, p.Y)
				}
			}
		}
	}
}

func TestDecades(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		low, high float64
		want      string
	}{{0.02, 3, "0.01 0.1 1 10"}, {1, 1, "1 10"}, {200, 40_000, "100 1,000 10,000 100,000"}} {
		var texts []string
		for _, tick := range decades(test.low, test.high).Ticks {
			texts = append(texts, tick.Text)
		}
		if got := strings.Join(texts, " "); got != test.want {
			t.Errorf("%v to %v: %s, want %s", test.low, test.high, got, test.want)
		}
	}
}

func TestBriefFigures(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		123456: "0.12 ms", 12340 * time.Microsecond: "12.3 ms", 999 * time.Millisecond: "999 ms", 1260 * time.Millisecond: "1.3 s",
	} {
		if got := brief(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	for n, want := range map[int]string{7: "7", 100: "100", 1000: "1,000", 1_000_000: "1,000,000"} {
		if got := commas(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestFolderBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a", filepath.Join("below", "b")} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, 100), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := folderBytes(dir); n != 200 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := folderBytes(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestCommandsAreRead: each command line that the page of figures shows is one that this program takes.
func TestCommandsAreRead(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", comparePage))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if _, args, ok := strings.Cut(line, "go run ./bench "); ok && !strings.Contains(line, "`") {
			found++
			if _, _, err := parse(strings.Fields(args)); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	if found < 7 {
		t.Errorf("%d commands were found", found)
	}
}

// The pages that the comparison writes to have the place for its figures.
func TestPagesHavePlace(t *testing.T) {
	t.Parallel()
	for _, name := range []string{comparePage, compareReadme} {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "page.md")
		if err := os.WriteFile(file, text, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := page.Write(file, compareWriter, ""); err != nil {
			t.Error(err)
		}
	}
}
