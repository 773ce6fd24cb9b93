//go:build !race

// Not under the race detector: this test looks at what processes leave on the disk.

package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/faulttest"
	"sheaf/internal/store"
)

// allFaults is the environment variable that makes TestFaults try each fault, not
// a sample.
const allFaults = "SHEAF_TEST_ALL_FAULTS"

const (
	faultPoints = 150 // of each call in a run, at most
	sampleStep  = 37  // of the sample: each so manyth fault, and all of rename
)

// TestFaults lets each system call on the files of a run fail, one after another,
// in several ways. The run then fails, or has done its work; the store and what was
// exported are in their old state or in the new one, and sound; and the same run
// without a fault leads to the new state.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, c := range faultCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			newFaults(t, c).run()
		})
	}
}

// faultCase is a run of the program. In its arguments DIR is a folder of its own.
type faultCase struct {
	name    string
	prepare [][]string // the runs before it, or a file to write: its name, first record, records
	args    []string
	output  []string // files that it writes beside the store
}

var (
	ingestText = []string{"ingest", "--quiet", "--prune", "--embedder", "none", "--dimensions", "3", "DIR/text"}
	threeFull  = [][]string{{"text/a.jsonl", "0", "8"}, {"text/b.jsonl", "10", "18"}, {"text/c.jsonl", "20", "28"}, ingestText, {"delete", "id-20", "id-21"}}
)

var faultCases = []faultCase{
	{
		name:    "ingest",
		prepare: append(threeFull, []string{"text/b.jsonl", "14", "20"}, []string{"text/d.jsonl", "30", "38"}, []string{"text/a.jsonl"}),
		args:    ingestText,
	},
	{
		name:    "ingest into a new store",
		prepare: [][]string{{"text/a.jsonl", "0", "8"}},
		args:    ingestText,
	},
	{
		name:    "delete",
		prepare: threeFull,
		args:    []string{"delete", "--ignore-missing", "id-1", "id-2", "id-25"},
	},
	{
		name:    "compact",
		prepare: threeFull,
		args:    []string{"compact"},
	},
	{
		name: "merge",
		prepare: append(threeFull, []string{"text/b.jsonl", "14", "20"}, []string{"text/d.jsonl", "30", "38"},
			append(ingestText, "--store", "DIR/other")),
		args: []string{"merge", "--on-conflict", "replace", "DIR/other"},
	},
	{
		name:    "merge into a new store",
		prepare: [][]string{{"text/a.jsonl", "0", "8"}, append(ingestText, "--store", "DIR/other")},
		args:    []string{"merge", "DIR/other"},
	},
	{
		name:    "import",
		prepare: append(threeFull, []string{"more.jsonl", "30", "38"}),
		args:    []string{"import", "DIR/more.jsonl"},
	},
	{
		name:    "import into a new store",
		prepare: [][]string{{"more.jsonl", "30", "38"}},
		args:    []string{"import", "DIR/more.jsonl"},
	},
	exportCase("jsonl", "out/all.jsonl"),
	exportCase("npy", "out/vectors.jsonl", "out/vectors.npy"),
	exportCase("langchain", "out/index.faiss", "out/index.pkl"),
	exportCase("bytes", "out/all.bytes"),
}

// exportCase writes files in the place of those of an earlier export.
func exportCase(format string, output ...string) faultCase {
	to := "DIR/out"
	if len(output) == 1 {
		to = "DIR/" + output[0]
	}
	args := []string{"export", "--format", format, to}
	return faultCase{
		name:    "export " + format,
		prepare: append(threeFull, []string{"out/made"}, args, []string{"delete", "id-1"}),
		args:    args,
		output:  output,
	}
}

// faults is a case on its way.
type faults struct {
	faultCase
	t             *testing.T
	self          string // the program
	root          string // of all folders
	old           string // the folder as it is before the run
	before, after string // states

	mu    sync.Mutex
	tally map[string]int // of faults, by what became of the run
}

func newFaults(t *testing.T, c faultCase) *faults {
	f := &faults{faultCase: c, t: t, root: faulttest.MemoryDir(t), tally: map[string]int{}}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f.self, f.old = filepath.Join(f.root, "sheaf"), filepath.Join(f.root, "old")
	if err := os.Symlink(self, f.self); err != nil {
		t.Fatal(err)
	}
	for _, step := range f.prepare {
		if filepath.Ext(step[0]) != "" || strings.Contains(step[0], "/") {
			f.write(step)
		} else if code, out := f.here(f.old, step); code != 0 {
			t.Fatalf("%q: exit code %d: %s", step, code, out)
		}
	}
	return f
}

// write writes a file of records, removes it, or makes its folder.
func (f *faults) write(step []string) {
	path := filepath.Join(f.old, step[0])
	err := os.MkdirAll(filepath.Dir(path), 0o777)
	if len(step) == 1 {
		if gone := os.Remove(path); !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	} else if err == nil {
		var lines strings.Builder
		var first, end int
		if _, err := fmt.Sscan(step[1]+" "+step[2], &first, &end); err != nil {
			f.t.Fatal(err)
		}
		for i := first; i < end; i++ {
			fmt.Fprintf(&lines, `{"id": "id-%d", "text": "text %d", "metadata": {"n": %d}, "vector": [%d, 1, %d]}`+"\n", i, i, i%3, i, i*i)
		}
		err = os.WriteFile(path, []byte(lines.String()), 0o666)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// arguments completes those of a run in a folder.
func (f *faults) arguments(dir string, args []string) (all []string) {
	all = onStore(filepath.Join(dir, ".sheaf"), args)
	for i, a := range all {
		all[i] = strings.ReplaceAll(a, "DIR", dir)
	}
	return all
}

// onStore completes the arguments of a verb, which may name another store.
func onStore(path string, args []string) []string {
	settings := []string{args[0], "--config", os.DevNull}
	if !slices.Contains(args, "--store") {
		settings = append(settings, "--store", path)
	}
	return append(settings, args[1:]...)
}

// here runs the program in this process.
func (f *faults) here(dir string, args []string) (code int, output string) {
	s, out, errs := recorded("")
	code = Main(f.t.Context(), f.arguments(dir, args), s)
	// Sources keep the names that they had when they came.
	return code, strings.NewReplacer(dir, "DIR", f.old, "DIR").Replace(out.String() + errs.String())
}

// command is the run in a process of its own, which may not take for ever.
func (f *faults) command(dir string) (cmd *exec.Cmd, stderr *strings.Builder) {
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	f.t.Cleanup(cancel)
	cmd, stderr = exec.CommandContext(ctx, f.self, f.arguments(dir, f.args)...), new(strings.Builder)
	cmd.Env = append(os.Environ(), scrubbed(dir)...)
	cmd.Dir, cmd.Stderr = dir, stderr
	return cmd, stderr
}

// state is what a folder holds: what can be seen of the store and of the output.
func (f *faults) state(dir string) string {
	var all strings.Builder
	for _, args := range [][]string{{"list", "--jsonl", "--with-vectors"}, {"list", "--sources", "--jsonl"}} {
		code, out := f.here(dir, args)
		if code == exitNoStore { // as good as an empty one
			break
		}
		// Sorted: an input that was read in a later run comes later.
		lines := slices.Sorted(strings.Lines(out))
		if fmt.Fprint(&all, strings.Join(lines, "")); code != 0 {
			fmt.Fprintf(&all, "exit code %d", code)
		}
	}
	for i, name := range f.output {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) && i > 0 {
			return "unfinished" // the other files do not count without the last
		}
		fmt.Fprintf(&all, "%s: %q %v\n", name, b, err)
	}
	return all.String()
}

// problems are those of the store, other than what the next writer removes.
func (f *faults) problems(dir string, leftovers bool) (all []string) {
	// A process that is just being started for another test has this one's lock for a moment.
	problems, err := store.Check(f.t.Context(), filepath.Join(dir, ".sheaf"), engine.Options{LockTimeout: time.Minute})
	if err != nil && !errors.Is(err, engine.ErrNotExist) {
		all = append(all, err.Error())
	}
	for _, p := range problems {
		if !leftovers || p.Kind != store.ProblemLeftover {
			all = append(all, p.Kind+": "+p.Path+": "+p.Message)
		}
	}
	return all
}

func (f *faults) copy(name string) string {
	dir := filepath.Join(f.root, name)
	if err := os.CopyFS(dir, os.DirFS(f.old)); err != nil {
		f.t.Error(err)
	}
	return dir
}

func (f *faults) run() {
	calls := f.undisturbed()
	todo := make(chan faulttest.Fault)
	var workers sync.WaitGroup
	for i := range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for fault := range todo {
				f.try(fault, fmt.Sprint("fault", i))
			}
		})
	}
	for _, fault := range faultsOf(calls) {
		todo <- fault
	}
	close(todo)
	workers.Wait()
	for _, outcome := range slices.Sorted(maps.Keys(f.tally)) {
		f.t.Logf("%5d %s", f.tally[outcome], outcome)
	}
}

// undisturbed finds out to which state the run leads, and its system calls.
func (f *faults) undisturbed() map[string]int {
	f.before = f.state(f.old)
	dir := f.copy("undisturbed")
	cmd, stderr := f.command(dir)
	calls, err := faulttest.Count(cmd, dir)
	if errors.Is(err, faulttest.ErrNotAllowed) {
		f.t.Skip(err)
	}
	if err != nil {
		f.t.Fatalf("undisturbed: %v: %s", err, stderr)
	}
	f.after = f.state(dir)
	if all := f.problems(dir, false); f.before == f.after && f.name != "compact" || all != nil {
		f.t.Fatalf("the undisturbed run changes nothing, or leaves %q", all)
	}
	return calls
}

// errnosOf are the errors that a system call is made to fail with.
func errnosOf(call string) []syscall.Errno {
	switch call {
	case "pread64": // SQLite takes EIO for damage, and ends the transaction for others
		return []syscall.Errno{syscall.EIO, syscall.ESTALE}
	case "read", "getdents64", "stat", "mkdir":
		return []syscall.Errno{syscall.EIO}
	}
	return []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EINTR}
}

// faultsOf are the faults that are tried in a run that makes so many calls: each
// call fails alone; it fails like all that follow; and it fails although it did
// what it should.
func faultsOf(calls map[string]int) (all []faulttest.Fault) {
	for _, call := range slices.Sorted(maps.Keys(calls)) {
		for first := range min(calls[call], faultPoints) {
			first++
			for _, errno := range errnosOf(call) {
				all = append(all, faulttest.Fault{Call: call, Errno: errno, First: first, Last: first})
				if errno != syscall.EINTR { // after which programs try again, for ever
					all = append(all, faulttest.Fault{Call: call, Errno: errno, First: first, Last: math.MaxInt})
				}
			}
			if call == "rename" || call == "unlink" || call == "fsync" {
				all = append(all, faulttest.Fault{Call: call, Errno: syscall.EIO, First: first, Last: first, Late: true})
			}
		}
	}
	if os.Getenv(allFaults) != "" {
		return all
	}
	var sample []faulttest.Fault
	for i, fault := range all {
		if i%sampleStep == 0 || fault.Call == "rename" { // the commits, which are few
			sample = append(sample, fault)
		}
	}
	return sample
}

// try runs with one fault and looks at what that leaves.
func (f *faults) try(fault faulttest.Fault, name string) {
	dir := f.copy(name)
	defer os.RemoveAll(dir)
	cmd, stderr := f.command(dir)
	failed, code, err := faulttest.Fail(cmd, dir, fault)
	what := fmt.Sprintf("%s %d to %d (late: %v) fails with %d (%v), exit code %d, %s",
		fault.Call, fault.First, fault.Last, fault.Late, int(fault.Errno), fault.Errno, code, stderr)
	if err != nil {
		f.t.Errorf("%s: %v", what, err)
		return
	}
	if fault.Call == "fsync" && fault.Last == math.MaxInt && failed > 0 && code == 0 {
		f.t.Errorf("%s: nothing can be synced, and it succeeds", what)
	}
	outcome := f.judge(dir, what, code, stderr.String())
	if failed == 0 {
		outcome = "not met"
	}
	f.mu.Lock()
	f.tally[fault.Call+": "+outcome]++
	f.mu.Unlock()
	f.again(dir, what)
}

// judge looks at what a run that something went wrong in has left.
func (f *faults) judge(dir, what string, code int, stderr string) (outcome string) {
	if code < 0 || strings.Contains(stderr, "goroutine ") || code > 0 && !strings.Contains(stderr, "sheaf: ") {
		f.t.Errorf("%s: it crashed", what)
	}
	state := f.state(dir)
	partial := code == exitPartial || strings.Contains(stderr, "sheaf: failed: ")
	if state != f.after && !partial && (code == 0 || state != f.before && state != "unfinished") {
		f.t.Errorf("%s: neither the old nor the new state: %s", what, cmp.Diff(f.after, state))
	}
	if all := f.problems(dir, true); all != nil {
		f.t.Errorf("%s: it leaves %q", what, all)
	}
	switch {
	case code == 0:
		return "done"
	case partial:
		return "other inputs stored"
	case state == f.after:
		return fmt.Sprint("new state, exit code ", code)
	}
	return fmt.Sprint("old state, exit code ", code)
}

// again does the same run undisturbed.
func (f *faults) again(dir, what string) {
	if code, out := f.here(dir, f.args); code != 0 {
		f.t.Errorf("%s: the run after it: exit code %d: %s", what, code, out)
	}
	if state := f.state(dir); state != f.after {
		f.t.Errorf("%s: after the run after it: %s", what, cmp.Diff(f.after, state))
	}
	if all := f.problems(dir, false); all != nil {
		f.t.Errorf("%s: the run after it leaves %q", what, all)
	}
}
