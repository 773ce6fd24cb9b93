package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/faulttest"
	"sheaf/internal/store"
)

// growChild names the variable that makes this program add documents to a store with
// codes, for a test that kills it.
const growChild = "STORE_TEST_GROW_DIR"

func growAsChild(dir string) error {
	ctx := context.Background()
	w, err := store.OpenWriter(ctx, dir, engine.Options{})
	if err != nil {
		return err
	}
	w.ForceCodes()
	if _, err := importInto(ctx, w, transfers(codedRows(100, 150)...), engine.OnConflictSkip); err != nil {
		return err
	}
	set, _, err := w.SelectIDs(ctx, []string{"id-5", "id-120"})
	if err == nil {
		err = w.Delete(ctx, set)
	}
	if err == nil {
		_, err = w.Compact(ctx)
	}
	if err != nil {
		return err
	}
	return w.Close()
}

// A writer that makes codes is killed before each of its system calls that write: a
// search by what is there is always exact, nothing is damaged, and the next writer
// completes it. Once the codes are there already, once they are still to be made. One
// point in three is part of go test; SHEAF_TEST_ALL_FAULTS=1 takes them all.
func TestKilledWhileEncoding(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	step := int64(3)
	if os.Getenv("SHEAF_TEST_ALL_FAULTS") != "" {
		step = 1
	}
	memory, err := os.MkdirTemp("/dev/shm", "sheaf") // its syncs take no time
	must(t, err)
	defer os.RemoveAll(memory)
	for _, coded := range []bool{true, false} {
		start := codedStore(t, 100)
		if !coded {
			must(t, os.Remove(codesFile(t, start)))
			execute(t, start, `DELETE FROM sidecar`)
		}
		seen := map[int64]int{}
		for point := int64(1); ; point += step {
			dir := filepath.Join(memory, fmt.Sprint(coded, point), ".sheaf")
			must(t, os.CopyFS(dir, os.DirFS(start)))
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), growChild+"="+dir)
			killed, err := faulttest.Kill(cmd, dir, point)
			if errors.Is(err, os.ErrPermission) {
				t.Skipf("ptrace is not allowed here: %v", err)
			}
			must(t, err)
			if diff := cmp.Diff(plainAnswers(t, dir), answersOf(t, dir)); diff != "" {
				t.Errorf("point %d: %s", point, diff)
			}
			if got := kinds(t, dir); len(got) > 0 && !slices.Equal(got, []string{store.ProblemLeftover}) {
				t.Errorf("point %d: problems of the kinds %q", point, got)
			}
			seen[codesOf(t, dir)]++
			grow(t, dir, 150, 200)
			if info, err := open(t, dir).Info(t.Context()); err != nil || info.CodedRows != (info.Documents+info.DeadRows)/16*16 {
				t.Errorf("point %d, completed: %+v, %v", point, info, err)
			}
			if diff := cmp.Diff(plainAnswers(t, dir), answersOf(t, dir)); diff != "" {
				t.Errorf("point %d, completed: %s", point, diff)
			}
			if got := kinds(t, dir); got != nil {
				t.Errorf("point %d, completed: problems of the kinds %q", point, got)
			}
			if !killed {
				break
			}
		}
		if len(seen) < 2 {
			t.Errorf("rows with codes after a kill: %v", seen)
		}
	}
}
