package cmd

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"sheaf/internal/progress"
)

const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 5 * time.Second // on a pipe with --verbose
)

// display shows a Counter while a run goes on: a bar on a terminal, a line now
// and then on a pipe with --verbose, nothing otherwise. Notices go through it,
// so that they do not end up inside the bar.
type display struct {
	env     *environment
	counter *progress.Counter
	start   time.Time
	verb    string // what is done: "embedding"
	noun    string // to what: "chunk"
	done    chan struct{}
	ended   sync.WaitGroup

	mu      sync.Mutex
	bar     *progressbar.ProgressBar // nil: lines, or nothing
	lines   bool
	notices int
}

// noticesShown is how many notices a run shows without --verbose.
const noticesShown = 5

// showProgress starts a display of what is done to how many of something, which
// must be stopped.
func (env *environment) showProgress(counter *progress.Counter, verb, noun string) *display {
	d := &display{env: env, counter: counter, start: env.now(), verb: verb, noun: noun, done: make(chan struct{})}
	quiet := env.flags.quiet || env.flags.noProgress
	switch {
	case quiet:
	case env.streams.ErrTerminal:
		d.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(env.streams.Err),
			progressbar.OptionSetDescription(verb),
			progressbar.OptionSetItsString(noun+"s"),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(barEvery),
			progressbar.OptionSetSpinnerChangeInterval(0), // it would draw by itself, into notices too
		)
		d.every(barEvery, d.draw)
	case env.flags.verbose:
		d.lines = true
		d.every(lineEvery, d.line)
	}
	env.started.shown = d
	return d
}

// notice tells people something while a run goes on, or at any other time.
func (env *environment) notice(text string) {
	if d := env.started.shown; d != nil {
		d.say(text)
	} else {
		env.say("%s", visible(text))
	}
}

// programOutput is where the program of an embedder may write what it likes.
type programOutput struct{ env *environment }

func (o programOutput) Write(b []byte) (int, error) {
	if d := o.env.started.shown; d != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.bar != nil {
			_ = d.bar.Clear()
		}
	}
	return o.env.streams.Err.Write(b)
}

func (d *display) every(period time.Duration, show func()) {
	d.ended.Go(func() {
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				show()
			case <-d.done:
				return
			}
		}
	})
}

// draw brings the bar up to date. What fails to be drawn is not worth an error.
func (d *display) draw() {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.counter.Snapshot()
	// A bar that is full is finished: one more is to come until the end.
	if total := max(s.Total, s.Chunks+1); s.Total > 0 && d.bar.GetMax64() != total {
		d.bar.ChangeMax64(total)
	}
	if s.Retries > 0 {
		d.bar.Describe(fmt.Sprintf("%s, %s", d.verb, count(s.Retries, "retry")))
	}
	_ = d.bar.Set64(s.Chunks)
}

// line says how far a run has come, how fast, and when it will end.
func (d *display) line() {
	s, took := d.counter.Snapshot(), d.env.now().Sub(d.start)
	done := count(s.Chunks, d.noun) + " done"
	if s.Total > s.Chunks {
		done += fmt.Sprintf(" of about %d", s.Total)
	}
	if seconds := took.Seconds(); s.Chunks > 0 && seconds >= 1 {
		done += fmt.Sprintf(", %.0f/s", float64(s.Chunks)/seconds)
		if s.Total > s.Chunks {
			left := time.Duration(float64(took) * float64(s.Total-s.Chunks) / float64(s.Chunks))
			done += fmt.Sprintf(", %s left", left.Round(time.Second))
		}
	}
	if s.Requests > 0 {
		done += fmt.Sprintf(", %s, %d tokens", count(s.Requests, "request"), s.Tokens)
	}
	if s.Retries > 0 {
		done += ", " + count(s.Retries, "retry")
	}
	d.env.say("%s: %s", d.verb, done)
}

// watched tells whether somebody looks at how far a run has come.
func (d *display) watched() bool { return d.bar != nil || d.lines }

// say writes a notice above the bar. Of many it shows the first.
func (d *display) say(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.notices++; d.notices > noticesShown && !d.env.flags.verbose {
		return
	}
	if d.bar != nil {
		_ = d.bar.Clear()
	}
	d.env.say("%s", visible(text))
}

// stop takes the display away, and counts the notices that were not shown.
func (d *display) stop() {
	close(d.done)
	d.ended.Wait()
	d.env.started.shown = nil
	if d.bar != nil {
		_ = d.bar.Clear()
	}
	if more := d.notices - noticesShown; more > 0 && !d.env.flags.verbose {
		d.env.say("%s; --verbose shows them", count(more, "more notice"))
	}
}
