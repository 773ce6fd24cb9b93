//go:build !race

// Not under the race detector: these tests look at what another process left on
// the disk, and that process would be ten times slower.

package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/faulttest"
	"sheaf/internal/store"
)

// killPoints is how many different write steps are looked at in each test at least.
const killPoints = 200

// TestKill takes, of an ingest in another process, a copy of the store before
// each of its system calls that write: what a SIGKILL at that point leaves. It
// holds the old state or the new one, and the next ingest completes it.
func TestKill(t *testing.T) {
	t.Parallel()
	killEverywhere(t, 2, childOptions(0))
}

// TestKillBetweenCommits does the same to an ingest that commits within its
// sources: each copy holds a state that a reader of an undisturbed ingest sees.
func TestKillBetweenCommits(t *testing.T) {
	t.Parallel()
	killEverywhere(t, 3, childOptions(100))
}

// killEverywhere is about the ingest that brings a project from version 1 to another.
func killEverywhere(t *testing.T, version int, commit string) {
	work := faulttest.MemoryDir(t)
	project := filepath.Join(work, "project")
	writeTree(t, project, 1)
	ingestHere(t, project)
	writeTree(t, project, version)
	reference := filepath.Join(work, "reference")
	copyTree(t, project, reference)
	states := observe(t, reference, commit)
	before, after := states[0], states[len(states)-1]
	if slices.Equal(before, after) {
		t.Fatal("the two states do not differ")
	}

	seen := make([]atomic.Int64, len(states))
	steps := snapshots(t, project, commit, func(step int, dir string) {
		got := documents(t, dir)
		state := slices.IndexFunc(states, func(s []string) bool { return slices.Equal(s, got) })
		if state < 0 {
			t.Errorf("killed before write step %d: none of %d states: %s", step, len(states), cmp.Diff(after, got))
			return
		}
		seen[state].Add(1)
		ingestHere(t, dir)
		if got := documents(t, dir); !slices.Equal(after, got) {
			t.Errorf("the ingest after a kill before write step %d: %s", step, cmp.Diff(after, got))
		}
	})
	if got := documents(t, project); !slices.Equal(after, got) {
		t.Errorf("the ingest that was watched: %s", cmp.Diff(after, got))
	}
	if steps < killPoints {
		t.Errorf("only %d write steps, of at least %d", steps, killPoints)
	}
	for i := range seen {
		if seen[i].Load() == 0 {
			t.Errorf("no kill left state %d of %d", i+1, len(states))
		}
	}
	t.Logf("%d write steps, %d states", steps, len(states))
}

// observe ingests a project and returns the states that a reader sees meanwhile.
func observe(t *testing.T, project, commit string) [][]string {
	t.Helper()
	states := [][]string{documents(t, project)}
	look := func() {
		if now := documents(t, project); !slices.Equal(now, states[len(states)-1]) {
			states = append(states, now)
		}
	}
	if _, err := run(t.Context(), project, watched{look: look}, optionsOf(commit)); err != nil {
		t.Fatal(err)
	}
	look()
	return states
}

// watched is an embedder that lets a reader look before each request.
type watched struct {
	hashed
	look func()
}

func (w watched) Embed(ctx context.Context, texts []string) (embed.Result, error) {
	w.look()
	return w.hashed.Embed(ctx, texts)
}

// TestKillCreation does the same to the ingest that creates a store: there is
// no store, an empty one, or the whole.
func TestKillCreation(t *testing.T) {
	t.Parallel()
	project := filepath.Join(faulttest.MemoryDir(t), "project")
	writeTree(t, project, 0)
	steps := snapshots(t, project, childOptions(0), func(step int, dir string) {
		s, err := store.Open(t.Context(), filepath.Join(dir, ".sheaf"), engine.Options{})
		if err == nil {
			s.Close()
			if got := len(documents(t, dir)); got != 0 && got != 3 {
				t.Errorf("killed before write step %d: %d documents of 3", step, got)
			}
		} else if !errors.Is(err, engine.ErrNotExist) {
			t.Errorf("killed before write step %d: %v", step, err)
		}
		ingestHere(t, dir)
		if got := len(documents(t, dir)); got != 3 {
			t.Errorf("the ingest after a kill before write step %d leaves %d documents of 3", step, got)
		}
	})
	t.Logf("%d write steps", steps)
}

// snapshot is a copy of a project before a write step.
type snapshot struct {
	step int
	dir  string
}

// snapshots ingests a project in another process and has each of the copies
// looked at: one for each system call of that process that writes below the
// project, as it was just before. There is one goroutine that writes; while it
// is held, nothing changes.
func snapshots(t *testing.T, project, commit string, look func(step int, dir string)) (steps int) {
	t.Helper()
	copies := make(chan snapshot)
	var lookers sync.WaitGroup
	defer lookers.Wait()
	defer close(copies)
	for range runtime.GOMAXPROCS(0) {
		lookers.Go(func() {
			for c := range copies {
				look(c.step, c.dir)
				if err := os.RemoveAll(c.dir); err != nil {
					t.Error(err)
				}
			}
		})
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+project, commitEnv+"="+commit)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err := faulttest.Watch(cmd, project, func() {
		steps++
		copies <- snapshot{steps, copyProject(t, project, fmt.Sprint(project, steps))}
	})
	if err != nil {
		t.Errorf("the ingest failed: %v: %s", err, stderr.String())
	}
	return steps
}

// copyProject copies the store of a project, and links to its texts.
func copyProject(t *testing.T, project, dir string) string {
	t.Helper()
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Error(err)
	}
	if err := os.Symlink(filepath.Join(project, "text"), filepath.Join(dir, "text")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(project, ".sheaf")); err == nil {
		copyTree(t, filepath.Join(project, ".sheaf"), filepath.Join(dir, ".sheaf"))
	}
	return dir
}
