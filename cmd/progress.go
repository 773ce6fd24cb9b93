package cmd

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"sheaf/internal/crash"
	"sheaf/internal/progress"
)

const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 5 * time.Second // on a pipe with --verbose
)

// display shows a Counter during a run: as a bar on a terminal, as a line every
// few seconds on a pipe with --verbose, else not at all. Notices go through it,
// so that they do not appear inside the bar.
type display struct {
	env     *environment
	counter *progress.Counter
	start   time.Time
	verb    string // such as "embedding"
	noun    string // what is counted, such as "chunk"
	done    chan struct{}
	failure error // of showing, known when ended
	ended   sync.WaitGroup

	mu      sync.Mutex
	bar     *progressbar.ProgressBar // nil where there is no bar
	roomy   bool                     // there is room for more than what is done of what
	lines   bool
	notices int
}

// noticesShown is the number of notices that are shown without --verbose.
const noticesShown = 5

// showProgress starts a display, which the caller stops. verb and noun say what is
// done to what.
func (env *environment) showProgress(counter *progress.Counter, verb, noun string) *display {
	d := &display{env: env, counter: counter, start: env.now(), verb: verb, noun: noun, done: make(chan struct{})}
	quiet := env.flags.quiet || env.flags.noProgress || env.started.typed
	switch {
	case quiet:
	case env.streams.ErrTerminal:
		terminal, width := env.streams.errTerminal()
		d.roomy = width >= roomyWidth
		d.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(terminal),
			progressbar.OptionSetDescription(verb),
			progressbar.OptionSetItsString(noun+"s"),
			progressbar.OptionShowCount(),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(barEvery),
			progressbar.OptionSetSpinnerChangeInterval(0), // it would draw at any time, also into notices
			ratesWhere(d.roomy),
		)
		d.every(barEvery, d.draw)
	case env.flags.verbose:
		d.lines = true
		d.every(lineEvery, d.line)
	}
	env.started.shown = d
	return d
}

// roomyWidth is the least width of a terminal on which a bar with retries, rate and times is one line. Of a bar of
// two lines the first would stay when it is cleared.
const roomyWidth = 80

// ratesWhere has a bar show how fast it is and the time that is left, or not.
func ratesWhere(room bool) progressbar.Option {
	return func(b *progressbar.ProgressBar) {
		if room {
			progressbar.OptionShowIts()(b)
		}
		progressbar.OptionSetPredictTime(room)(b)
		progressbar.OptionSetElapsedTime(room)(b)
	}
}

// notice writes a notice, above the display where there is one.
func (env *environment) notice(text string) {
	text = env.atStore(text)
	if d := env.started.shown; d != nil {
		d.say(text)
		return
	}
	env.started.notices.add(text)
	env.say("%s", visible(text))
}

// programOutput is the stderr of the program of an embedder.
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
		defer crash.Catch(&d.failure)
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

// draw updates the bar. It ignores errors in drawing.
func (d *display) draw() {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.counter.Snapshot()
	// A full bar ends itself, so the total stays above what is done.
	if total := max(s.Total, s.Chunks+1); s.Total > 0 && d.bar.GetMax64() != total {
		d.bar.ChangeMax64(total)
	}
	if s.Retries > 0 && d.roomy {
		d.bar.Describe(fmt.Sprintf("%s, %s", d.verb, count(s.Retries, "retry")))
	}
	_ = d.bar.Set64(s.Chunks)
}

// line writes a line with what is done, the rate, and the time that is left.
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
		done += ", " + count(s.Requests, "request") + ", " + count(s.Tokens, "token")
	}
	if s.Retries > 0 {
		done += ", " + count(s.Retries, "retry")
	}
	d.env.say("%s: %s", d.verb, done)
}

// watched reports whether progress is shown.
func (d *display) watched() bool { return d.bar != nil || d.lines }

// say writes a notice above the bar, unless there were too many before it.
func (d *display) say(text string) {
	d.env.started.notices.add(text)
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

// stop removes the display, and tells how many notices were not shown.
func (d *display) stop() {
	close(d.done)
	d.ended.Wait()
	d.env.started.shown = nil
	d.env.started.failure = d.failure
	if d.bar != nil {
		_ = d.bar.Clear()
	}
	if more := d.notices - noticesShown; more > 0 && !d.env.flags.verbose {
		d.env.say("%s; --verbose shows them", count(more, "more notice"))
	}
}
