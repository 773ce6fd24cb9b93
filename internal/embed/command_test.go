package embed_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"sheaf/internal/crash"
	"sheaf/internal/embed"
	"sheaf/internal/embed/embedtest"
	"sheaf/internal/program"
	"sheaf/internal/progress"
	"sheaf/internal/provider"
)

// programEnv makes the test binary an embedder program that behaves as it says.
const programEnv = "SHEAF_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if how := os.Getenv(programEnv); how != "" {
		os.Exit(runProgram(how))
	}
	os.Exit(m.Run())
}

// runProgram answers texts as embedtest.Server does.
func runProgram(how string) int {
	in, out := bufio.NewScanner(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintln(os.Stderr, "model loaded")
	if how == "banner" {
		fmt.Fprintln(out, "Loading 100%")
	}
	for n := 1; in.Scan(); n++ {
		var q struct{ Text string }
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
		dim := 8
		switch {
		case how == "crash" && n == 3:
			fmt.Fprintln(os.Stderr, "out of memory")
			return 7
		case how == "quit" && n == 3:
			return 0
		case how == "longer" && n == 3:
			dim = 9
		case how == "hang":
			time.Sleep(time.Hour)
		case strings.Contains(q.Text, "bad"):
			how = "refuse"
		}
		answer, _ := json.Marshal(map[string]any{"vector": embedtest.Vector(q.Text, dim), "seconds": 0.1})
		switch how {
		case "refuse":
			answer, how = []byte(`{"error": "no such words"}`), "well"
		case "array":
			answer, _ = json.Marshal(embedtest.Vector(q.Text, dim))
		case "null":
			answer = []byte(`{"vector": [1, null]}`)
		case "empty":
			answer = []byte(`{"embedding": [1]}`)
		case "endless":
			answer = bytes.Repeat([]byte("1"), 5<<20)
		}
		out.Write(append(answer, '\n'))
		if how != "buffered" {
			out.Flush()
		}
	}
	if how == "late" {
		fmt.Fprintln(os.Stderr, "bye")
		return 3
	}
	return 0
}

// commandLine starts a program that behaves in a way.
func commandLine(how string) string { return fmt.Sprintf("%s=%s '%s'", programEnv, how, os.Args[0]) }

// newProgram makes an embedder of a program that behaves in a way.
func newProgram(t *testing.T, how string, o embed.Options) embed.Embedder {
	t.Helper()
	e, err := provider.New("command:"+commandLine(how), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.(io.Closer).Close() })
	return e
}

func TestCommandConforms(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"well", "array"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			embedtest.Conform(t, newProgram(t, how, embed.Options{}))
		})
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	stats := &progress.Counter{}
	e := newProgram(t, "well", embed.Options{Stats: stats, Stderr: &stderr})
	texts := append(embedtest.Texts(3000), "a\nline & <another>\u2028")
	for range 2 {
		vectors, err := embed.Vectors(t.Context(), e, texts)
		if err != nil {
			t.Fatal(err)
		}
		embedtest.CheckVectors(t, texts, vectors, 8)
	}
	if err := e.(io.Closer).Close(); err != nil || stderr.String() != "model loaded\n" {
		t.Errorf("%v; it was started once and said %q", err, stderr.String())
	}
	if want := (progress.Snapshot{Requests: 2, Texts: 6002}); stats.Snapshot() != want {
		t.Errorf("counted %+v, want %+v", stats.Snapshot(), want)
	}
	if _, err := embed.Vectors(t.Context(), e, texts); err == nil || !strings.HasSuffix(err.Error(), "closed") {
		t.Errorf("after Close: %v", err)
	}
}

func TestCommandRefusesTexts(t *testing.T) {
	t.Parallel()
	e := newProgram(t, "well", embed.Options{})
	r, err := e.Embed(t.Context(), []string{"good", "", "bad", "well"})
	if err != nil || len(r.Errs) != 1 || r.Errs[2].Error() != "no such words" {
		t.Fatal(err, r.Errs)
	}
	embedtest.CheckVectors(t, []string{"good", "", "well"}, [][]float32{r.Vectors[0], r.Vectors[1], r.Vectors[3]}, 8)
	if _, err := embed.Vectors(t.Context(), e, []string{"good", "bad"}); err == nil || err.Error() != "no such words" {
		t.Error(err)
	}
}

func TestCommandFails(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]string{
		"crash":    "it ended with exit status 7: out of memory",
		"quit":     "it ended after 2 of 4 answers: model loaded",
		"longer":   "a vector of 9 numbers, want 8",
		"null":     `an answer without numbers in "vector": "{\"vector\": [1, null]}"`,
		"empty":    `an answer without numbers in "vector"`,
		"banner":   `a line that is no answer: "Loading 100%"`,
		"endless":  "reading its answers: bufio.Scanner: token too long",
		"well; :'": "it ended with exit status",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			e := newProgram(t, how, embed.Options{Dim: 8})
			for range 2 { // and it stays so
				vectors, err := embed.Vectors(t.Context(), e, []string{"a", "b", "c", "d"})
				var failed *program.Error
				if !errors.As(err, &failed) || !strings.Contains(err.Error(), want) || vectors != nil {
					t.Errorf("%v, want %q", err, want)
				}
			}
		})
	}
	e, err := provider.New("command:/no/such/program --flag", embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := embed.Vectors(t.Context(), e, []string{"a"}); err == nil || !strings.Contains(err.Error(), `program "/no/such/program --flag": it ended with exit status 127: `) {
		t.Error(err)
	}
}

func TestCommandClose(t *testing.T) {
	t.Parallel()
	e := newProgram(t, "late", embed.Options{})
	if _, err := embed.Vectors(t.Context(), e, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"exit status 3", "<nil>"} {
		if err := e.(io.Closer).Close(); fmt.Sprint(err) != want {
			t.Errorf("close %d: %v, want %s", i+1, err, want)
		}
	}
	unused := newProgram(t, "well", embed.Options{})
	if err := unused.(io.Closer).Close(); err != nil {
		t.Error(err)
	}
}

func TestCommandIsCancelled(t *testing.T) {
	t.Parallel()
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	e := newProgram(t, "hang", embed.Options{Stderr: writerFunc(func() { cancel(why) })}) // once it runs
	if _, err := embed.Vectors(ctx, e, []string{"a"}); !errors.Is(err, why) {
		t.Errorf("%v, want %v", err, why)
	}
	if _, err := embed.Vectors(t.Context(), e, []string{"a"}); err == nil {
		t.Error("a program whose answers are out of step goes on")
	}
}

type writerFunc func()

func (f writerFunc) Write(b []byte) (int, error) {
	f()
	return len(b), nil
}

// A program that buffers its answers is waited for, and people are told.
func TestCommandStalls(t *testing.T) {
	t.Parallel()
	told := make(chan string, 10)
	o := embed.Options{Notice: func(text string) { told <- text }}
	e := embed.NewStallingCommand(commandLine("buffered"), o, time.Millisecond)
	t.Cleanup(func() { embed.Close(e) })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := embed.Vectors(ctx, e, []string{"a"})
		done <- err
	}()
	if text := <-told; !strings.Contains(text, "does it flush its output after every line?") {
		t.Error(text)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestCommandWhoseOutputCannotBeShown: os/exec shows it in a goroutine of its own.
func TestCommandWhoseOutputCannotBeShown(t *testing.T) {
	t.Parallel()
	e := newProgram(t, "well", embed.Options{Stderr: writerFunc(func() { panic("odd terminal") })})
	if _, err := e.Embed(t.Context(), []string{"text"}); err != nil {
		t.Error(err)
	}
	var crashed *crash.Error
	if err := embed.Close(e); !errors.As(err, &crashed) {
		t.Errorf("%v", err)
	}
}
