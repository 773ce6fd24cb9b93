package main

import (
	"cmp"
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

	"sheaf/internal/store"
	"sheaf/internal/vector"
)

// What searches by lists have to hold, and the verbs that make and keep a large store.
const (
	listsRecall = 0.99
	listsBytes  = 0.25 // of those of the exact search by codes
	codesBytes  = 1.0 / 6
	listsShot   = 80 * time.Millisecond // beyond `sheaf version`
	exactShot   = 260 * time.Millisecond
	listsPeak   = 200e6
	verbPeak    = 1e9
	listsMemory = 2 << 30 // of the cgroup in which a machine is small
	heldOut     = 500     // questions that measure what is found
	listsTuned  = 2000    // questions that the lists are tuned by

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
	tuned     string // the file of the questions that tune
	held      string // the file of those that do not
	shot      string // the file of one question
	rows      [][]string
	additions *clustered
}

// step is a part of what is done with a set.
type step struct {
	name string
	run  func(*listed, context.Context) error
}

// steps are all of them, in their order.
var steps = []step{
	{"import", (*listed).imported},
	{"kill", (*listed).killed},
	{"tune", (*listed).tune},
	{"shots", (*listed).shots},
	{"recall", (*listed).recall},
	{"filters", (*listed).filtered},
	{"change", (*listed).changed},
	{"export", (*listed).exported},
	{"merge", (*listed).merged},
	{"compact", (*listed).compacted},
}

func stepNames() string {
	var names []string
	for _, s := range steps {
		names = append(names, s.name)
	}
	return strings.Join(names, ",")
}

// listed makes a store of n vectors and takes the steps that are asked for.
func (b *bench) listed(ctx context.Context, n int) error {
	l := &listed{
		bench: b, n: n, dir: filepath.Join(b.data, "clustered-"+strconv.Itoa(n)), held: filepath.Join(b.data, "held.jsonl"),
		tuned: filepath.Join(b.data, "tuned.jsonl"), shot: filepath.Join(b.data, "query.clustered"),
		rows:      [][]string{{"measure", "value", "÷ its limit", "peak memory", "÷ its limit", "read from disk"}},
		additions: newClustered(addedSeed, n),
	}
	chosen, err := parseNames("-steps", cmp.Or(b.steps, stepNames()), stepNames())
	if err != nil {
		return err
	}
	questions := newClustered(questionsSeed, n)
	x := make([]float32, dim)
	newClustered(shotSeed, n).vector(x, questionFar)
	err = errors.Join(writeQuestions(l.tuned, questions, listsTuned), writeQuestions(l.held, questions, heldOut), os.WriteFile(l.shot, vector.Bytes(x), 0o666))
	if err != nil {
		return err
	}
	defer func() { b.table(fmt.Sprintf("%d clustered vectors of dim %d, k = 10:", n, dim), l.rows) }() // what there is of it
	for _, s := range steps {
		if !chosen[s.name] {
			continue
		}
		if err := s.run(l, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
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
	if err == nil {
		l.verbRow(name, took, limit)
	}
	return err
}

func (l *listed) verbRow(name string, took sample, limit time.Duration) {
	held := ""
	if limit > 0 {
		held = within(took.Wall, limit)
	}
	l.row(name, fmt.Sprintf("%.1f s, %.1f s of processors", took.Wall.Seconds(), took.CPU.Seconds()), held, megabytes(took.Peak), verdict(float64(took.Peak)/verbPeak), megabytes(took.Read))
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

// tune makes the lists.
func (l *listed) tune(ctx context.Context) error {
	return l.verb(ctx, "`tune --index`", listsBuild[l.n], l.tuning()...)
}

func (l *listed) tuning() []string {
	return []string{"tune", "--index", l.tuned, "--recall", fmt.Sprint(listsRecall)}
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
