package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
