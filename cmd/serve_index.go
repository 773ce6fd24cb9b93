package cmd

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"sheaf/internal/faiss"
	"sheaf/internal/langchain"
)

// An index that only the Faiss library can read is read in another process: this
// program, started with serveIndexVerb, the file as its first extra descriptor,
// and limits on memory and time. A crafted file that breaks the library breaks
// that process.
const serveIndexVerb = "serve-index"

// The limits of that process, for an index of size bytes, and its interface.
const (
	serveMemory     = 192 << 20 // bytes beside twice the size: the index and the decoded vectors
	serveSeconds    = 4         // of processor time and until the first byte, beside
	servePerSecond  = 16 << 20  // one second for so many bytes
	servedFile      = 3         // the descriptor of the file
	serveArgs       = 2         // offset and size
	serveReadFailed = 1         // the exit code of any error
)

func serveTime(size int64) time.Duration {
	return time.Duration(serveSeconds+size/servePerSecond) * time.Second
}

// serveIndex starts the process for a part of f and returns its output.
func serveIndex(ctx context.Context, f *os.File, offset, size int64) (io.ReadCloser, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	c := exec.CommandContext(ctx, program, serveIndexVerb, strconv.FormatInt(offset, 10), strconv.FormatInt(size, 10))
	c.Args[0] = os.Args[0] // the test binary acts by its name
	c.ExtraFiles = []*os.File{f}
	c.Env = append(os.Environ(), "GOMAXPROCS=2", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MALLOC_ARENA_MAX=1")
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return &served{ReadCloser: out, deadline: time.AfterFunc(serveTime(size), cancel), end: func() {
		cancel()
		_ = c.Wait() // a failed process is known by its output
	}}, nil
}

// served is the output of the process, which ends where the first byte is late.
type served struct {
	io.ReadCloser
	deadline *time.Timer
	end      func()
}

func (s *served) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	s.deadline.Stop()
	return n, err
}

func (s *served) Close() error {
	s.deadline.Stop()
	s.end()
	return nil
}

// runServeIndex is the main function of the process. It returns the exit code.
func runServeIndex(args []string, out io.Writer) int {
	if len(args) != serveArgs {
		return exitUsage
	}
	offset, err1 := strconv.ParseInt(args[0], 10, 64)
	size, err2 := strconv.ParseInt(args[1], 10, 64)
	if err1 != nil || err2 != nil || offset < 0 || size < 0 {
		return exitUsage
	}
	f := os.NewFile(servedFile, "index")
	faiss.LoadBLAS()
	if err := limitProcess(serveMemory+2*size, serveTime(size)); err != nil {
		return serveReadFailed
	}
	if err := langchain.Serve(f, offset, size, out); err != nil {
		return serveReadFailed
	}
	return exitOK
}
