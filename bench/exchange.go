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
	"syscall"
	"time"
)

// exchangeRounds is how often a folder is read and written at most.
const exchangeRounds = 3

// Bounds of import and export beside load_local and save_local, and of the
// memory of an import in bytes.
const (
	importTimes  = 1.6
	exportTimes  = 1.0
	importMemory = 400e6
)

// exchange measures the import and export of a folder of LangChain's beside
// its own load_local and save_local, which are timed without their imports.
func (b *bench) exchange(ctx context.Context) (err error) {
	python, err := b.langchainPython(ctx)
	if err != nil {
		fmt.Fprintf(b.out, "\nNo comparison with LangChain: %v\n", err)
		return nil
	}
	folder := filepath.Join(b.data, "langchain-"+strconv.Itoa(large))
	if err := makeFolder(ctx, python, folder, large); err != nil {
		return err
	}
	dir, out, saved := filepath.Join(b.data, "imported"), filepath.Join(b.data, "exported"), filepath.Join(b.data, "saved")
	defer func() { err = errors.Join(err, os.RemoveAll(dir), os.RemoveAll(out), os.RemoveAll(saved)) }()
	contenders := []contender{
		onQuietDisk(afresh(dir, b.command("import", "--store", dir, "--quiet", folder))),
		onQuietDisk(storePeer(python, "load", folder)),
		onQuietDisk(afresh(out, b.command("export", "--store", dir, "--quiet", "--format", "langchain", out))),
		onQuietDisk(afresh(saved, storePeer(python, "save", folder, saved))),
	}
	older := filepath.Join(b.data, "imported-before")
	defer func() { err = errors.Join(err, os.RemoveAll(older)) }()
	for _, sheaf := range b.before {
		contenders = append(contenders, onQuietDisk(afresh(older, process(sheaf, "import", "--store", older, "--quiet", folder))))
	}
	took, err := interleave(ctx, min(b.rounds, exchangeRounds), contenders...)
	if err != nil {
		return err
	}
	if n, err := documents(ctx, dir); err != nil || n != large {
		return errors.Join(err, fmt.Errorf("%d documents were imported, not %d", n, large))
	}
	row := func(what string, s, peer series, times float64) []string {
		return []string{what, s.String(), shareOf(s, peer, times), megabytes(s.peak())}
	}
	rows := [][]string{
		{"run", "time", "÷ LangChain's", "peak memory"},
		row("`sheaf import`", took[0], took[1], importTimes),
		{"`load_local`", took[1].String(), "1.00", megabytes(took[1].peak())},
		row("`sheaf export`", took[2], took[3], exportTimes),
		{"`save_local`", took[3].String(), "1.00", megabytes(took[3].peak())},
	}
	for i, sheaf := range b.before {
		s := took[4+i]
		rows = append(rows, []string{"`import` of " + filepath.Base(sheaf), s.String(), shareOf(s, took[1], 0), megabytes(s.peak())})
	}
	b.table(fmt.Sprintf("A folder of LangChain's with %d documents, dim %d:", large, dim), rows)
	fmt.Fprintf(b.out, "\nMemory of the import: %.2f of its limit of %s.\n", float64(took[0].peak())/importMemory, megabytes(importMemory))
	return nil
}

// onQuietDisk has a contender wait, before its time counts, until the disk has
// what the one before it wrote: not all of them sync.
func onQuietDisk(measure contender) contender {
	return func(ctx context.Context) (sample, error) {
		syscall.Sync()
		return measure(ctx)
	}
}

// langchainPython is a Python with LangChain.
func (b *bench) langchainPython(ctx context.Context) (string, error) {
	return b.venv(ctx, "venv-service", "langchain_community, langchain_openai, faiss", "langchain-community", "langchain-openai", "faiss-cpu")
}

// makeFolder has LangChain save a folder of documents, where that was not done yet.
func makeFolder(ctx context.Context, python, folder string, documents int) error {
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	fmt.Fprintf(os.Stderr, "bench: having LangChain save %d documents\n", documents)
	half := folder + ".part"
	c := exec.CommandContext(ctx, python, "-W", "ignore", filepath.Join("bench", "store_peer.py"), "make", half, strconv.Itoa(documents), strconv.Itoa(dim))
	c.Stderr = os.Stderr
	if err := errors.Join(os.RemoveAll(half), c.Run()); err != nil {
		return err
	}
	return os.Rename(half, folder)
}

// storePeer makes a contender of what store_peer.py measures of itself.
func storePeer(python string, args ...string) contender {
	return func(ctx context.Context) (s sample, err error) {
		c := exec.CommandContext(ctx, python, append([]string{"-W", "ignore", filepath.Join("bench", "store_peer.py")}, args...)...)
		out, err := c.Output()
		if err != nil {
			return s, fmt.Errorf("%v: %w", c.Args, err)
		}
		var took struct {
			Seconds float64
			Peak    int64
		}
		err = json.Unmarshal(out, &took)
		return sample{Wall: time.Duration(took.Seconds * float64(time.Second)), Peak: took.Peak}, err
	}
}
