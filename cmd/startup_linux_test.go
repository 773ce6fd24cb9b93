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
	initMemory       = 48 << 10 // bytes that the initialisation of a package allocates
	initMilliseconds = 0.1      // that it takes, in the best of startRuns
	startRuns        = 10
)

// heavy are the packages whose initialisation may cost more.
var heavy = []string{
	"github.com/dlclark/regexp2/v2/syntax", // the classes of Unicode
}

// TestStart builds the binary as users do, and holds that it is static and what it does before it begins.
func TestStart(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "sheaf")
	build := exec.CommandContext(t.Context(), "make", "-C", "..", "build", "BINARY="+binary)
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

	most := mostFaults
	if mode, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil || bytes.Contains(mode, []byte("[never]")) {
		most = mostSmallFaults
	}
	faults, inits := most+1, map[string]initialisation{}
	for range startRuns {
		c := exec.CommandContext(t.Context(), binary, "version")
		c.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		var out, trace bytes.Buffer
		c.Stdout, c.Stderr = &out, &trace
		if err := c.Run(); err != nil {
			t.Fatalf("%v\n%s", err, &trace)
		}
		if !regexp.MustCompile(`(?m)^kernel +` + kernel.Chosen().String() + `$`).MatchString(out.String()) {
			t.Fatalf("sheaf version names another kernel than %s:\n%s", kernel.Chosen(), &out)
		}
		faults = min(faults, int(c.ProcessState.SysUsage().(*syscall.Rusage).Minflt))
		readInits(t, trace.String(), inits)
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
