package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// sample is what one run took.
type sample struct {
	Wall time.Duration
	CPU  time.Duration // of a process, in its own code and in the kernel's
	Peak int64         // resident bytes, of a process
	// Faults are the page faults of a process that needed no reading.
	Faults int64
	Read   int64 // bytes that a process had to get from the disk
	Asked  int64 // bytes that it asked the system for, from disk or memory; 0 where that is not counted
}

// series are the samples of one contender.
type series []sample

func (s series) walls() []time.Duration {
	walls := make([]time.Duration, len(s))
	for i := range s {
		walls[i] = s[i].Wall
	}
	slices.Sort(walls)
	return walls
}

func (s series) median() time.Duration  { return s.walls()[len(s)/2] }
func (s series) fastest() time.Duration { return s.walls()[0] }

// cpu is the median of the processor times.
func (s series) cpu() time.Duration {
	times := make([]time.Duration, len(s))
	for i := range s {
		times[i] = s[i].CPU
	}
	return median(times)
}

// peak is the largest of all: a bound on memory holds for every run.
func (s series) peak() int64 {
	return slices.MaxFunc(s, func(a, b sample) int { return int(a.Peak - b.Peak) }).Peak
}

// read is the median of the bytes from the disk.
func (s series) read() int64 {
	all := make([]int64, len(s))
	for i := range s {
		all[i] = s[i].Read
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// faults is the least number of page faults.
func (s series) faults() int64 {
	return slices.MinFunc(s, func(a, b sample) int { return int(a.Faults - b.Faults) }).Faults
}

// String gives the median, and the fastest in brackets.
func (s series) String() string { return millis(s.median()) + " (" + millis(s.fastest()) + ")" }

// contender is something that can be measured once.
type contender func(context.Context) (sample, error)

// interleave measures the contenders in turn, rounds times, after a round that
// warms the page cache and does not count.
func interleave(ctx context.Context, rounds int, contenders ...contender) ([]series, error) {
	results, err := turns(ctx, rounds+1, contenders...)
	for i := range results {
		results[i] = results[i][1:]
	}
	return results, err
}

// turns measures the contenders in turn, rounds times.
func turns(ctx context.Context, rounds int, contenders ...contender) ([]series, error) {
	results := make([]series, len(contenders))
	for range rounds {
		for i, measure := range contenders {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			s, err := measure(ctx)
			if err != nil {
				return nil, err
			}
			results[i] = append(results[i], s)
		}
	}
	return results, nil
}

// timed makes a contender of a function of this process.
func timed(f func(context.Context) error) contender {
	return func(ctx context.Context) (sample, error) {
		start := time.Now()
		err := f(ctx)
		return sample{Wall: time.Since(start)}, err
	}
}

// childVerb makes this program measure one command and print the sample. A
// process's peak memory counts from before its exec, where it still shares the
// memory of the one that started it: so that one must be small, and this
// program is not.
const childVerb = "child"

func child(ctx context.Context, command []string, out io.Writer) error {
	// The first process that a Go program starts takes longer: it finds out
	// what the kernel can do.
	if err := exec.CommandContext(ctx, "true").Run(); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Stderr = os.Stderr
	before := asked()
	start := time.Now()
	if err := c.Run(); err != nil {
		return fmt.Errorf("%v: %w", command, err)
	}
	s := sample{Wall: time.Since(start), CPU: c.ProcessState.UserTime() + c.ProcessState.SystemTime()}
	s.Asked = asked() - before
	if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.Peak, s.Faults, s.Read = usage.Maxrss*maxrssUnit(), usage.Minflt, usage.Inblock*diskBlock
	}
	return json.NewEncoder(out).Encode(s)
}

// asked is how many bytes this process and those that it waited for asked for; 0 where there is no proc(5).
func asked() (bytes int64) {
	counters, _ := os.ReadFile("/proc/self/io")
	_, _ = fmt.Sscanf(string(counters), "rchar: %d", &bytes)
	return bytes
}

// diskBlock is what getrusage counts reads in, on Linux.
const diskBlock = 512

// maxrssUnit is what getrusage counts in: bytes on macOS, KiB elsewhere.
func maxrssUnit() int64 {
	if runtime.GOOS == "darwin" {
		return 1
	}
	return 1 << 10
}

// command makes a contender of a run of sheaf, from its start to its end.
func (b *bench) command(args ...string) contender {
	return process(append([]string{b.sheaf}, args...)...)
}

// process makes a contender of a run of any program, from its start to its end.
func process(command ...string) contender {
	return func(ctx context.Context) (s sample, err error) {
		self, err := os.Executable()
		if err != nil {
			return s, err
		}
		c := exec.CommandContext(ctx, self, append([]string{childVerb}, command...)...)
		c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) } // it ends the program, which a kill would leave
		c.Stderr = os.Stderr
		out, err := c.Output()
		if err != nil {
			return s, fmt.Errorf("measuring %v: %w", command, err)
		}
		return s, json.Unmarshal(out, &s)
	}
}
