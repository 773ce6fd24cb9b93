package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strconv"

	"sheaf/internal/engine"
	"sheaf/internal/store"
	"sheaf/internal/vector"
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

// Seeds of what is made for a set.
const (
	rowsSeed = iota + 1
	questionsSeed
	shotSeed
	addedSeed
)

func newClustered(seed uint64, rows int) *clustered {
	return &clustered{rand.New(rand.NewPCG(seed, 77)), rows / rowsPerTopic}
}

// row fills x with a vector of the set.
func (c *clustered) row(x []float32) { c.vector(x, rowSpread) }

// vector fills x, and returns the topic that it is from.
func (c *clustered) vector(x []float32, spread float64) int {
	u := c.random.Float64()
	number := int(u * u * float64(c.topics))
	topic := rand.New(rand.NewPCG(uint64(number), 78))
	for i := range x {
		x[i] = float32((topicShare*topic.NormFloat64() + spread*c.random.NormFloat64()) / math.Sqrt(float64(i+1)))
	}
	vector.Normalize(x)
	return number
}

// writeMatrix writes n vectors as a NumPy matrix, and beside it their documents, whose
// metadata name the topic of the vector, and a tenth of the rows that has nothing to do with it.
func (c *clustered) writeMatrix(path string, n int) error {
	return errors.Join(os.MkdirAll(path, 0o777), writing(path+"/vectors.npy", func(rows io.Writer) error {
		return writing(path+"/vectors.jsonl", func(lines io.Writer) error {
			if _, err := rows.Write(vector.NpyHeader(int64(n), dim)); err != nil {
				return err
			}
			x := make([]float32, dim)
			for i := range n {
				topic := c.vector(x, rowSpread)
				_, err := fmt.Fprintf(lines, `{"id":"row-%d","text":"","metadata":{"topic":%d,"tenth":%d}}`+"\n", i, topic, i%10)
				if _, bad := rows.Write(vector.Bytes(x)); err != nil || bad != nil {
					return errors.Join(err, bad)
				}
			}
			return nil
		})
	}))
}

// writing writes a file through a buffer.
func writing(path string, write func(io.Writer) error) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b := bufio.NewWriterSize(f, 1<<20)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}

// writeQuestions writes n questions as records.
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

// clusteredStore makes a store of n clustered vectors whose documents have texts, where it is
// missing.
func (b *bench) clusteredStore(ctx context.Context, dir string, n int) error {
	if store.Is(dir) {
		return nil
	}
	fmt.Fprintf(os.Stderr, "bench: making %s\n", dir)
	w, err := store.Create(ctx, dir, engine.Facts{Dim: dim, Metric: engine.L2, NoWords: true}, engine.Options{})
	if err != nil {
		return err
	}
	c := newClustered(rowsSeed, n)
	for first := 0; err == nil && first < n; first += sourceDocuments {
		docs := make([]engine.Document, sourceDocuments)
		for i := range docs {
			docs[i] = document(first + i)
		}
		name := "part-" + strconv.Itoa(first)
		err = addSource(ctx, w, engine.Source{Key: name, Name: name}, docs, c.row)
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
