package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
		{"a new name", fmt.Errorf("committing: %w", &os.LinkError{Op: "rename", Old: "p", New: "q", Err: syscall.EXDEV}), 1, "error: committing: \"q\": invalid cross-device link\n"},
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
		code := reportTo(&w).report(t.Context(), tt.err, false, map[int]string{exitUsage: "see X"})
		if code != tt.code || !strings.Contains(w.String(), tt.want) || tt.want == "" && w.Len() > 0 {
			t.Errorf("%s: %d and %q, want %d and %q", tt.name, code, w.String(), tt.code, tt.want)
		}
	}
}

// reportTo returns an environment whose stderr is w.
func reportTo(w io.Writer) *environment { return &environment{streams: Streams{Err: w}} }

// A command in a hint is about the store of the command line, unless it names one.
func TestAtStore(t *testing.T) {
	t.Parallel()
	given := Config{StoreFlag: true, Stores: []string{"my notes"}}
	tests := []struct {
		config     Config
		text, want string
	}{
		{given, "sheaf list --sources shows their names", "sheaf list -s 'my notes' --sources shows their names"},
		{given, "make one with sheaf ingest PATH, or name another with --store DIR", "make one with sheaf ingest -s 'my notes' PATH, or name another with --store DIR"},
		{given, "bind it: sheaf init --embedder builtin", "bind it: sheaf init -s 'my notes' --embedder builtin"},
		{given, "sheaf eval and sheaf ingest say which", "sheaf eval -s 'my notes' and sheaf ingest -s 'my notes' say which"},
		{given, "lost: sheaf tune --index makes another, sheaf check --repair forgets it", "lost: sheaf tune -s 'my notes' --index makes another, sheaf check -s 'my notes' --repair forgets it"},
		{given, "whatever writes does it, such as sheaf compact", "whatever writes does it, such as sheaf compact -s 'my notes'"},
		{given, "sheaf import faiss_index --store DIR makes a store of it", "sheaf import faiss_index --store DIR makes a store of it"},
		{given, "a store is in ../a: add -s ../a; sheaf ingest PATH makes one here", "a store is in ../a: add -s ../a; sheaf ingest -s 'my notes' PATH makes one here"},
		{given, "see sheaf search --help", "see sheaf search --help"},
		{given, "(sheaf help init names them) sheaf model add minilm, a sheaf of texts", "(sheaf help init names them) sheaf model add minilm, a sheaf of texts"},
		{given, `no document has the metadata key "a \" sheaf list"`, `no document has the metadata key "a \" sheaf list"`},
		{given, "did you mean --source 'sheaf list/it'\\''s sheaf get'?", "did you mean --source 'sheaf list/it'\\''s sheaf get'?"},
		{given, "the store's words: sheaf check --repair, of 'a'", "the store's words: sheaf check -s 'my notes' --repair, of 'a'"},
		{given, "sheaf import 'a, b' --store DIR, sheaf delete --source 'c -s d'", "sheaf import 'a, b' --store DIR, sheaf delete -s 'my notes' --source 'c -s d'"},
		{Config{StoreFlag: true, Stores: []string{"a", "b"}}, "see sheaf info", "see sheaf info -s a -s b"},
		{Config{StoreFlag: true, Stores: []string{"a", "b"}}, "sheaf ingest PATH, sheaf eval draft -n 50, sheaf eval --save", "sheaf ingest PATH, sheaf eval draft -n 50, sheaf eval -s a -s b --save"},
		{Config{Stores: []string{"of SHEAF_STORE"}}, "see sheaf info", "see sheaf info"},
	}
	for _, tt := range tests {
		if got := (&environment{config: tt.config}).atStore(tt.text); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.config.Stores, got, tt.want)
		}
	}
}

func TestReportInJSON(t *testing.T) {
	t.Parallel()
	var w bytes.Buffer
	reportTo(&w).report(t.Context(), usagef("a <b> & \"c\""), true, map[int]string{exitUsage: "see X"})
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
		if code := reportTo(&w).report(ctx, engine.ErrNotExist, false, nil); code != want || !strings.Contains(w.String(), "error: "+interrupted{signal}.Error()) {
			t.Errorf("%v: %d and %q, want %d", signal, code, w.String(), want)
		}
		if code := reportTo(&w).report(ctx, nil, false, nil); code != 0 {
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
