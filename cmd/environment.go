package cmd

import (
	"io"
	"sync"
	"time"

	"github.com/spf13/pflag"
)

// environment is what verbs share.
type environment struct {
	streams Streams
	flags   globalFlags
	config  Config
	stores  opener
	command string // as typed; other processes see it in the lock file
	now     func() time.Time
	started started
	partial bool // --partial
}

// stdin returns standard input, from which what is read. Who types it is told so.
func (env *environment) stdin(what string) io.Reader {
	env.tellTyped(what)
	return env.streams.In
}

// tellTyped says what is read from standard input to who types it.
func (env *environment) tellTyped(what string) {
	if env.streams.interactive() {
		env.started.typed = true
		env.say("reading %s from the terminal; end with Ctrl-D", what)
	}
}

// started is what a verb has started and not yet ended.
type started struct {
	shown   *display // nil where no progress is shown
	failure error    // of showing progress
	typed   bool     // somebody types what is read, into which no progress is drawn
	writing bool     // a store, of which it has committed what stays
	notices noticeLog
	lost    sync.Once // tells of an approximate index that cannot be used
	loaded  []loaded
}

// loaded is an embedder or a judge that is closed when the verb ends.
type loaded struct {
	name  string
	close func() error
}

// noticeLog keeps the notices of a verb for its answer in JSON.
type noticeLog struct {
	mu    sync.Mutex
	texts []string
}

func (l *noticeLog) add(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.texts = append(l.texts, text)
}

// all returns the notices so far, never nil.
func (l *noticeLog) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string{}, l.texts...)
}

// noticeMember returns the notices so far as a member to end an object of JSON with, or nothing.
func (env *environment) noticeMember() string {
	texts := env.started.notices.all()
	encoded, err := marshal(texts)
	if len(texts) == 0 || err != nil { // texts always have a JSON form
		return ""
	}
	return `,"notices":` + string(encoded)
}

// end closes the models that the verb has made.
func (env *environment) end() {
	for _, m := range env.started.loaded {
		if err := m.close(); err != nil {
			env.say("%s: %v", m.name, err)
		}
	}
}

// globalFlags are the flags of every verb, apart from those of settings.
type globalFlags struct {
	json, jsonl, quiet, verbose, noProgress bool
	configFile                              string
}

func (g *globalFlags) addFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&g.json, "json", false, "answer with one JSON object; errors are JSON too")
	flags.BoolVar(&g.jsonl, "jsonl", false, "answer with one JSON object a line; errors are JSON too")
	flags.BoolVarP(&g.quiet, "quiet", "q", false, "print the answer and errors only")
	flags.BoolVarP(&g.verbose, "verbose", "v", false, "say more about what is done")
	flags.BoolVar(&g.noProgress, "no-progress", false, "draw no progress bar")
	flags.StringVar(&g.configFile, "config", "", "read settings from `FILE` instead of the user's config.toml")
}
