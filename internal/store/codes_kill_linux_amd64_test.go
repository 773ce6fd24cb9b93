package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/faulttest"
	"sheaf/internal/store"
)

// growChild names the variable that makes this program add documents to a store with
// codes, for a test that interferes with it.
const growChild = "STORE_TEST_GROW_DIR"

// listChild names the variable that makes it put the codes in lists before.
const listChild = "STORE_TEST_LIST"

// growAsChild adds documents to a store, which it makes where it is missing, deletes some
// and compacts. Where there is a store "other" beside it, the documents are that one's.
func growAsChild(dir string) error {
	ctx := context.Background()
	w, err := store.OpenWriter(ctx, dir, engine.Options{})
	if errors.Is(err, engine.ErrNotExist) {
		w, err = store.Create(ctx, dir, codedFacts, engine.Options{})
	}
	if err != nil {
		return err
	}
	w.ForceCodes()
	if os.Getenv(listChild) != "" {
		if _, err := w.MakeLists(ctx, 0.9, engine.Moved, nil, 20); err != nil {
			return err
		}
	}
	other, err := store.Open(ctx, filepath.Join(filepath.Dir(dir), "other"), engine.Options{})
	if err == nil {
		_, err = mergeStores(ctx, w, []*store.Store{other}, engine.OnConflictSkip)
		err = errors.Join(err, other.Close())
	} else if errors.Is(err, engine.ErrNotExist) {
		_, err = importInto(ctx, w, transfers(codedRows(100, 150)...), engine.OnConflictSkip)
	}
	if err != nil {
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
// completes it. Once the codes are there already, once they are still to be made, and once
// the store is built, where they are made beside the indexes. One point in three is part of
// go test; SHEAF_TEST_ALL_FAULTS=1 takes them all.
func TestKilledWhileEncoding(t *testing.T) {
	coded, uncoded, empty := codedStore(t, 100), codedStore(t, 100), filepath.Join(t.TempDir(), ".sheaf")
	must(t, os.Remove(codesFile(t, uncoded)))
	execute(t, uncoded, `DELETE FROM sidecar`)
	w, err := store.Create(t.Context(), empty, codedFacts, engine.Options{})
	must(t, err)
	must(t, w.Close())
	for _, start := range []string{coded, uncoded, empty} {
		if seen := killed(t, start, 3); len(seen) < 2 {
			t.Errorf("rows with codes after a kill: %v", seen)
		}
	}
}

// The same for a writer that puts the codes in lists, and compacts, which makes these anew.
func TestKilledWhileListing(t *testing.T) {
	if seen := killed(t, codedStore(t, 100), 12, listChild+"=1"); len(seen) < 2 {
		t.Errorf("rows with codes after a kill: %v", seen)
	}
}

// killed kills growAsChild on copies of a store at each point that writes, or each so
// manyth. It returns how many rows had codes then.
func killed(t *testing.T, start string, step int64, env ...string) map[int64]int {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	if os.Getenv("SHEAF_TEST_ALL_FAULTS") != "" {
		step = 1
	}
	memory, err := os.MkdirTemp("/dev/shm", "sheaf") // its syncs take no time
	must(t, err)
	defer os.RemoveAll(memory)
	seen := map[int64]int{}
	for point := int64(1); ; point += step {
		dir := filepath.Join(memory, fmt.Sprint(point), ".sheaf")
		must(t, os.CopyFS(dir, os.DirFS(start)))
		cmd := exec.Command(self)
		cmd.Env = slices.Concat(os.Environ(), []string{growChild + "=" + dir}, env)
		killed, err := faulttest.Kill(cmd, dir, point)
		if errors.Is(err, os.ErrPermission) {
			t.Skipf("ptrace is not allowed here: %v", err)
		}
		must(t, err)
		seen[stillExact(t, dir, fmt.Sprint("killed at ", point))]++
		if !killed {
			return seen
		}
	}
}

// stillExact looks at a store that something went wrong in: a search by the codes that it
// has is exact, nothing is wrong with it but leftovers and codes that are not there, and the
// next writer makes all codes.
// It returns how many rows had some.
func stillExact(t *testing.T, dir, what string) (rows int64) {
	t.Helper()
	if diff := cmp.Diff(plainAnswers(t, dir), answersOf(t, dir)); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
	if got := kinds(t, dir); slices.ContainsFunc(got, func(kind string) bool { return kind != store.ProblemLeftover && kind != store.ProblemSlow }) {
		t.Errorf("%s: problems of the kinds %q", what, got)
	}
	rows = codesOf(t, dir)
	grow(t, dir, 150, 200)
	if info, err := open(t, dir).Info(t.Context()); err != nil || info.CodedRows != (info.Documents+info.DeadRows)/16*16 {
		t.Errorf("%s, completed: %+v, %v", what, info, err)
	}
	if diff := cmp.Diff(plainAnswers(t, dir), answersOf(t, dir)); diff != "" {
		t.Errorf("%s, completed: %s", what, diff)
	}
	if got := kinds(t, dir); got != nil {
		t.Errorf("%s, completed: problems of the kinds %q", what, got)
	}
	return rows
}

// Each system call on the files of codes fails, alone or with all that follow, while a
// writer adds, imports or merges documents, deletes and compacts: searches are exact,
// whether it fails for that or not. One fault in five is part of go test;
// SHEAF_TEST_ALL_FAULTS=1 takes them all.
func TestFaultsWhileEncoding(t *testing.T) {
	t.Parallel()
	step := 5
	if os.Getenv("SHEAF_TEST_ALL_FAULTS") != "" {
		step = 1
	}
	for name, prepare := range map[string]func(root string) error{
		"further codes": func(root string) error { return os.Rename(codedStore(t, 100), filepath.Join(root, ".sheaf")) },
		"codes anew": func(root string) error {
			dir := codedStore(t, 100)
			return errors.Join(os.Truncate(codesFile(t, dir), 50), os.Rename(dir, filepath.Join(root, ".sheaf")))
		},
		"lists":                   func(root string) error { return os.Rename(codedStore(t, 100), filepath.Join(root, ".sheaf")) },
		"import into a new store": func(string) error { return nil },
		"merge": func(root string) error {
			return errors.Join(os.Rename(codedStore(t, 100), filepath.Join(root, ".sheaf")), os.Rename(codedStore(t, 130), filepath.Join(root, "other")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := t.TempDir()
			must(t, prepare(start))
			tried, failed := 0, 0
			files, lists := []string{"codes.1.sidecar", "codes.2.sidecar"}, ""
			if name == "lists" {
				files, lists = append(files, "lists.1.sidecar", "lists.2.sidecar"), listChild+"=1"
			}
			for _, file := range files {
				calls := map[string]int{}
				growBeside(t, start, file, func(cmd *exec.Cmd, file string) (err error) {
					cmd.Env = append(cmd.Env, lists)
					calls, err = faulttest.Count(cmd, file)
					return err
				})
				step := step
				if lists != "" {
					step *= 4
				}
				for i, fault := range encodingFaults(calls) {
					if i%step > 0 {
						continue
					}
					growBeside(t, start, file, func(cmd *exec.Cmd, file string) error {
						cmd.Env = append(cmd.Env, lists)
						_, code, err := faulttest.Fail(cmd, file, fault)
						if tried++; code != 0 {
							failed++
						}
						stillExact(t, filepath.Dir(file), fmt.Sprintf("%s: %+v, exit code %d", filepath.Base(file), fault, code))
						return err
					})
				}
			}
			if t.Logf("%d faults, of which %d made the run fail", tried, failed); failed == 0 || failed == tried {
				t.Error("the faults do not reach the codes")
			}
		})
	}
}

// growBeside runs growAsChild on the store of a copy of start, under f, which is given the
// path of a file of the store.
func growBeside(t *testing.T, start, file string, f func(cmd *exec.Cmd, file string) error) {
	t.Helper()
	root, err := os.MkdirTemp("/dev/shm", "sheaf") // its syncs take no time
	must(t, err)
	defer os.RemoveAll(root)
	must(t, os.CopyFS(root, os.DirFS(start)))
	dir := filepath.Join(root, ".sheaf")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), growChild+"="+dir)
	if err := f(cmd, filepath.Join(dir, file)); errors.Is(err, faulttest.ErrNotAllowed) {
		t.Skip(err)
	} else if err != nil {
		t.Error(err)
	}
}

// encodingFaults are the faults of so many calls on a file.
func encodingFaults(calls map[string]int) (all []faulttest.Fault) {
	for _, call := range slices.Sorted(maps.Keys(calls)) {
		for first := 1; first <= calls[call]; first++ {
			for _, last := range []int{first, math.MaxInt} {
				all = append(all, faulttest.Fault{Call: call, Errno: syscall.EIO, First: first, Last: last})
			}
		}
	}
	return all
}
