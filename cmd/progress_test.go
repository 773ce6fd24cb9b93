package cmd

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sheaf/internal/ingest"
	"sheaf/internal/progress"
)

func TestProgressIsForTerminals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		terminal    bool
		flags       globalFlags
		bar, notice bool
	}{
		{"a terminal", true, globalFlags{}, true, true},
		{"a pipe", false, globalFlags{}, false, true},
		{"a pipe with --verbose", false, globalFlags{verbose: true}, false, true},
		{"--no-progress", true, globalFlags{noProgress: true}, false, true},
		{"--quiet", true, globalFlags{quiet: true}, false, false},
	}
	for _, tt := range tests {
		s, out, errs := recorded("")
		s.ErrTerminal = tt.terminal
		env := &environment{streams: s, flags: tt.flags, now: time.Now}
		counter := new(progress.Counter)
		counter.SetTotal(10)
		counter.AddChunks(3)
		d := env.showProgress(counter, "merging", "document")
		if d.bar != nil {
			d.draw()
		}
		d.say("a notice")
		d.stop()
		if got := strings.Contains(errs.String(), "/10"); got != tt.bar {
			t.Errorf("%s: a bar: %v, in %q", tt.name, got, errs)
		}
		if got := strings.Contains(errs.String(), "sheaf: a notice\n"); got != tt.notice {
			t.Errorf("%s: a notice: %v, in %q", tt.name, got, errs)
		}
		if out.Len() > 0 {
			t.Errorf("%s: %q on stdout", tt.name, out)
		}
	}
}

// No bar is drawn into what somebody types.
func TestNoProgressIntoWhatIsTyped(t *testing.T) {
	t.Parallel()
	s, _, errs := recorded("")
	s.InTerminal, s.ErrTerminal = true, true
	env := &environment{streams: s, now: time.Now}
	env.stdin("a text")
	errs.Reset()
	d := env.showProgress(new(progress.Counter), "embedding", "chunk")
	d.say("a notice")
	d.stop()
	if got := errs.String(); got != "sheaf: a notice\n" {
		t.Errorf("%q", got)
	}
}

// On a narrow terminal, where a longer bar would be several lines, rate and times are left out.
func TestProgressOnANarrowTerminal(t *testing.T) {
	t.Parallel()
	for width, rate := range map[int]bool{40: false, 80: true} {
		s, _, errs := recorded("")
		s.ErrTerminal, s.Width = true, width
		counter := new(progress.Counter)
		counter.SetTotal(10)
		counter.AddChunks(3)
		d := (&environment{streams: s, now: time.Now}).showProgress(counter, "merging", "document")
		d.draw()
		d.stop()
		if got := strings.Contains(errs.String(), "documents/"); got != rate || !strings.Contains(errs.String(), "/10") {
			t.Errorf("%d columns: a rate: %v, in %q", width, got, errs)
		}
	}
}

// TestNobodyElseDraws checks that a bar without a total does not draw by itself, which
// would be into notices and after the end.
func TestNobodyElseDraws(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _, errs := recorded("")
		s.ErrTerminal = true
		d := (&environment{streams: s, now: time.Now}).showProgress(new(progress.Counter), "embedding", "chunk")
		time.Sleep(10*barEvery + barEvery/2)
		d.stop()
		before := errs.Len()
		time.Sleep(10 * barEvery)
		if before == 0 || errs.Len() != before {
			t.Errorf("drawn after the end of %q: %q", errs.String()[:before], errs.String()[before:])
		}
	})
}

func TestManyNoticesAreCounted(t *testing.T) {
	t.Parallel()
	for verbose, want := range map[bool]int{false: noticesShown + 1, true: noticesShown + 2} {
		s, _, errs := recorded("")
		d := (&environment{streams: s, flags: globalFlags{verbose: verbose}, now: time.Now}).showProgress(new(progress.Counter), "embedding", "chunk")
		for range noticesShown + 2 {
			d.say("a notice")
		}
		d.stop()
		if got := strings.Count(errs.String(), "\n"); got != want {
			t.Errorf("--verbose %v: %d lines, want %d: %q", verbose, got, want, errs)
		}
		if !verbose && !strings.HasSuffix(errs.String(), "sheaf: 2 more notices; --verbose shows them\n") {
			t.Errorf("%q does not count what is not shown", errs)
		}
	}
}

func TestProgressLines(t *testing.T) {
	t.Parallel()
	s, _, errs := recorded("")
	counter := new(progress.Counter)
	counter.AddChunks(1)
	now := time.Now()
	d := &display{env: &environment{streams: s, now: func() time.Time { return now }}, counter: counter, start: now, verb: "embedding", noun: "chunk"}
	d.line()
	now = now.Add(10 * time.Second)
	counter.AddRequest(1, 1)
	d.line()
	counter.AddChunks(99)
	counter.AddBytes(1000)
	counter.SetBytes(4000)
	counter.AddRetry()
	d.line()
	counter.AddBytes(4000) // the files have grown
	d.line()
	want := `sheaf: embedding: 1 chunk done
sheaf: embedding: 1 chunk done, 0/s, 1 request, 1 token
sheaf: embedding: 100 chunks done of about 400, 10/s, 30s left, 1 request, 1 token, 1 retry
sheaf: embedding: 100 chunks done, 10/s, 1 request, 1 token, 1 retry
`
	if got := errs.String(); got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
}

func TestSummaryForPeople(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name             string
		sum              ingest.Summary
		stopped, verbose bool
		want             string
	}{
		{"nothing", ingest.Summary{Store: "s"}, false, false,
			"sheaf: nothing was found to read\nsheaf: hint: " + readsWhat + "\nsheaf: \"s\" holds 0 chunks: none added, in 0.0 s\n"},
		{"nothing, and no store", ingest.Summary{Store: "s", NoStore: true}, false, false,
			"sheaf: nothing was found to read\nsheaf: hint: " + readsWhat + "\nsheaf: nothing was stored, so no store is made\n"},
		{"files without text", ingest.Summary{Store: "s", NoStore: true, Blank: 2}, false, false,
			"sheaf: no text was found in 2 files\nsheaf: nothing was stored, so no store is made\n"},
		{"nothing before the end", ingest.Summary{Store: "s", NoStore: true}, true, false,
			"sheaf: stopped early; until then: sources: none\nsheaf: nothing was stored, so no store is made\n"},
		{"a name that plays tricks", ingest.Summary{Store: "s", Report: ingest.Report{Failures: []ingest.Failure{{Source: "a\x1b[2J", Error: "odd"}}}}, false, false,
			"sheaf: failed: a\ufffd[2J: odd\nsheaf: sources: none\nsheaf: \"s\" holds 0 chunks: none added, in 0.0 s\n"},
		{"what was done before the end", ingest.Summary{
			Store: "s", Sources: ingest.Sources{Unchanged: 1, Unfinished: 1}, Chunks: ingest.Chunks{Added: 3, Total: 3},
		}, true, false,
			"sheaf: stopped early; until then: sources: 1 unchanged, 1 unfinished\nsheaf: \"s\" holds 3 chunks: 3 added, in 0.0 s\n"},
		{"all there is to say", ingest.Summary{
			Store: "s", Sources: ingest.Sources{Added: 1, Removed: 2}, Chunks: ingest.Chunks{Added: 3, Reused: 4, Removed: 5, Total: 1},
			Embedding: ingest.Embedding{Embedder: "builtin", Requests: 1, Texts: 1, Tokens: 1, Retries: 0}, Elapsed: 1.25,
		}, false, true,
			"sheaf: sources: 1 added, 2 removed\nsheaf: \"s\" holds 1 chunk: 3 added, 5 removed, 4 needed no embedding, in 1.2 s\n" +
				"sheaf: embedding by builtin: 1 request, 1 text, 1 token, 0 retries\n"},
	}
	for _, tt := range tests {
		var b strings.Builder
		writeFailures(&b, &tt.sum.Report)
		writeSummary(&b, tt.sum, tt.stopped, tt.verbose)
		if b.String() != tt.want {
			t.Errorf("%s:\n%s, want\n%s", tt.name, b.String(), tt.want)
		}
	}
}
