//go:build !race

// Not under the race detector: these tests look at what another process left on
// the disk, and that process would be ten times slower.

package ingest_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/killtest"
	"sheaf/internal/store"
)

// killPoints is how many different write steps are killed at least.
const killPoints = 200

// TestKill kills an ingest with SIGKILL before each of its system calls that
// write, in turn, and reopens the store: it holds the old state or the new one,
// and the next ingest completes it.
func TestKill(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	project := filepath.Join(work, "project")
	writeTree(t, project, 1)
	ingestHere(t, project)
	before := documents(t, project)
	writeTree(t, project, 2)
	reference := filepath.Join(work, "reference")
	copyTree(t, project, reference)
	ingestHere(t, reference)
	after := documents(t, reference)
	if cmp.Equal(before, after) {
		t.Fatal("the two states do not differ")
	}

	var next, killed atomic.Int64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for !t.Failed() {
				point := next.Add(1)
				dir := filepath.Join(work, fmt.Sprint("run", point))
				copyTree(t, project, dir)
				done := ingestKilled(t, dir, point)
				got := documents(t, dir)
				if done {
					if diff := cmp.Diff(after, got); diff != "" {
						t.Errorf("undisturbed: %s", diff)
					}
					return
				}
				killed.Add(1)
				if !cmp.Equal(before, got) && !cmp.Equal(after, got) {
					t.Errorf("killed before write step %d: neither the old state nor the new one: %s", point, cmp.Diff(after, got))
				}
				ingestHere(t, dir)
				if diff := cmp.Diff(after, documents(t, dir)); diff != "" {
					t.Errorf("the ingest after a kill before write step %d: %s", point, diff)
				}
				if err := os.RemoveAll(dir); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if n := killed.Load(); n < killPoints {
		t.Errorf("only %d write steps were killed, of at least %d", n, killPoints)
	}
	t.Logf("killed before each of %d write steps", killed.Load())
}

// TestKillCreation does the same to the ingest that creates a store: there is
// no store, an empty one, or the whole.
func TestKillCreation(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	for point := int64(1); ; point++ {
		dir := filepath.Join(work, fmt.Sprint(point))
		writeTree(t, dir, 0)
		done := ingestKilled(t, dir, point)
		s, err := store.Open(t.Context(), filepath.Join(dir, ".sheaf"), store.Options{})
		if err == nil {
			s.Close()
			if got := len(documents(t, dir)); got != 0 && got != 3 {
				t.Errorf("killed before write step %d: %d documents of 3", point, got)
			}
		} else if !errors.Is(err, store.ErrNotExist) {
			t.Errorf("killed before write step %d: %v", point, err)
		}
		ingestHere(t, dir)
		if got := len(documents(t, dir)); got != 3 {
			t.Errorf("the ingest after a kill before write step %d leaves %d documents of 3", point, got)
		}
		if done {
			return
		}
	}
}

// ingestKilled runs an ingest in another process and kills it before its
// system call number point that writes below dir. It returns true when the
// process came to its end before that.
func ingestKilled(t *testing.T, dir string, point int64) (done bool) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	killed, err := killtest.Run(cmd, dir, point)
	if err != nil {
		t.Errorf("the ingest failed: %v: %s", err, stderr.String())
	}
	return !killed
}
