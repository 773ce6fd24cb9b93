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
	verb    string // what is done: "embedding"
	noun    string // to what: "chunk"
	done    chan struct{}
	ended   sync.WaitGroup

	mu      sync.Mutex
	bar     *progressbar.ProgressBar // nil: lines, or nothing
	notices int
}

// noticesShown is how many notices a run shows without --verbose.
const noticesShown = 5

// showProgress starts a display of what is done to how many of something, which
// must be stopped.
func (env *environment) showProgress(counter *progress.Counter, verb, noun string) *display {
	d := &display{env: env, counter: counter, verb: verb, noun: noun, done: make(chan struct{})}
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
			progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(barEvery),
		)
		d.every(barEvery, d.draw)
	case env.flags.verbose:
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
	if s.Total > 0 && d.bar.GetMax64() != s.Total {
		d.bar.ChangeMax64(s.Total)
	}
	_ = d.bar.Set64(s.Chunks)
}

func (d *display) line() {
	s := d.counter.Snapshot()
	done := count(s.Chunks, d.noun) + " done"
	if s.Requests > 0 {
		done += fmt.Sprintf(", %s, %d tokens", count(s.Requests, "request"), s.Tokens)
	}
	d.env.say("%s: %s", d.verb, done)
}

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
