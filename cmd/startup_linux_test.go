package cmd

import (
	"bytes"
	"debug/elf"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"sheaf/internal/kernel"
)

// What a start may cost. Page faults vary by a hundred with how the page cache holds the binary.
const (
	mostFaults       = 454      // of sheaf version
	mostSmallFaults  = 700      // of it, where the system gives no huge pages
	initMemory       = 32 << 10 // bytes that the initialisation of a package allocates
	initMilliseconds = 0.1      // that it takes, in the best of startRuns
	startRuns        = 10
)

// heavy are the packages whose initialisation may cost more.
var heavy = []string{
	"github.com/dlclark/regexp2/v2/syntax", // the classes of Unicode
}

// TestStart builds the binary as users do, and holds that it is static, knows its commit, and what it does before it begins.
func TestStart(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "sheaf")
	build := exec.CommandContext(t.Context(), "make", "-C", "..", "build", "BINARY="+binary)
	build.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil || bytes.Contains(out, []byte("warning:")) {
		t.Fatalf("make build: %v\n%s", err, out)
	}
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Error("the binary is not static")
	}

	commit, err := exec.CommandContext(t.Context(), "git", "rev-parse", "HEAD").Output()
	if out, _, _ := startedVersion(t, binary); err == nil && !strings.Contains(out, "\ncommit  "+strings.TrimSpace(string(commit))) {
		t.Errorf("sheaf version does not name the commit %s:\n%s", commit, out)
	}

	most := mostFaults
	if mode, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil || bytes.Contains(mode, []byte("[never]")) {
		most = mostSmallFaults
	}
	faults, inits := most+1, map[string]initialisation{}
	for range startRuns {
		out, trace, n := startedVersion(t, binary)
		if !regexp.MustCompile(`(?m)^kernel +` + kernel.Chosen().String() + `$`).MatchString(out) {
			t.Fatalf("sheaf version names another kernel than %s:\n%s", kernel.Chosen(), out)
		}
		faults = min(faults, n)
		readInits(t, trace, inits)
	}
	if faults > most {
		t.Errorf("sheaf version takes %d page faults, more than %d", faults, most)
	}
	for _, name := range slices.Sorted(maps.Keys(inits)) {
		if i := inits[name]; !slices.Contains(heavy, name) && (i.memory > initMemory || i.milliseconds > initMilliseconds) {
			t.Errorf("%s takes %v ms and %d bytes before main", name, i.milliseconds, i.memory)
		}
	}
}

// startedVersion runs sheaf version, and returns its answer, a line for each package that is
// initialised, and the number of page faults.
func startedVersion(t *testing.T, binary string) (answer, trace string, faults int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), binary, "version")
	c.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	return out.String(), errs.String(), int(c.ProcessState.SysUsage().(*syscall.Rusage).Minflt)
}

// initialisation is the least that the initialisation of a package took.
type initialisation struct {
	milliseconds float64
	memory       int
}

// initLine matches a line of GODEBUG=inittrace=1.
var initLine = regexp.MustCompile(`^init (\S+) @\S+ ms, (\S+) ms clock, (\d+) bytes, \d+ allocs$`)

func readInits(t *testing.T, trace string, least map[string]initialisation) {
	t.Helper()
	for line := range strings.Lines(trace) {
		m := initLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			t.Fatalf("not a line of inittrace: %q", line)
		}
		milliseconds, err1 := strconv.ParseFloat(m[2], 64)
		memory, err2 := strconv.Atoi(m[3])
		if err1 != nil || err2 != nil {
			t.Fatalf("not a line of inittrace: %q", line)
		}
		if before, ok := least[m[1]]; ok {
			milliseconds, memory = min(milliseconds, before.milliseconds), min(memory, before.memory)
		}
		least[m[1]] = initialisation{milliseconds, memory}
	}
	if len(least) == 0 {
		t.Fatal("no package is initialised")
	}
}
