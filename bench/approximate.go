package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sheaf/internal/vector"
)

// approximatePeer runs the programs that searches by lists are compared with.
const approximatePeer = "approximate_peer.py"

// Names of the two ways in which sheaf searches, and of the one that says what is right.
const (
	sheafExact = "sheaf, exact"
	sheafLists = "sheaf, by lists"
	exactPeer  = "exact"
)

// Questions that choose the setting of each program, and others, by which it is judged. A
// program that scans everything is judged by the first.
const (
	choosingQuestions = 1000
	judgingQuestions  = 500
	scanned           = "sqlite-vec"
)

// enoughMemory is that of a machine on which larger sets than a million are thought of.
const enoughMemory = 24 << 30

// approximateSystems are the programs. Both of the first are one store.
func approximateSystems() []*system {
	return []*system{
		{name: sheafExact, title: sheafExact},
		{name: "ivf-pq", title: "faiss-cpu, IVF-PQ, refined"},
		{name: "ivf-rabitq", title: "faiss-cpu, IVF-RaBitQ, refined"},
		{name: "lancedb", title: "LanceDB, its default index"},
		{name: scanned, title: "sqlite-vec, exact"},
		{name: "hnsw", title: "faiss-cpu, HNSW"},
		{name: "usearch", title: "usearch, mapped"},
	}
}

// approximation is a comparison over one set of vectors.
type approximation struct {
	comparer
	set                      string
	matrix, choosing, judged string // NumPy matrices
	tuned, held, shot        string // the same questions for sheaf, and one of them for all
	exact                    [2][][]int
}

// approximate compares over a million clustered vectors.
func (b *bench) approximate(ctx context.Context) error {
	return b.compareLists(ctx, "clustered", func(_ context.Context, dir string) error {
		questions, n := newClustered(questionsSeed, large), choosingQuestions+judgingQuestions
		x := make([]float32, n*dim)
		for i := range n {
			questions.vector(x[i*dim:][:dim], questionFar)
		}
		return errors.Join(newClustered(rowsSeed, large).writeMatrix(filepath.Join(dir, "matrix"), large), writeAsked(dir, x, dim))
	})
}

// compareLists measures all programs over a set, whose vectors make writes where they are
// missing. With -resume only searches are measured that were measured before.
func (b *bench) compareLists(ctx context.Context, set string, write func(ctx context.Context, dir string) error) error {
	dir := filepath.Join(b.data, "approximate-"+set)
	a := &approximation{
		comparer: comparer{bench: b, dir: dir, script: approximatePeer, systems: approximateSystems()}, set: set,
		matrix: filepath.Join(dir, "matrix", "vectors.npy"), choosing: filepath.Join(dir, "choosing.npy"), judged: filepath.Join(dir, "judged.npy"),
		tuned: filepath.Join(dir, "choosing.jsonl"), held: filepath.Join(dir, "judged.jsonl"), shot: filepath.Join(dir, "shot"),
	}
	if err := madeOnce(dir, func(part string) error { return write(ctx, part) }); err != nil {
		return err
	}
	if err := errors.Join(a.kept.open(filepath.Join(dir, "measured.json"), b.resume), a.environment(ctx)); err != nil {
		return err
	}
	for i, questions := range []string{a.choosing, a.judged} {
		var err error
		a.exact[i], err = keep(&a.kept, exactPeer+fmt.Sprint(i), func() ([][]int, error) { return a.ask(ctx, &system{name: exactPeer}, a.matrix, questions) })
		if err != nil {
			return err
		}
	}
	return a.measure(ctx)
}

// madeOnce has a folder made that is there whole or not at all.
func madeOnce(dir string, write func(part string) error) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	part := dir + ".part"
	if err := errors.Join(os.RemoveAll(part), os.MkdirAll(part, 0o777)); err != nil {
		return err
	}
	if err := write(part); err != nil {
		return err
	}
	return os.Rename(part, dir)
}

// writeAsked writes the questions in all forms.
func writeAsked(dir string, x []float32, dim int) error {
	const end = choosingQuestions
	shot := x[end*dim:][:dim]
	shotMatrix := append(vector.NpyHeader(1, dim), vector.Bytes(shot)...)
	errs := []error{
		os.WriteFile(filepath.Join(dir, "shot"), vector.Bytes(shot), 0o666), os.WriteFile(filepath.Join(dir, "shot.npy"), shotMatrix, 0o666),
	}
	for name, x := range map[string][]float32{"choosing": x[:end*dim], "judged": x[end*dim:]} {
		var lines bytes.Buffer
		for i := 0; i < len(x); i += dim {
			line, err := json.Marshal(map[string]any{"vector": x[i:][:dim]})
			errs = append(errs, err)
			lines.Write(append(line, '\n'))
		}
		matrix := append(vector.NpyHeader(int64(len(x)/dim), dim), vector.Bytes(x)...)
		errs = append(errs, os.WriteFile(filepath.Join(dir, name+".jsonl"), lines.Bytes(), 0o666), os.WriteFile(filepath.Join(dir, name+".npy"), matrix, 0o666))
	}
	return errors.Join(errs...)
}

// ask has a program answer all questions of a file.
func (a *approximation) ask(ctx context.Context, s *system, args ...string) (found [][]int, err error) {
	command := a.peer(s, args...)
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w", command, err)
	}
	return found, json.Unmarshal(out, &found)
}

// indexed is what came of one program.
type indexed struct {
	Title   string
	Build   sample
	Bytes   int64
	Setting int
	Recall  float64
	shot    []string // the command of one search
}

// measure makes all indexes, then searches in turns.
func (a *approximation) measure(ctx context.Context) error {
	rows, err := a.ours(ctx)
	if err != nil {
		return err
	}
	for _, s := range a.systems[1:] {
		if s.missing != "" {
			continue
		}
		row, err := a.theirs(ctx, s)
		if err != nil {
			return err
		}
		row.shot = a.peer(s, "search", filepath.Join(a.dir, s.name), filepath.Join(a.dir, "shot.npy"), fmt.Sprint(row.Setting))
		rows = append(rows, row)
	}
	contenders := []contender{a.command("version")}
	for _, row := range rows {
		contenders = append(contenders, process(row.shot...))
	}
	took, err := interleave(ctx, a.rounds, contenders...)
	if err != nil {
		return err
	}
	a.table(fmt.Sprintf("%d vectors (%s), k = 10. `sheaf version` takes %s:", large, a.set, took[0]), indexedTable(rows, took[1:]))
	return nil
}

func indexedTable(rows []indexed, took []series) [][]string {
	table := [][]string{{
		"", "recall@10", "one search, a process", "÷ sheaf, exact", "its memory", "made in", "processor time", "memory of making", "on disk", "vectors in 24 GiB",
	}}
	for i, row := range rows {
		recall := fmt.Sprintf("%.4f", row.Recall)
		if row.Setting > 0 {
			recall += fmt.Sprintf(" (%d)", row.Setting)
		}
		most := max(row.Build.Peak, took[i].peak())
		table = append(table, []string{
			row.Title, recall, cell(took[i]), ratio(took[i].median(), took[0].median()), megabytes(took[i].peak()), brief(row.Build.Wall), brief(row.Build.CPU),
			megabytes(row.Build.Peak), megabytes(row.Bytes), fmt.Sprintf("%.0f million", float64(enoughMemory)/float64(most)*large/1e6),
		})
	}
	return table
}

// theirs makes another program's index, and finds the least setting by which it finds enough.
func (a *approximation) theirs(ctx context.Context, s *system) (indexed, error) {
	folder := filepath.Join(a.dir, s.name)
	made, err := keep(&a.kept, s.name+" made", func() (row indexed, err error) {
		fmt.Fprintf(os.Stderr, "bench: %s makes an index\n", s.title)
		row.Title = s.label()
		if row.Build, err = afresh(folder, process(a.peer(s, "build", a.matrix, folder)...))(ctx); err == nil {
			row.Bytes, err = folderBytes(folder)
		}
		return row, err
	})
	if err != nil {
		return made, err
	}
	return keep(&a.kept, s.name, func() (indexed, error) {
		questions := a.judged
		if s.name == scanned {
			questions = filepath.Join(a.dir, "shot.npy")
		} else if made.Setting, err = a.setting(ctx, s, folder); err != nil {
			return made, err
		}
		found, err := a.ask(ctx, s, "search", folder, questions, fmt.Sprint(made.Setting))
		made.Recall = recallOf(found, a.exact[1][:len(found)])
		return made, err
	})
}

// setting is the least one by which the questions that choose find enough, or the one that finds most.
func (a *approximation) setting(ctx context.Context, s *system, folder string) (best int, err error) {
	command := a.peer(s, "sweep", folder, a.choosing)
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).Output()
	if err != nil {
		return 0, fmt.Errorf("%v: %w", command, err)
	}
	var pairs [][2]json.RawMessage
	if err := json.Unmarshal(out, &pairs); err != nil {
		return 0, err
	}
	most := -1.0
	for _, pair := range pairs {
		var setting int
		var found [][]int
		if err := errors.Join(json.Unmarshal(pair[0], &setting), json.Unmarshal(pair[1], &found)); err != nil {
			return 0, err
		}
		if recall := recallOf(found, a.exact[0][:len(found)]); recall > most && most < listsRecall {
			most, best = recall, setting
		}
	}
	return best, nil
}

// ours makes a store, and lists in it, which are two ways to search.
func (a *approximation) ours(ctx context.Context) (rows []indexed, err error) {
	folder := filepath.Join(a.dir, "sheaf")
	recall := []string{"--recall", fmt.Sprint(listsRecall)}
	exact, err := keep(&a.kept, sheafExact, func() (row indexed, err error) {
		return a.our(ctx, sheafExact, afresh(folder, a.command("import", "--quiet", "--store", folder, filepath.Dir(a.matrix))), folder)
	})
	if err != nil {
		return nil, err
	}
	listed, err := keep(&a.kept, sheafLists, func() (row indexed, err error) {
		row, err = a.our(ctx, sheafLists, a.command(append([]string{"tune", "--quiet", "--store", folder, "--index", a.tuned}, recall...)...), folder, recall...)
		row.Build.Wall, row.Build.CPU, row.Build.Peak = row.Build.Wall+exact.Build.Wall, row.Build.CPU+exact.Build.CPU, max(row.Build.Peak, exact.Build.Peak)
		return row, err
	})
	exact.shot = append([]string{a.sheaf}, askSheaf(folder, a.shot)...)
	listed.shot = append(exact.shot[:len(exact.shot):len(exact.shot)], recall...)
	return []indexed{exact, listed}, err
}

// our makes something of a store, and judges the answers.
func (a *approximation) our(ctx context.Context, title string, build contender, folder string, flags ...string) (row indexed, err error) {
	row.Title = title
	if row.Build, err = build(ctx); err != nil {
		return row, err
	}
	if row.Bytes, err = folderBytes(folder); err != nil {
		return row, err
	}
	args := append([]string{"search-vector", "--store", folder, "-k", fmt.Sprint(compareK), "--jsonl", "--queries", a.held}, flags...)
	out, err := exec.CommandContext(ctx, a.sheaf, args...).Output()
	if err != nil {
		return row, fmt.Errorf("%v: %w", args, err)
	}
	found, err := rowsFound(string(out))
	row.Recall = recallOf(found, a.exact[1])
	return row, err
}

// rowsFound reads the answers to many queries, whose documents are named by their rows.
func rowsFound(lines string) (found [][]int, err error) {
	for line := range strings.Lines(lines) {
		var answer struct{ Hits []struct{ ID string } }
		if err := json.Unmarshal([]byte(line), &answer); err != nil {
			return nil, err
		}
		var numbers []int
		for _, hit := range answer.Hits {
			var number int
			if _, err := fmt.Sscanf(hit.ID, "row-%d", &number); err != nil {
				return nil, fmt.Errorf("document %q: %w", hit.ID, err)
			}
			numbers = append(numbers, number)
		}
		found = append(found, numbers)
	}
	return found, nil
}
