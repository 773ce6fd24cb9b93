package cmd

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"sheaf/internal/langchain"
)

// An index of a type that the Faiss library has to read is read by a process of
// its own: this program, started again with serveIndexVerb, the file as its
// first extra descriptor, and limits on memory and time. Whatever a crafted
// file makes of the library ends there.
const serveIndexVerb = "serve-index"

// What that process may take, for an index of size bytes.
const (
	serveMemory     = 192 << 20 // beside twice the size: the index and what is made of it
	serveSeconds    = 4         // of processor time, and until it answers
	servePerSecond  = 16 << 20  // bytes that are read and decoded in a second, at least
	servedFile      = 3         // its descriptor
	serveArgs       = 2         // offset and size
	serveReadFailed = 1
)

func serveTime(size int64) time.Duration {
	return time.Duration(serveSeconds+size/servePerSecond) * time.Second
}

// serveIndex starts the process for a part of f and returns what it writes.
func serveIndex(ctx context.Context, f *os.File, offset, size int64) (io.ReadCloser, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	c := exec.CommandContext(ctx, program, serveIndexVerb, strconv.FormatInt(offset, 10), strconv.FormatInt(size, 10))
	c.Args[0] = os.Args[0] // a test's program does as it is called
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
	return &served{ReadCloser: out, late: time.AfterFunc(serveTime(size), cancel), end: func() {
		cancel()
		_ = c.Wait() // how it ended is known from what it wrote
	}}, nil
}

// served is the output of the process. It must begin in time.
type served struct {
	io.ReadCloser
	late *time.Timer
	end  func()
}

func (s *served) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	s.late.Stop()
	return n, err
}

func (s *served) Close() error {
	s.late.Stop()
	s.end()
	return nil
}

// runServeIndex is the process. It returns its exit code.
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
	if err := limitProcess(serveMemory+2*size, serveTime(size)); err != nil {
		return serveReadFailed
	}
	if err := langchain.Serve(f, offset, size, out); err != nil {
		return serveReadFailed
	}
	return exitOK
}
