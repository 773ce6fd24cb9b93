package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

// changed adds and deletes documents, and measures what is found then.
func (l *listed) changed(ctx context.Context) error {
	return errors.Join(l.change(ctx), l.recall(ctx))
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

// killed starts to make lists and kills that, at moments ever further from the start: after
// each, the store answers as it did before.
func (l *listed) killed(ctx context.Context) error {
	before, err := l.state(ctx)
	if err != nil {
		return err
	}
	kills := 0
	for late := listsBuild[l.n] / latestKill >> (killings - 1); kills < killings; late *= 2 {
		c := exec.CommandContext(ctx, l.sheaf, append([]string{"--quiet", "--store", l.dir}, l.tuning()...)...)
		if err := c.Start(); err != nil {
			return err
		}
		time.AfterFunc(late, func() { _ = c.Process.Kill() }) // Wait says whether it came too late
		var exit *exec.ExitError
		if err := c.Wait(); !errors.As(err, &exit) || exit.Exited() {
			return fmt.Errorf("not killed after %s: %w", late, err)
		}
		after, err := l.state(ctx)
		if err != nil {
			return err
		}
		if !bytes.Equal(before, after) {
			return fmt.Errorf("killed after %s, the store is another:\n%s\n%s", late, before, after)
		}
		kills++
	}
	l.row(fmt.Sprintf("%d times killed while it made lists", kills), "as before")
	return nil
}

// A making of lists is killed so many times, each time at twice the age; the oldest has this
// share of the time that it may take, one in so many.
const (
	killings   = 4
	latestKill = 10
)

// sizeOfStore is what info says of the files' sizes: a process that was killed leaves its name in the lock.
var sizeOfStore = regexp.MustCompile(`"bytes":\d+,`)

// state is what a store says of itself, but for its size, and its answers to a question.
func (l *listed) state(ctx context.Context) (all []byte, err error) {
	ask := []string{"search-vector", "--store", l.dir, "--json", "--binary", "f32", "@" + l.shot}
	for _, args := range [][]string{{"info", "--store", l.dir, "--json"}, ask, append(ask, "--recall", fmt.Sprint(listsRecall))} {
		out, err := exec.CommandContext(ctx, l.sheaf, args...).Output()
		if err != nil {
			return nil, fmt.Errorf("running sheaf %v: %w", args, err)
		}
		all = append(all, sizeOfStore.ReplaceAll(out, nil)...)
	}
	return all, nil
}

// exported writes the vectors as a NumPy matrix, which goes again.
func (l *listed) exported(ctx context.Context) (err error) {
	return l.meanwhile("exported", func(dir string) error {
		return l.verb(ctx, "`export` as a NumPy matrix", 0, "export", filepath.Join(dir, "vectors.npy"))
	})
}

// merged copies the store into a new one, which goes again.
func (l *listed) merged(ctx context.Context) (err error) {
	return l.meanwhile("merged", func(dir string) error {
		took, err := l.command("merge", "--quiet", "--store", filepath.Join(dir, "whole"), l.dir)(ctx)
		if err == nil {
			l.verbRow("`merge` into a new store", took, 0)
		}
		return err
	})
}

// meanwhile gives a function a folder that is there while it runs.
func (l *listed) meanwhile(name string, do func(dir string) error) (err error) {
	dir := filepath.Join(l.data, name)
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return errors.Join(os.MkdirAll(dir, 0o777), do(dir))
}

// compacted compacts the store, which makes the lists anew.
func (l *listed) compacted(ctx context.Context) error {
	return l.verb(ctx, "`compact`, with new lists", 0, "compact")
}
