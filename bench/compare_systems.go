package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/store"
	"sheaf/internal/vector"
)

const (
	comparePeer     = "compare_peer.py"
	comparePackages = "compare_requirements.txt"
)

// settled is how long the threads of one system may go on waiting for work before the next
// one is asked.
const settled = 50 * time.Millisecond

// system is one of those that are compared.
type system struct {
	name  string // as compare_peer.py knows it
	title string // before its version
	kind  string // what a search looks at
	keeps string

	version string
	missing string // why it was not measured; empty where it was
}

const (
	wholeDocuments = "documents"
	onlyVectors    = "vectors"
)

// systems are all of them. sheaf is the first, which others are compared with.
func systems() []*system {
	return []*system{
		{name: "sheaf", title: "sheaf", kind: "exact", keeps: wholeDocuments},
		{name: "numpy", title: "NumPy", kind: "exact", keeps: onlyVectors},
		{name: "faiss", title: "faiss-cpu, flat", kind: "exact", keeps: onlyVectors},
		{name: "faiss-hnsw", title: "faiss-cpu, HNSW", kind: "graph", keeps: onlyVectors},
		{name: "usearch", title: "usearch", kind: "graph", keeps: onlyVectors},
		{name: "lancedb", title: "LanceDB", kind: "exact", keeps: wholeDocuments},
		{name: "sqlite-vec", title: "sqlite-vec", kind: "exact", keeps: wholeDocuments},
		{name: "langchain", title: "LangChain, FAISS", kind: "exact", keeps: wholeDocuments},
	}
}

// environment makes the Python that the others run in, and finds out which of them it has.
func (c *comparer) environment(ctx context.Context) error {
	list, err := os.ReadFile(filepath.Join("bench", comparePackages))
	if err != nil {
		return err
	}
	packages := strings.Fields(string(list))
	c.python, err = c.venv(ctx, "venv-compare", "numpy", packages[0])
	if err != nil {
		return err
	}
	done := filepath.Join(c.data, "venv-compare", comparePackages)
	if installed, err := os.ReadFile(done); err != nil || string(installed) != string(list) {
		for _, name := range packages {
			// One by one, so that a package that is not to be had leaves out one system.
			if err := quietly(ctx, c.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", name); err != nil {
				fmt.Fprintf(os.Stderr, "bench: %s cannot be installed\n", name)
			}
		}
		if err := os.WriteFile(done, list, 0o666); err != nil {
			return err
		}
	}
	for _, s := range c.systems[1:] {
		out, err := exec.CommandContext(ctx, c.python, c.peer(s, "version")[1:]...).Output()
		s.version = strings.TrimSpace(string(out))
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			lines := strings.Split(strings.TrimSpace(string(failed.Stderr)), "\n")
			s.missing = lines[len(lines)-1]
		} else if err != nil {
			return err
		}
	}
	return nil
}

// peer is a command that has another system do something.
func (c *comparer) peer(s *system, args ...string) []string {
	return append([]string{c.python, "-W", "ignore", filepath.Join("bench", c.script), s.name}, args...)
}

// answerer answers one query or all within a process that goes on.
type answerer interface {
	ask(line string) contender
	stop() error
}

// running is an answerer that is started when it is first asked.
type running struct {
	start func() (answerer, error)
	is    answerer
}

func (r *running) ask(line string) contender {
	return func(ctx context.Context) (s sample, _ error) {
		if r.is == nil {
			is, err := r.start()
			if err != nil {
				return s, err
			}
			r.is = is
		}
		time.Sleep(settled)
		return r.is.ask(line)(ctx)
	}
}

func (r *running) stop() {
	if r.is != nil {
		if err := r.is.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
	}
}

func (c *comparer) start(ctx context.Context, s *system, folder, queries string) (answerer, error) {
	if s == c.systems[0] {
		return openSheaf(ctx, folder, queries)
	}
	command := c.peer(s, "serve", folder, queries)
	return launch(exec.CommandContext(ctx, command[0], command[1:]...))
}

// inProcess is a store of sheaf that is open in this program.
type inProcess struct {
	*store.Store
	queries [][]float32
}

func openSheaf(ctx context.Context, folder, queries string) (*inProcess, error) {
	raw, err := os.ReadFile(queries)
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, folder, engine.Options{})
	if err != nil {
		return nil, err
	}
	return &inProcess{s, slices.Collect(slices.Chunk(vector.FromBytes(raw), dim))}, nil
}

func (p *inProcess) ask(line string) contender {
	queries := p.queries
	if line == "one" {
		queries = queries[:1]
	}
	return timed(func(ctx context.Context) error {
		_, err := p.Search(ctx, queries, engine.SearchOptions{K: compareK})
		return err
	})
}

func (p *inProcess) stop() error { return p.Close() }
