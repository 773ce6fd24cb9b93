package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/vector"
)

const (
	compareQueries = 100
	compareK       = 10
	compareTiny    = 1000 // documents, of the smallest size
	compareBuilds  = 3    // rounds, at most: some take half a minute
	compareLarge   = 3    // rounds of a large size, at most
	compareAsked   = 10   // queries of a large size
	// compareSlow is how long making the index of middle documents may take in a system that is measured with large
	// ones too, of which it takes more than ten times as long.
	compareSlow = 15 * time.Second
)

// figures are what was measured of a system with some number of documents.
type figures struct {
	*system
	build, shot, one series
	all              series // of a large size none
	bytes            int64
	found            [][]int // by each query, its nearest
	recall           float64
}

// comparer is one comparison.
type comparer struct {
	*bench
	dir     string
	python  string
	script  string // that runs the others
	systems []*system
	kept    kept
	slow    []figures // what was left out of the large size
}

// compare measures sheaf beside other programs that find the nearest vectors, and writes tables
// and drawings into the documentation.
func (b *bench) compare(ctx context.Context) error {
	c := &comparer{bench: b, dir: filepath.Join(b.data, "compare"), script: comparePeer, systems: systems()}
	if err := os.MkdirAll(c.dir, 0o777); err != nil {
		return err
	}
	if err := c.kept.open(filepath.Join(c.dir, "measured.json"), b.resume); err != nil {
		return err
	}
	if err := c.environment(ctx); err != nil {
		return err
	}
	sizes := []int{compareTiny, small, middle}
	if b.large {
		sizes = append(sizes, large)
	}
	var all []sized
	for _, n := range sizes {
		var before []figures
		if n >= large {
			before = all[len(all)-1].rows
		}
		rows, err := c.size(ctx, n, before)
		if err != nil {
			return fmt.Errorf("%d documents: %w", n, err)
		}
		all = append(all, sized{n, rows})
	}
	scores, err := c.quality(ctx)
	if err != nil {
		return err
	}
	return c.publish(all, scores)
}

// inputs are what all systems read: documents, and queries that are none of them.
type inputs struct{ dir, documents, query, queries string }

// folder is where a system keeps its index of them.
func (in inputs) folder(s *system) string { return filepath.Join(in.dir, s.name) }

// size measures all systems with n documents. The indexes of a large size are made, asked and removed one
// after the other, for the disk, but for those that were slow with fewer documents before.
func (c *comparer) size(ctx context.Context, n int, before []figures) ([]figures, error) {
	in, err := c.inputs(ctx, n)
	if err != nil {
		return nil, err
	}
	var rows []figures
	for _, s := range c.systems {
		slow := slices.IndexFunc(before, func(f figures) bool { return f.system == s && f.build.median() > compareSlow })
		if slow >= 0 {
			c.slow = append(c.slow, before[slow])
		} else if s.missing == "" {
			rows = append(rows, figures{system: s})
		}
	}
	together := len(rows)
	if n >= large {
		together = 1
	}
	for group := range slices.Chunk(rows, together) {
		if err := c.measure(ctx, n, in, group); err != nil {
			return nil, err
		}
		for i := range group {
			if err := c.answers(ctx, n, in, &group[i]); err != nil {
				return nil, err
			}
			if n >= large {
				if err := os.RemoveAll(in.folder(group[i].system)); err != nil {
					return nil, err
				}
			}
		}
	}
	return rows, recalls(rows)
}

// measure fills in what systems take that are measured in turns.
func (c *comparer) measure(ctx context.Context, n int, in inputs, rows []figures) error {
	var builds, shots, ones, alls []contender
	for _, row := range rows {
		s, folder := row.system, in.folder(row.system)
		build, shot := c.command("import", "--quiet", "--store", folder, in.documents), c.command(askSheaf(folder, in.query)...)
		if s != c.systems[0] {
			build, shot = process(c.peer(s, "build", in.documents, folder)...), process(c.peer(s, "search", folder, in.query)...)
		}
		key := fmt.Sprintf("%d %s ", n, s.name)
		builds = append(builds, c.kept.contender(key+"build", afresh(folder, build)))
		shots = append(shots, c.kept.contender(key+"shot", shot))
		r := &running{start: func() (answerer, error) { return c.start(ctx, s, folder, in.queries) }}
		defer r.stop()
		ones, alls = append(ones, c.kept.contender(key+"one", r.ask("one"))), append(alls, c.kept.contender(key+"all", r.ask("all")))
	}
	making, asking := min(c.rounds, compareBuilds), c.rounds
	if n >= large {
		making, asking, alls = 1, min(c.rounds, compareLarge), nil // an exact scan of all takes minutes
	}
	built, err := turns(ctx, making, builds...)
	if err != nil {
		return err
	}
	shot, err := interleave(ctx, asking, shots...)
	if err != nil {
		return err
	}
	ran, err := interleave(ctx, asking, append(ones, alls...)...)
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i].build, rows[i].shot, rows[i].one = built[i], shot[i], ran[i]
		if alls != nil {
			rows[i].all = ran[len(rows)+i]
		}
	}
	return nil
}

func askSheaf(folder, query string) []string {
	return []string{"search-vector", "--store", folder, "-k", strconv.Itoa(compareK), "--json", "--binary", "f32", "@" + query}
}

// inputs makes the documents and queries, where they are missing.
func (c *comparer) inputs(ctx context.Context, n int) (inputs, error) {
	dir := filepath.Join(c.dir, strconv.Itoa(n))
	in := inputs{dir, filepath.Join(dir, "documents.npy"), filepath.Join(dir, "query.f32"), filepath.Join(dir, "queries.f32")}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return in, err
	}
	asked := compareQueries
	if n >= large {
		asked = compareAsked
	}
	x, questions := make([]float32, asked*dim), newClustered(questionsSeed, n)
	for i := range asked {
		questions.vector(x[i*dim:(i+1)*dim], questionFar)
	}
	err := errors.Join(os.WriteFile(in.query, vector.Bytes(x[:dim]), 0o666), os.WriteFile(in.queries, vector.Bytes(x), 0o666))
	if _, missing := os.Stat(in.documents); err != nil || missing == nil {
		return in, err
	}
	made := filepath.Join(c.data, "clustered-"+strconv.Itoa(n))
	if err := c.clusteredStore(ctx, made, n); err != nil {
		return in, err
	}
	return in, quietly(ctx, c.sheaf, "export", "--quiet", "--store", made, in.documents)
}

// answers fills in what a system finds, and what it keeps on disk.
func (c *comparer) answers(ctx context.Context, n int, in inputs, row *figures) (err error) {
	folder, key := in.folder(row.system), fmt.Sprintf("%d %s ", n, row.name)
	row.bytes, err = keep(&c.kept, key+"bytes", func() (int64, error) { return folderBytes(folder) })
	if err != nil {
		return err
	}
	row.found, err = keep(&c.kept, key+"answers", func() ([][]int, error) { return c.answersOf(ctx, row.system, folder, in.queries) })
	return err
}

// recalls fills in how much of the exact answers the systems find.
func recalls(rows []figures) error {
	exact := slices.IndexFunc(rows, func(f figures) bool { return f.name == "numpy" })
	if exact < 0 {
		return errors.New("without NumPy nobody says what is right")
	}
	for i := range rows {
		rows[i].recall = recallOf(rows[i].found, rows[exact].found)
	}
	return nil
}

func (c *comparer) answersOf(ctx context.Context, s *system, folder, queries string) (found [][]int, err error) {
	if s != c.systems[0] {
		command := c.peer(s, "search", folder, queries)
		out, err := exec.CommandContext(ctx, command[0], command[1:]...).Output()
		if err != nil {
			return nil, fmt.Errorf("%v: %w", command, err)
		}
		return found, json.Unmarshal(out, &found)
	}
	a, err := openSheaf(ctx, folder, queries)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	hits, err := a.Search(ctx, a.queries, engine.SearchOptions{K: compareK})
	for _, of := range hits {
		var numbers []int
		for _, h := range of {
			var number int
			if _, err := fmt.Sscanf(h.ID, "doc-%d", &number); err != nil {
				return nil, fmt.Errorf("document %q: %w", h.ID, err)
			}
			numbers = append(numbers, number)
		}
		found = append(found, numbers)
	}
	return found, err
}

// recallOf is what share of the exact answers is found.
func recallOf(found, exact [][]int) float64 {
	n, all := 0, 0
	for i, want := range exact {
		all += len(want)
		for _, number := range want {
			if i < len(found) && slices.Contains(found[i], number) {
				n++
			}
		}
	}
	return float64(n) / float64(all)
}

// folderBytes is how many bytes the files below a folder have.
func folderBytes(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	return sum, err
}
