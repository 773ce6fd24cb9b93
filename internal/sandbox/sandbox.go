// Package sandbox reads Faiss indexes that only the Faiss library can read, which trusts what it
// reads, in another process: this program, started with [Verb] and the file as its first extra
// descriptor, and with limits on memory and time. A crafted file that breaks the library breaks
// that process.
package sandbox

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"sheaf/internal/langchain"
)

// Verb is the first argument of the process. The others are the offset and the size of the index.
const Verb = "serve-index"

// file is the descriptor of the file in the process.
const file = 3

// The exit codes of the process.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// memoryFor returns the bytes that the process may take beside its own for an index of a size: the
// index and the decoded vectors, and room for the library.
func memoryFor(size int64) int64 { return 192<<20 + 2*size }

// timeFor returns the processor time that the process may take, and the time until its first byte:
// four seconds and one more for each 16 MB.
func timeFor(size int64) time.Duration {
	return time.Duration(4+size/(16<<20)) * time.Second
}

// Read starts the process for size bytes of f from offset on and returns its output, which is that
// of [langchain.Serve]. Its Close ends the process.
func Read(ctx context.Context, f *os.File, offset, size int64) (io.ReadCloser, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	c := exec.CommandContext(ctx, program, Verb, strconv.FormatInt(offset, 10), strconv.FormatInt(size, 10))
	c.Args[0] = os.Args[0] // the test binary acts by its name
	c.ExtraFiles = []*os.File{f}
	c.Env = append(os.Environ(), "GOMAXPROCS=2", "OMP_NUM_THREADS=1", "MALLOC_ARENA_MAX=1")
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return &output{ReadCloser: out, deadline: time.AfterFunc(timeFor(size), cancel), end: func() {
		cancel()
		_ = c.Wait() // a failed process is known by its output
	}}, nil
}

// output is the output of the process, which is killed where the first byte is late.
type output struct {
	io.ReadCloser
	deadline *time.Timer
	end      func()
}

func (o *output) Read(b []byte) (int, error) {
	n, err := o.ReadCloser.Read(b)
	o.deadline.Stop()
	return n, err
}

func (o *output) Close() error {
	o.deadline.Stop()
	o.end()
	return nil
}

// Main is the main function of the process. It returns the exit code.
func Main(args []string, out io.Writer) int {
	if len(args) != 2 {
		return exitUsage
	}
	offset, err1 := strconv.ParseInt(args[0], 10, 64)
	size, err2 := strconv.ParseInt(args[1], 10, 64)
	if err1 != nil || err2 != nil || offset < 0 || size < 0 {
		return exitUsage
	}
	f := os.NewFile(file, "index")
	if err := limit(memoryFor(size), timeFor(size)); err != nil {
		return exitFailed
	}
	if err := langchain.Serve(f, offset, size, out); err != nil {
		return exitFailed
	}
	return exitDone
}
