package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sheaf/internal/crash"
	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/hint"
	"sheaf/internal/model"
	"sheaf/internal/progress"
)

func TestReport(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		code int
		want string
	}{
		{"nothing wrong", nil, 0, ""},
		{"anything else", errors.New("odd"), 1, "sheaf: error: odd\n"},
		{"usage", usagef("no %s", "way"), 2, "sheaf: error: no way\nsheaf: hint: see X\n"},
		{"usage with a hint", hint.With(usagef("no"), "go %d", 1), 2, "sheaf: error: no\nsheaf: hint: go 1\n"},
		{"a filter", fmt.Errorf("list: %w", &filter.SyntaxError{Expr: "page", Offset: 4, Problem: "odd"}), 2, "filter page, column 5: odd\nsheaf: hint: quote filters"},
		{"some inputs", &partialError{"1 input failed"}, 3, "sheaf: error: 1 input failed\n"},
		{"nothing found", errNothing, 4, ""},
		{"the key", &embed.AuthError{Service: "s", Status: 401, Message: "m"}, 5, "hint: check OPENAI_API_KEY"},
		{"no store", fmt.Errorf("opening: %w", engine.ErrNotExist), 10, "hint: make one"},
		{"locked", &engine.LockedError{Holder: "7 sheaf"}, 11, "7 sheaf\nsheaf: hint: wait"},
		{"the lock is lost", fmt.Errorf("committing: %w", engine.ErrLockLost), 11, "leave the store's lock alone"},
		{"damaged", &engine.FormatError{Path: "p", Problem: "bad", Remedy: "mend"}, 12, "hint: mend\n"},
		{"too new", &engine.FormatError{Path: "p", Problem: "new"}, 12, "sheaf: error: \"p\": new\n"},
		{"not allowed", fmt.Errorf("opening: %w", &fs.PathError{Op: "open", Path: "p", Err: syscall.EACCES}), 1, "hint: see who may read and write there"},
		{"a file", &fs.PathError{Op: "open", Path: "p", Err: syscall.ENOENT}, 1, "sheaf: error: \"p\": no such file or directory\n"},
		{"a file that is named already", fmt.Errorf("reading %q: %w", "p", &fs.PathError{Op: "stat", Path: "p", Err: syscall.ENOENT}), 1, "error: reading \"p\": no such file or directory\n"},
		{"two files", errors.Join(&fs.PathError{Op: "read", Path: "p", Err: syscall.EIO}, usagef("x: %w", &fs.PathError{Op: "open", Path: "q", Err: syscall.EISDIR})), 2,
			"error: \"p\": input/output error; x: \"q\": is a directory\n"},
		{"a read-only disk", fmt.Errorf("opening: %w", syscall.EROFS), 1, "mounted read-only"},
		{"a full disk", fmt.Errorf("writing: %w", syscall.ENOSPC), 1, "hint: make room"},
		{"away", &embed.UnavailableError{Service: "s", Err: errors.New("503")}, 75, "hint: what was done is kept"},
		{"the hub's token", &model.RefusedError{URL: "u", Status: 401}, 5, "u answers 401 Unauthorized\nsheaf: hint: set HF_TOKEN"},
		{"no such model", &model.RefusedError{URL: "u", Status: 404}, 1, "hint: check the name"},
		{"a hub in trouble", &model.RefusedError{URL: "u", Status: 503}, 75, "hint: what was loaded is kept"},
		{"no hub", &model.UnreachableError{Err: errors.New("no route")}, 75, "no route\nsheaf: hint: what was loaded is kept"},
		{"an error that stops the run outranks failed inputs", errors.Join(&engine.LockedError{}, &partialError{"x"}), 11, "locked"},
		{"a reader that went away", fmt.Errorf("writing: %w", syscall.EPIPE), 1, ""},
	}
	for _, tt := range tests {
		var w bytes.Buffer
		code := report(t.Context(), &w, tt.err, false, map[int]string{exitUsage: "see X"})
		if code != tt.code || !strings.Contains(w.String(), tt.want) || tt.want == "" && w.Len() > 0 {
			t.Errorf("%s: %d and %q, want %d and %q", tt.name, code, w.String(), tt.code, tt.want)
		}
	}
}

func TestReportInJSON(t *testing.T) {
	t.Parallel()
	var w bytes.Buffer
	report(t.Context(), &w, usagef("a <b> & \"c\""), true, map[int]string{exitUsage: "see X"})
	if got, want := w.String(), `{"error":"a <b> & \"c\"","hint":"see X","code":2}`+"\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A signal outranks the errors that its cancellation caused.
func TestReportOfASignal(t *testing.T) {
	t.Parallel()
	for signal, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(interrupted{signal})
		var w bytes.Buffer
		if code := report(ctx, &w, engine.ErrNotExist, false, nil); code != want || !strings.Contains(w.String(), "error: "+interrupted{signal}.Error()) {
			t.Errorf("%v: %d and %q, want %d", signal, code, w.String(), want)
		}
		if code := report(ctx, &w, nil, false, nil); code != 0 {
			t.Errorf("%v after the work was done: %d, want 0", signal, code)
		}
	}
}

func TestEveryCodeHasAMeaning(t *testing.T) {
	t.Parallel()
	for _, o := range outcomes {
		if exitMeanings[o.code] == "" {
			t.Errorf("--help says nothing about exit code %d", o.code)
		}
	}
}

// broken is an opener with a fault.
type broken struct{ opener }

func (broken) Open(context.Context, string, engine.Options) (reader, error) { panic("odd store") }

// brokenInput is an input with a fault.
type brokenInput struct{}

func (brokenInput) Read([]byte) (int, error) { panic("odd input") }

// TestAPanicInAGoroutineIsAnError reads standard input beside the verb, and shows
// progress beside it.
func TestAPanicInAGoroutineIsAnError(t *testing.T) {
	t.Parallel()
	s, _, errs := recorded("")
	s.In = brokenInput{}
	code := Main(t.Context(), []string{"embed", "-", "--config", os.DevNull}, s)
	if code != exitFailed || strings.Count(errs.String(), "\n") != 2 || !strings.Contains(errs.String(), "internal error: odd input\nsheaf: hint: this is a fault of sheaf") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := recorded("")
		start := time.Now()
		env := &environment{streams: s, flags: globalFlags{verbose: true}, now: func() time.Time {
			if time.Since(start) > 0 {
				panic("odd clock")
			}
			return start
		}}
		d := env.showProgress(new(progress.Counter), "embedding", "chunk")
		time.Sleep(lineEvery)
		synctest.Wait()
		d.stop()
		var crashed *crash.Error
		if !errors.As(env.started.failure, &crashed) || crashed.Value != "odd clock" {
			t.Errorf("a display that panicked: %v", env.started.failure)
		}
	})
}

// TestAPanicIsAnError: it ends with one line of error, a hint that says what to
// report, and exit code 1.
func TestAPanicIsAnError(t *testing.T) {
	t.Parallel()
	s, out, errs := recorded("")
	code := run(t.Context(), []string{"list", "--config", os.DevNull}, s, broken{folders{}})
	lines := strings.Split(errs.String(), "\n")
	if code != exitFailed || out.Len() > 0 || len(lines) != 3 || lines[0] != "sheaf: error: internal error: odd store" ||
		!strings.HasPrefix(lines[1], "sheaf: hint: this is a fault of sheaf: report it") || !strings.Contains(lines[1], "exit_test.go:") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}
