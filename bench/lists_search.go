package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"sheaf/internal/vector"
)

// shots measures one-shot searches beyond the start of the program: exact ones, by lists, and
// with filters, which are exact. Then the first two in a memory cgroup, warm and with nothing
// of the store in the page cache.
func (l *listed) shots(ctx context.Context) error {
	start, err := interleave(ctx, l.rounds, l.command("version"))
	if err != nil {
		return err
	}
	ask := []string{l.sheaf, "search-vector", "--store", l.dir, "-k", "10", "--json", "--binary", "f32", "@" + l.shot}
	with := func(more ...string) []string { return slices.Concat(ask, more) }
	exact, listed := with(), with("--recall", fmt.Sprint(listsRecall))
	took, err := interleave(ctx, l.rounds, process(exact...), process(listed...), process(with("--filter", "tenth=3")...),
		process(with("--filter", fmt.Sprint("topic>=", l.n/rowsPerTopic/2))...))
	if err != nil {
		return err
	}
	l.shotRow("exact", took[0], start[0], exactShot)
	l.shotRow("by lists", took[1], start[0], listsShot)
	l.shotRow("filter for a tenth of the rows", took[2], start[0], 0)
	l.shotRow("filter for the smaller half of the topics", took[3], start[0], 0)
	group, err := newMemoryGroup(listsMemory)
	if err != nil {
		fmt.Fprintf(l.out, "\nNo searches in a memory cgroup: %v\n", err)
		return nil
	}
	return errors.Join(l.small(ctx, group, exact, listed, start[0]), group.remove())
}

// small measures searches in a cgroup, which has to hold what they leave in the page cache.
func (l *listed) small(ctx context.Context, group memoryGroup, exact, listed []string, start series) error {
	for _, shot := range []struct {
		name    string
		limit   time.Duration
		command []string
	}{{"exact", exactShot, exact}, {"by lists", listsShot, listed}} {
		in := process(group.command(shot.command...)...)
		if err := l.evict(ctx); err != nil {
			return err
		}
		warm, err := interleave(ctx, l.rounds, in)
		if err != nil {
			return err
		}
		cold, err := interleave(ctx, min(l.rounds, coldRounds), after(timed(l.evict), in))
		if err != nil {
			return err
		}
		l.shotRow(shot.name+", in 2 GiB", warm[0], start, shot.limit)
		l.shotRow(shot.name+", in 2 GiB, cold", cold[0], start, 0)
	}
	return nil
}

// coldRounds is how often a search with a cold cache is measured at most.
const coldRounds = 3

func (l *listed) shotRow(name string, shot, start series, limit time.Duration) {
	held := ""
	if limit > 0 {
		held = within(shot.median()-start.median(), limit)
	}
	l.row("search, "+name, fmt.Sprintf("%s (%s)", millis(shot.median()-start.median()), millis(shot.fastest()-start.median())), held,
		megabytes(shot.peak()), verdict(float64(shot.peak())/listsPeak), megabytes(shot.read()))
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
	exactly, byLists, err := l.bytes(ctx)
	if err != nil {
		return err
	}
	ofVectors, ofCodes := exactly/float64(l.n*dim*vector.Size), byLists/exactly
	l.row("recall@10 of questions that did not tune", fmt.Sprintf("%.4f [%.4f, %.4f]", exact.Recall.Value, exact.Recall.Low, exact.Recall.High), verdict(listsRecall/exact.Recall.Value))
	l.row(fmt.Sprintf("bytes read for one of %d of these questions, by lists ÷ exact", bytesAsked), fmt.Sprintf("%.3f", ofCodes), verdict(ofCodes/listsBytes))
	l.row("the same, exact ÷ vectors", fmt.Sprintf("%.3f", ofVectors), verdict(ofVectors/codesBytes))
	return nil
}

// bytesAsked is how many questions tell how many bytes a search reads.
const bytesAsked = 20

// bytes is how many bytes one search reads, from its start to its answer, exact and by lists: means of
// questions that did not tune.
func (l *listed) bytes(ctx context.Context) (exactly, byLists float64, err error) {
	c, x, file := l.unknown(), make([]float32, dim), filepath.Join(l.data, "query.bytes")
	exact := []string{"search-vector", "--store", l.dir, "-k", "10", "--json", "--binary", "f32", "@" + file}
	for range bytesAsked {
		c.vector(x, questionFar)
		if err := os.WriteFile(file, vector.Bytes(x), 0o666); err != nil {
			return 0, 0, err
		}
		for total, args := range map[*float64][]string{&exactly: exact, &byLists: append(exact, "--recall", fmt.Sprint(listsRecall))} {
			s, err := l.command(args...)(ctx)
			if err != nil {
				return 0, 0, err
			}
			*total += float64(s.Asked) / bytesAsked
		}
	}
	return exactly, byLists, nil
}

// unknown makes the questions that the lists were not made with.
func (l *listed) unknown() *clustered {
	c, x := newClustered(questionsSeed, l.n), make([]float32, dim)
	for range listsTuned {
		c.vector(x, questionFar)
	}
	return c
}
