package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/store"
	"sheaf/internal/vector"
)

// What searches by lists have to hold, and the verbs that make and keep a large store.
const (
	listsRecall  = 0.99
	listsBytes   = 0.25 // of those of the exact search by codes
	codesBytes   = 1.0 / 6
	listsShot    = 80 * time.Millisecond // beyond `sheaf version`
	exactShot    = 260 * time.Millisecond
	listsPeak    = 200e6
	verbPeak     = 1e9
	heldOut      = 500  // questions that measure what is found
	listsTuned   = 2000 // questions that the lists are tuned by
	coarseColumn = 4    // numbers of 4 bytes that a row has beside its nibbles: three, and its own number

	addedRows   = 5000 // one by one, after the lists were made
	deletedRows = 1000
)

// huge is a size of which the vectors do not fit into the memory of small machines.
const huge = 10_000_000

// listsBuild is how long the making of lists may take, for each size of a set.
var listsBuild = map[int]time.Duration{large: time.Minute, huge: 15 * time.Minute}

// lists compares exact searches of a million clustered vectors with those by lists.
func (b *bench) lists(ctx context.Context) error { return b.listed(ctx, large) }

// scale does the same with vectors that are larger than memory.
func (b *bench) scale(ctx context.Context) error { return b.listed(ctx, huge) }

// listed is a set of n clustered vectors, a store of them, and questions.
type listed struct {
	*bench
	n         int
	dir       string // of the store
	held      string // the file of the questions that do not tune
	shot      string // the file of one question
	rows      [][]string
	additions *clustered
}

func (b *bench) listed(ctx context.Context, n int) error {
	l := &listed{
		bench: b, n: n, dir: filepath.Join(b.data, "clustered-"+strconv.Itoa(n)), held: filepath.Join(b.data, "held.jsonl"),
		shot: filepath.Join(b.data, "query.clustered"), rows: [][]string{{"measure", "value", "÷ its limit", "peak memory", "÷ its limit"}},
		additions: newClustered(addedSeed, n),
	}
	if err := l.imported(ctx); err != nil {
		return err
	}
	questions, tuned := newClustered(questionsSeed, n), filepath.Join(b.data, "tuned.jsonl")
	x := make([]float32, dim)
	newClustered(shotSeed, n).vector(x, questionFar)
	err := errors.Join(writeQuestions(tuned, questions, listsTuned), writeQuestions(l.held, questions, heldOut), os.WriteFile(l.shot, vector.Bytes(x), 0o666))
	if err != nil {
		return err
	}
	if err := l.verb(ctx, "`tune --index`", listsBuild[n], "tune", "--index", tuned, "--recall", fmt.Sprint(listsRecall)); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{l.shots, l.recall, l.change, l.recall, l.keep} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	b.table(fmt.Sprintf("%d clustered vectors of dim %d, k = 10:", n, dim), l.rows)
	return nil
}

// row adds a row to the table.
func (l *listed) row(cells ...string) {
	for len(cells) < len(l.rows[0]) {
		cells = append(cells, "")
	}
	l.rows = append(l.rows, cells)
}

// verb measures one run of a verb. limit is 0 where it may take its time.
func (l *listed) verb(ctx context.Context, name string, limit time.Duration, args ...string) error {
	took, err := l.command(append([]string{"--quiet", "--store", l.dir}, args...)...)(ctx)
	if err != nil {
		return err
	}
	held := ""
	if limit > 0 {
		held = within(took.Wall, limit)
	}
	l.row(name, fmt.Sprintf("%.1f s, %.1f s of processors", took.Wall.Seconds(), took.CPU.Seconds()), held, megabytes(took.Peak), verdict(float64(took.Peak)/verbPeak))
	return nil
}

// imported makes the store, where it is missing, of a NumPy matrix that is removed again.
func (l *listed) imported(ctx context.Context) (err error) {
	if store.Is(l.dir) {
		return nil
	}
	matrix := filepath.Join(l.data, "matrix")
	defer func() { err = errors.Join(err, os.RemoveAll(matrix)) }()
	if err := newClustered(rowsSeed, l.n).writeMatrix(matrix, l.n); err != nil {
		return err
	}
	return l.verb(ctx, "`import` of a NumPy matrix", 0, "import", matrix)
}

// shots measures one-shot searches beyond the start of the program: exact ones, by lists, and
// with filters, which are exact; all of them warm, and the first two with nothing of the store
// in the page cache.
func (l *listed) shots(ctx context.Context) error {
	ask := []string{"search-vector", "--store", l.dir, "-k", "10", "--json", "--binary", "f32", "@" + l.shot}
	with := func(more ...string) contender { return l.command(append(ask, more...)...) }
	exact, listed := with(), with("--recall", fmt.Sprint(listsRecall))
	named := []struct {
		name  string
		limit time.Duration
		contender
	}{
		{"exact", exactShot, exact},
		{"by lists", listsShot, listed},
		{"filter for a tenth of the rows", 0, with("--filter", "tenth=3")},
		{"filter for the smaller half of the topics", 0, with("--filter", fmt.Sprint("topic>=", l.n/rowsPerTopic/2))},
		{"exact, cold", 0, after(timed(l.evict), exact)},
		{"by lists, cold", 0, after(timed(l.evict), listed)},
	}
	contenders := []contender{l.command("version")}
	for _, c := range named {
		contenders = append(contenders, c.contender)
	}
	took, err := interleave(ctx, l.rounds, contenders[:5]...)
	if err != nil {
		return err
	}
	cold, err := interleave(ctx, l.rounds, contenders[5:]...)
	if err != nil {
		return err
	}
	start := took[0].median()
	for i, shot := range append(took[1:], cold...) {
		held := ""
		if named[i].limit > 0 {
			held = within(shot.median()-start, named[i].limit)
		}
		l.row("search, "+named[i].name, fmt.Sprintf("%s (%s)", millis(shot.median()-start), millis(shot.fastest()-start)), held,
			megabytes(shot.peak()), verdict(float64(shot.peak())/listsPeak))
	}
	return nil
}

// evict drops the files of the store from the page cache, by GNU dd.
func (l *listed) evict(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(l.dir, "*"))
	for _, file := range files {
		err = errors.Join(err, exec.CommandContext(ctx, "dd", "if="+file, "iflag=nocache", "count=0", "status=none").Run())
	}
	return err
}

// recall measures by questions that the lists were not made with what is found, and how many
// bytes are read for it.
func (l *listed) recall(ctx context.Context) error {
	var exact struct {
		Recall struct{ Value, Low, High float64 }
	}
	recall := []string{"--recall", fmt.Sprint(listsRecall), "-k", "10", "--store", l.dir, "--json"}
	if err := l.answer(ctx, &exact, append([]string{"eval", "exact", l.held, "--mode", "vector"}, recall...)...); err != nil {
		return err
	}
	share, err := l.share(ctx, recall)
	if err != nil {
		return err
	}
	var info struct{ Lists struct{ Lists int } }
	if err := l.answer(ctx, &info, "info", "--store", l.dir, "--json"); err != nil {
		return err
	}
	row := float64(coarseColumn*vector.Size + dim/2)
	read := share + float64(info.Lists.Lists*dim*vector.Size)/row/float64(l.n)
	l.row("recall@10 of questions that did not tune", fmt.Sprintf("%.4f [%.4f, %.4f]", exact.Recall.Value, exact.Recall.Low, exact.Recall.High), verdict(listsRecall/exact.Recall.Value))
	l.row("bytes: by lists, with the centroids, ÷ exact by codes", fmt.Sprintf("%.3f", read), verdict(read/listsBytes))
	l.row("bytes: exact by codes ÷ vectors", fmt.Sprintf("%.3f", row/float64(dim*vector.Size)), verdict(row/float64(dim*vector.Size)/codesBytes))
	return nil
}

// share is the share of the rows that searches of the questions look at, a mean.
func (l *listed) share(ctx context.Context, recall []string) (share float64, err error) {
	out, err := exec.CommandContext(ctx, l.sheaf, append([]string{"search-vector", "--queries", l.held}, recall...)...).Output()
	if err != nil {
		return 0, err
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		a := struct {
			Looked struct{ Vectors, Of float64 } `json:"looked_at"`
		}{}
		if a.Looked.Vectors, a.Looked.Of = 1, 1; err == nil { // all, unless it says otherwise
			err = json.Unmarshal([]byte(line), &a)
		}
		share += a.Looked.Vectors / a.Looked.Of
		n++
	}
	return share / float64(n), err
}

// change adds and deletes documents, each in a commit of its own.
func (l *listed) change(ctx context.Context) error {
	start := time.Now()
	w, err := store.OpenWriter(ctx, l.dir, engine.Options{})
	if err != nil {
		return err
	}
	for i := 0; err == nil && i < addedRows; i++ {
		name := unused()
		err = addSource(ctx, w, engine.Source{Key: name, Name: name}, []engine.Document{{ID: name, StartIndex: -1}}, l.additions.row)
		if err == nil {
			err = w.Commit(ctx)
		}
	}
	if err == nil {
		err = l.deleteSome(ctx, w)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	l.row(fmt.Sprintf("%d single additions, then %d deletions, in process", addedRows, deletedRows), fmt.Sprintf("%.1f s", time.Since(start).Seconds()))
	return nil
}

// deleteSome deletes documents that no run deleted before.
func (l *listed) deleteSome(ctx context.Context, w *store.Writer) error {
	info, err := w.Info(ctx)
	step := l.n / deletedRows
	for i := 0; err == nil && i < deletedRows; i++ {
		set, _, bad := w.SelectIDs(ctx, []string{fmt.Sprint("row-", i*step+int(info.Generation/deletedRows)%step)})
		if err = bad; err == nil {
			err = w.Delete(ctx, set)
		}
	}
	return err
}

// keep compacts the store, which makes the lists anew, and exports it.
func (l *listed) keep(ctx context.Context) error {
	if err := l.verb(ctx, "`compact`, with new lists", 0, "compact"); err != nil {
		return err
	}
	return l.verb(ctx, "`export` as JSONL", 0, "export", "--format", "jsonl", "-")
}

// answer runs sheaf and reads its answer in JSON.
func (b *bench) answer(ctx context.Context, to any, args ...string) error {
	c := exec.CommandContext(ctx, b.sheaf, args...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("running sheaf %v: %w", args, err)
	}
	return json.Unmarshal(out, to)
}
