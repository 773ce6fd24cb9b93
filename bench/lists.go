package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
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

// What searches of a million vectors by lists have to hold, and the making of these.
const (
	listsRecall  = 0.99
	listsBytes   = 0.25 // of those of the exact search by codes
	codesBytes   = 1.0 / 6
	listsBuild   = 60 * time.Second
	listsShot    = 80 * time.Millisecond // beyond `sheaf version`
	exactShot    = 260 * time.Millisecond
	listsPeak    = 200e6
	buildPeak    = 1e9
	heldOut      = 500  // questions that measure what is found
	listsTuned   = 2000 // questions that the lists are tuned by
	coarseColumn = 4    // numbers of 4 bytes that a row has beside its nibbles: three, and its own number
)

// clustered makes vectors like those of texts: topics, of which few are large, in directions
// whose variance falls as 1/n. A question is from a topic too, but lies further from its
// middle than the rows do: it is put in other words.
type clustered struct {
	random *rand.Rand
	topics int
}

const (
	topicShare   = 0.7
	rowSpread    = 0.7
	questionFar  = 1.0
	rowsPerTopic = 500
)

func newClustered(seed uint64, rows int) *clustered {
	return &clustered{rand.New(rand.NewPCG(seed, 77)), rows / rowsPerTopic}
}

func (c *clustered) fill(x []float32) { c.vector(x, rowSpread) }

func (c *clustered) vector(x []float32, spread float64) {
	u := c.random.Float64()
	topic := rand.New(rand.NewPCG(uint64(u*u*float64(c.topics)), 78))
	for i := range x {
		x[i] = float32((topicShare*topic.NormFloat64() + spread*c.random.NormFloat64()) / math.Sqrt(float64(i+1)))
	}
	vector.Normalize(x)
}

// lists compares exact searches of clustered vectors with those by lists.
func (b *bench) lists(ctx context.Context) error {
	n := large
	dir := filepath.Join(b.data, "clustered-"+strconv.Itoa(n))
	if err := b.clusteredStore(ctx, dir, n); err != nil {
		return err
	}
	questions := newClustered(2, n)
	tuned, held := filepath.Join(b.data, "tuned.jsonl"), filepath.Join(b.data, "held.jsonl")
	if err := errors.Join(writeQuestions(tuned, questions, listsTuned), writeQuestions(held, questions, heldOut)); err != nil {
		return err
	}
	made, err := b.command("tune", "--quiet", "--index", tuned, "--recall", fmt.Sprint(listsRecall), "--store", dir)(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{
		{"measure", "value", "limit", "holds"},
		{"making lists", made.Wall.Round(100 * time.Millisecond).String(), listsBuild.String(), verdict(float64(made.Wall) / float64(listsBuild))},
		{"its peak memory", megabytes(made.Peak), megabytes(buildPeak), verdict(float64(made.Peak) / buildPeak)},
	}
	shots, err := b.listShots(ctx, dir)
	if err != nil {
		return err
	}
	found, err := b.listRecall(ctx, dir, held)
	if err != nil {
		return err
	}
	b.table(fmt.Sprintf("Approximate search of %d clustered vectors of dim %d, k = 10:", n, dim), append(append(rows, shots...), found...))
	return nil
}

// listShots measures one-shot searches, beyond the start of the program.
func (b *bench) listShots(ctx context.Context, dir string) (rows [][]string, err error) {
	file := filepath.Join(b.data, "query.clustered")
	x := make([]float32, dim)
	newClustered(3, large).vector(x, questionFar)
	if err := os.WriteFile(file, vector.Bytes(x), 0o666); err != nil {
		return nil, err
	}
	ask := []string{"search-vector", "--store", dir, "-k", "10", "--json", "--binary", "f32", "@" + file}
	took, err := interleave(ctx, b.rounds, b.command("version"), b.command(ask...), b.command(append(ask, "--recall", fmt.Sprint(listsRecall))...))
	if err != nil {
		return nil, err
	}
	start := took[0].median()
	for i, limit := range []time.Duration{exactShot, listsShot} {
		name := []string{"exact", "by lists"}[i]
		shot := took[i+1]
		rows = append(rows,
			[]string{name + ", beyond start-up", millis(shot.median() - start), millis(limit), verdict(float64(shot.median()-start) / float64(limit))},
			[]string{name + ", peak memory", megabytes(shot.peak()), megabytes(listsPeak), verdict(float64(shot.peak()) / listsPeak)})
	}
	return rows, nil
}

// listRecall measures by questions that the lists were not made with what is found, and how
// many bytes are read for it.
func (b *bench) listRecall(ctx context.Context, dir, held string) (rows [][]string, err error) {
	var exact struct {
		Recall struct{ Value, Low, High float64 }
	}
	recall := []string{"--recall", fmt.Sprint(listsRecall), "-k", "10", "--store", dir, "--json"}
	if err := b.answer(ctx, &exact, append([]string{"eval", "exact", held, "--mode", "vector"}, recall...)...); err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, b.sheaf, append([]string{"search-vector", "--queries", held}, recall...)...).Output()
	if err != nil {
		return nil, err
	}
	share, n := 0.0, 0
	for line := range strings.Lines(string(out)) {
		var a struct {
			Looked struct{ Vectors, Of float64 } `json:"looked_at"`
		}
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			return nil, err
		}
		if a.Looked.Of > 0 {
			share += a.Looked.Vectors / a.Looked.Of
		} else {
			share++
		}
		n++
	}
	share /= float64(n)
	var info struct{ Lists struct{ Lists int } }
	if err := b.answer(ctx, &info, "info", "--store", dir, "--json"); err != nil {
		return nil, err
	}
	row := float64(coarseColumn*vector.Size + dim/2)
	read := share + float64(info.Lists.Lists*dim*vector.Size)/row/large
	return [][]string{
		{"recall@10 of questions that did not tune", fmt.Sprintf("%.4f [%.4f, %.4f]", exact.Recall.Value, exact.Recall.Low, exact.Recall.High), fmt.Sprint(listsRecall), verdict(listsRecall / exact.Recall.Value)},
		{"bytes: by lists, with the centroids, ÷ exact by codes", fmt.Sprintf("%.3f", read), fmt.Sprint(listsBytes), verdict(read / listsBytes)},
		{"bytes: exact by codes ÷ vectors", fmt.Sprintf("%.3f", row/float64(dim*vector.Size)), fmt.Sprintf("%.3f", codesBytes), verdict(row / float64(dim*vector.Size) / codesBytes)},
	}, nil
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

func writeQuestions(path string, c *clustered, n int) error {
	var b bytes.Buffer
	x := make([]float32, dim)
	for range n {
		c.vector(x, questionFar)
		line, err := json.Marshal(map[string]any{"vector": x})
		if err != nil {
			return err
		}
		b.Write(append(line, '\n'))
	}
	return os.WriteFile(path, b.Bytes(), 0o666)
}

// clusteredStore makes a store of n clustered vectors, where it is missing.
func (b *bench) clusteredStore(ctx context.Context, dir string, n int) error {
	if store.Is(dir) {
		return nil
	}
	fmt.Fprintf(os.Stderr, "bench: making %s\n", dir)
	w, err := store.Create(ctx, dir, engine.Facts{Dim: dim, Metric: engine.L2, NoWords: true}, engine.Options{})
	if err != nil {
		return err
	}
	c := newClustered(1, n)
	for first := 0; err == nil && first < n; first += sourceDocuments {
		docs := make([]engine.Document, sourceDocuments)
		for i := range docs {
			docs[i] = document(first + i)
		}
		name := "part-" + strconv.Itoa(first)
		err = addSource(ctx, w, engine.Source{Key: name, Name: name}, docs, c.fill)
		if err == nil && first%100_000 == 0 {
			err = w.Commit(ctx)
		}
	}
	if err == nil {
		err = w.Commit(ctx)
	}
	if closed := w.Close(); err == nil {
		err = closed
	}
	return err
}
