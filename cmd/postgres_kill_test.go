package cmd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/postgres/pgtest"
)

// changes are command lines that change a store which was made of the folder "old".
var changes = [][]string{
	{"ingest", "--quiet", "--prune", "--batch-size", "4", "new"},
	{"delete", "--yes", "--quiet", "--source", "new/*", "--filter", "n>3"},
	{"merge", "--quiet", "--on-conflict", "replace", "other"},
	{"import", "--quiet", "--on-conflict", "new-id", "other"},
}

// killPoints is after how many parts of the messages of a change it is stopped; crashPoints where a server
// needs seconds to start again.
const (
	killPoints  = 7
	crashPoints = 3
)

// TestPostgresKilled kills sheaf at points of each change: the store is old or new, and the
// same command again makes it new.
func TestPostgresKilled(t *testing.T) {
	t.Parallel()
	server.Need(t)
	dir := changing(t)
	for _, change := range changes {
		t.Run(change[0], func(t *testing.T) {
			t.Parallel()
			stopped(t, proxied{server}, dir, change, killPoints, kill)
		})
	}
}

// TestPostgresCrashes does the same by a crash of the server, which then starts again.
func TestPostgresCrashes(t *testing.T) {
	t.Parallel()
	server.Need(t)
	dir := changing(t)
	own, err := pgtest.Start(os.Getenv(pgtest.Installation))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Stop)
	for _, change := range changes {
		stopped(t, proxied{own}, dir, change, killPoints, func(*exec.Cmd) {
			if err := own.Crash(); err != nil {
				t.Error(err)
			}
		})
	}
}

func kill(c *exec.Cmd) { _ = c.Process.Kill() }

// struck is a server whose clients can be struck amid what they send.
type struck interface {
	Table(t *testing.T) string // a store that is not there
	// Through is the URL of a store by a proxy, which calls strike, where it is not nil, after some messages.
	// Sent tells how many there were, once the client has ended.
	Through(t *testing.T, table string, messages int, strike func()) (url string, sent func() int)
}

// proxied is a server of PostgreSQL.
type proxied struct{ *pgtest.Server }

func (s proxied) Through(t *testing.T, table string, messages int, strike func()) (url string, sent func() int) {
	p := s.Proxy(t, messages, strike)
	return p.URL(tableOf(table)), func() int {
		p.Wait() // a server that crashed may still be starting
		return p.Sent()
	}
}

// changing makes a folder with what the changes need: the stores old and other, and files.
func changing(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write := func(name, text string) {
		t.Helper()
		writeFile(t, filepath.Join(dir, name), text)
	}
	for i := range 6 {
		write(fmt.Sprintf("new/%d.txt", i), fmt.Sprintf("The first text of file %d.\n\nAnd a second one.", i))
	}
	var records strings.Builder
	for i := range 40 {
		fmt.Fprintf(&records, `{"id": "r%d", "text": "record number %d", "metadata": {"n": %d}}`+"\n", i, i, i)
	}
	write("new/r.jsonl", records.String())
	mustSheaf(t, dir, "ingest", "--quiet", "--splitter", "recursive", "--chunk-size", "30", "--store", "old", "new")
	write("new/1.txt", "The first text of file 1.\n\nWhat has changed since.")
	write("new/3.txt", "A beginning.\n\nThe first text of file 3.\n\nAnd a second one.") // which is elsewhere now
	write("new/9.txt", "A file that is new.")
	write("new/r.jsonl", strings.ReplaceAll(records.String(), "number 7", "number seven"))
	if err := os.Remove(filepath.Join(dir, "new", "2.txt")); err != nil {
		t.Fatal(err)
	}
	mustSheaf(t, dir, "ingest", "--quiet", "--store", "other", "new")
	return dir
}

// stopped makes a change in as many stores as there are points, and strikes in each at one
// of them.
func stopped(t *testing.T, s struck, dir string, change []string, points int, strike func(*exec.Cmd)) {
	t.Helper()
	undisturbed := s.Table(t)
	mustSheaf(t, dir, "merge", "--quiet", "--store", undisturbed, "old")
	before := contents(t, dir, undisturbed)
	messages := makeChange(t, s, dir, undisturbed, change, 0, nil)
	after := contents(t, dir, undisturbed)
	if slices.Equal(before, after) {
		t.Fatalf("%q changes nothing", change)
	}
	olds := 0
	for point := 1; point <= points; point++ {
		table := s.Table(t)
		mustSheaf(t, dir, "merge", "--quiet", "--store", table, "old")
		makeChange(t, s, dir, table, change, messages*point/points, strike)
		got := contents(t, dir, table)
		if slices.Equal(got, before) {
			olds++
		} else if !slices.Equal(got, after) {
			t.Errorf("%q, stopped at point %d: neither old nor new: %q", change, point, got)
		}
		mustSheaf(t, dir, "check", "--quiet", "--store", table)
		makeChange(t, s, dir, table, change, 0, nil)
		if got := contents(t, dir, table); !slices.Equal(got, after) {
			t.Errorf("%q, stopped at point %d and run again: %q, want %q", change, point, got, after)
		}
	}
	if olds == 0 || olds == points {
		t.Errorf("%q: %d of %d runs left the old store: the points lie badly", change, olds, points)
	}
}

// makeChange runs a change by a proxy that strikes after some messages, 0 for never, and returns how
// many there were.
func makeChange(t *testing.T, s struck, dir, table string, change []string, at int, strike func(*exec.Cmd)) int {
	t.Helper()
	var c *exec.Cmd
	started := make(chan struct{})
	var struck func()
	if strike != nil {
		struck = func() { <-started; strike(c) }
	}
	url, sent := s.Through(t, table, at, struck)
	c = exec.CommandContext(t.Context(), "sheaf", append(slices.Clone(change), "--store", url, "--lock-timeout", "10s")...)
	c.Dir, c.Env = dir, append(os.Environ(), scrubbed(dir)...)
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	err := c.Wait()
	messages := sent()
	switch code := c.ProcessState.ExitCode(); {
	case strike == nil && err != nil:
		t.Fatalf("%q: %v: %s", change, err, &out)
	case strike != nil && code != -1 && code != exitOK && code != exitUnavailable:
		t.Errorf("%q, stopped after message %d: exit code %d: %s", change, at, code, &out)
	}
	return messages
}

// contents are the documents of a store, sorted.
func contents(t *testing.T, dir, table string) []string {
	t.Helper()
	lines := strings.Split(mustSheaf(t, dir, "list", "--jsonl", "--with-vectors", "--store", table), "\n")
	slices.Sort(lines)
	return lines
}
