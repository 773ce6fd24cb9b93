package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/testscript"

	"sheaf/internal/embed/embedtest"
	"sheaf/internal/langchain/langchaintest"
	"sheaf/internal/postgres/pgtest"
	"sheaf/internal/weaviate/weaviatetest"
)

// server is that of the tests that need PostgreSQL; nil where there is none.
var server *pgtest.Server

// TestMain lets the test binary be sheaf for the scripts.
func TestMain(m *testing.M) {
	testscript.Main(weaviatetest.Tests{M: pgtest.Tests{M: m, Use: func(s *pgtest.Server) { server = s }}}, map[string]func(){
		"sheaf": func() {
			ctx, cancel := context.WithCancelCause(context.Background())
			awaited := make(chan struct{})
			go awaitSignal(ctx, cancel, func() { close(awaited) })
			<-awaited
			code := Main(ctx, os.Args[1:], Standard())
			cancel(nil)
			writePeak()
			os.Exit(code)
		},
		"stubborn": stubborn,
	})
}

// peakFile is the variable that names the file which a process writes its status
// to, with its peak of memory, before it ends. The peak that wait4 gives is at least
// that of the process which started it: they share memory until exec.
const peakFile = "SHEAF_TEST_PEAK"

func writePeak() {
	if path := os.Getenv(peakFile); path != "" {
		status, _ := os.ReadFile("/proc/self/status") // elsewhere than on Linux empty
		if err := os.WriteFile(path, status, 0o666); err != nil {
			panic(err)
		}
	}
}

// stubborn is a program that does not mind being cancelled.
func stubborn() {
	ctx, _ := interruptible(context.Background(), func() { fmt.Println("ready") })
	<-ctx.Done()
	fmt.Println(context.Cause(ctx))
	for {
		time.Sleep(time.Hour)
	}
}

// TestScripts runs testdata/script/*.txtar: the manual, proved.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, scrubbed(e.WorkDir)...)
			e.Values[workEnv{}] = e
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":        exits,
			"signalled":    signalled,
			"fakehub":      fakeHub,
			"crossencoder": copyCrossEncoder,
			"fakeopenai":   fakeOpenAI,
			"fakererank":   fakeRerank,
			"golden":       copyGolden,
			"hfcache":      fillCache,
			"holdlock":     holdLock,
			"json":         checkJSON,
			"keys":         checkKeys,
			"lines":        checkLines,
			"nul":          checkNul,
			"smallmodel":   smallModel,
			"smalluse":     smallUSE,
		},
	})
}

type workEnv struct{}

// scrubbed is an environment in which nothing of the user's own counts, and in
// which a request to any service but a script's own cannot leave the machine.
func scrubbed(home string) []string {
	return []string{
		"HOME=" + home, "XDG_CONFIG_HOME=" + filepath.Join(home, "config"),
		"OPENAI_API_KEY=", "OPENAI_BASE_URL=http://127.0.0.1:1/v1", "NO_COLOR=", "SHEAF_STORE=", "SHEAF_EMBEDDER=", "SHEAF_RERANK=", "SHEAF_RERANK_URL=", "SHEAF_RERANK_API_KEY=",
		"XDG_DATA_HOME=" + filepath.Join(home, "data"), "XDG_CACHE_HOME=" + filepath.Join(home, "cache"),
		"HF_HOME=", "HF_HUB_CACHE=", "HF_ENDPOINT=http://127.0.0.1:1", "HF_TOKEN=", "HF_HUB_OFFLINE=", "PIP_INDEX_URL=http://127.0.0.1:1",
		"HTTP_PROXY=", "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=127.0.0.1",
	}
}

// exits runs a command and checks its exit code: exits CODE COMMAND ARG...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	checkCode(ts, args[0], ts.Exec(args[1], args[2:]...))
}

func checkCode(ts *testscript.TestScript, want string, err error) {
	code := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}

var signals = map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}

// signalled runs a command against a service that never answers, sends the
// signal when the service has got a request, and checks the exit code:
// signalled SIGNAL CODE COMMAND ARG...
func signalled(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: signalled SIGNAL CODE COMMAND ARG...")
	}
	arrived := make(chan struct{}, 1)
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case arrived <- struct{}{}:
		default:
		}
		<-r.Context().Done()
	}))
	defer service.Close()
	c := exec.Command(args[2], args[3:]...)
	c.Dir = ts.MkAbs(".")
	c.Env = append(append([]string{}, ts.Value(workEnv{}).(*testscript.Env).Vars...), "OPENAI_API_KEY=key", "OPENAI_BASE_URL="+service.URL)
	var stderr strings.Builder
	c.Stderr = &stderr
	ts.Check(c.Start())
	<-arrived
	ts.Check(c.Process.Signal(signals[args[0]]))
	err := c.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("stderr.txt"), []byte(stderr.String()), 0o666))
	checkCode(ts, args[1], err)
}

// fakeOpenAI starts a service for the rest of the script and points sheaf at
// it: fakeopenai [dim=N] [key=K] [fail=STATUS] [refuse=WORD] [max=INPUTS]
func fakeOpenAI(ts *testscript.TestScript, neg bool, args []string) {
	o := embedtest.ServerOptions{Dim: 8}
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		n, _ := strconv.Atoi(value)
		switch {
		case name == "dim" && !neg:
			o.Dim = n
		case name == "key":
			o.Key = value
		case name == "fail":
			o.AlwaysFail = &embedtest.Fault{Status: n}
		case name == "max":
			o.MaxInputs = n
		case name == "refuse":
			o.Refuse = func(text string) string {
				if strings.Contains(text, value) {
					return "an input is not acceptable"
				}
				return ""
			}
		default:
			ts.Fatalf("usage: fakeopenai [dim=N] [key=K] [fail=STATUS] [refuse=WORD] [max=INPUTS]")
		}
	}
	s := embedtest.NewServer(o)
	ts.Defer(s.Close)
	ts.Setenv("OPENAI_BASE_URL", s.URL)
	ts.Setenv("OPENAI_API_KEY", "key")
}

// holdLock is another writer for the rest of the script: holdlock STORE HOLDER
func holdLock(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: holdlock STORE HOLDER")
	}
	path := filepath.Join(ts.MkAbs(args[0]), "lock")
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR))
	ts.Check(lock.Lock())
	ts.Defer(func() { ts.Check(lock.Unlock()) })
	ts.Check(os.WriteFile(path, []byte(args[1]+"\n"), 0o666))
}

// copyGolden copies what LangChain wrote: golden FOLDER DEST
func copyGolden(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: golden FOLDER DEST")
	}
	files, err := langchaintest.Files()
	ts.Check(err)
	below, err := fs.Sub(files, args[0])
	ts.Check(err)
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), below))
}

// checkLines checks the number of lines: lines FILE N
func checkLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines FILE N")
	}
	if got := strings.Count(ts.ReadFile(args[0]), "\n"); strconv.Itoa(got) != args[1] {
		ts.Fatalf("%s has %d lines, want %s", args[0], got, args[1])
	}
}

// checkNul compares a file whose NULs are written as | in the script: nul FILE TEXT
func checkNul(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: nul FILE TEXT")
	}
	if got := strings.ReplaceAll(ts.ReadFile(args[0]), "\x00", "|"); got != args[1] {
		ts.Fatalf("%s is %q, want %q", args[0], got, args[1])
	}
}
