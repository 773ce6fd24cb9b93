package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"sheaf/internal/binding"
	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/eval"
	"sheaf/internal/exchange"
	"sheaf/internal/filter"
	"sheaf/internal/hint"
	"sheaf/internal/langchain"
	"sheaf/internal/model"
	"sheaf/internal/pickle"
	"sheaf/internal/postgres"
	"sheaf/internal/store"
	"sheaf/internal/vector"
	"sheaf/internal/weaviate"
)

// How the tool speaks.
//
// stdout carries the answer and nothing else. Whatever else a user should
// know goes to stderr, each line behind the name of the tool:
//
//	sheaf: NOTICE                something worth knowing; --quiet hides it
//	sheaf: error: WHAT WENT WRONG
//	sheaf: hint: WHAT TO DO ABOUT IT
//
// An error is lower case, has no full stop, quotes what the user gave and
// begins with what it is about: one of a file with its path. A hint names a
// command or a flag wherever it can. With --json or --jsonl an error is one JSON
// object instead: {"error", "hint", "code"}.
//
// Nothing is printed for "nothing found" under --exit-status, because the exit
// code is the answer, and when the reader of stdout is gone: then, like other
// programs, sheaf ends by SIGPIPE.

// The exit codes, which scripts depend on.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPartial     = 3
	exitNothing     = 4
	exitRefused     = 5
	exitNoStore     = 10
	exitLocked      = 11
	exitDamaged     = 12
	exitUnavailable = 75
	exitInterrupted = 130
	exitTerminated  = 143
)

// exitMeanings are the descriptions of the codes in --help.
var exitMeanings = map[int]string{
	exitOK:          "done",
	exitFailed:      "failed",
	exitUsage:       "wrong usage: an unknown flag, a malformed value",
	exitPartial:     "finished, but some or all inputs failed; they are listed",
	exitNothing:     "with --exit-status: nothing found",
	exitRefused:     "the service refused the key, or the quota is spent",
	exitNoStore:     "no store at this place",
	exitLocked:      "locked by another writer",
	exitDamaged:     "format too new, not a store, or damaged",
	exitUnavailable: "the service stayed unavailable; run again to go on",
	exitInterrupted: "interrupted; what was committed stays",
	exitTerminated:  "terminated; what was committed stays",
}

// exitHeading is above the exit codes in the help of a verb.
const exitHeading = "\n\nEXIT STATUS\n"

// exitStatus returns the EXIT STATUS section of the help of a verb with these codes.
func exitStatus(codes ...int) string {
	var b strings.Builder
	b.WriteString(exitHeading)
	for _, c := range codes {
		fmt.Fprintf(&b, "  %-4d %s\n", c, exitMeanings[c])
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// usageError is an error in the command line, an environment variable or the
// configuration file.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usagef returns a *usageError, formatted as fmt.Errorf does.
func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// partialError says that a run finished although some of its inputs failed.
type partialError struct{ message string }

func (e *partialError) Error() string { return e.message }

// failures collects the inputs that failed while the run went on. Each is
// reported when it fails, or, where errors are JSON, in the error object at the
// end. --quiet does not hide them.
type failures struct {
	env        *environment
	noun, verb string
	messages   []string
}

func (f *failures) add(err error) {
	f.messages = append(f.messages, messageOf(err))
	if !f.env.inJSON() {
		fmt.Fprintf(f.env.streams.Err, "sheaf: failed: %s\n", visible(messageOf(err)))
	}
}

// err returns a *partialError, or nil where nothing failed.
func (f *failures) err() error {
	if len(f.messages) == 0 {
		return nil
	}
	message := count(len(f.messages), f.noun) + " " + f.verb
	if f.env.inJSON() {
		message += ": " + strings.Join(f.messages, "; ")
	}
	return &partialError{message}
}

var (
	// errNothing is returned under --exit-status when nothing is found.
	errNothing = errors.New("nothing found")
	// errNoEmbedder says that a store answers vectors only.
	errNoEmbedder = errors.New("the store has no embedder, so it cannot be asked by text")
)

// outcomes is the one table from errors to exit codes and hints. The first row
// that matches counts; an error that matches none has the code exitFailed.
var outcomes = []struct {
	matches func(error) bool
	code    int
	hint    string
}{
	{as[*usageError], exitUsage, ""},
	{as[*filter.SyntaxError], exitUsage, "quote filters for the shell: --filter 'page>=3', or --filter '{\"page\": {\"$gte\": 3}}'"},
	{as[*postgres.URLError], exitUsage, ""},
	{as[*weaviate.URLError], exitUsage, ""},
	{as[*engine.UnsupportedError], exitUsage, ""},
	{as[*engine.UnavailableError], exitUnavailable, "see that the server runs and that its host and port are right; what was committed is kept: run the same command again"},
	{as[*engine.RefusedError], exitRefused, "check the user, and the password in ~/.pgpass, PGPASSWORD or the service that PGSERVICE names; for Weaviate the key in WEAVIATE_API_KEY"},
	{is(engine.ErrNotExist), exitNoStore, "make one with sheaf ingest PATH, or name another with --store DIR"},
	{as[*engine.LockedError], exitLocked, "wait for the other run to end, or wait longer with --lock-timeout; the store's lock must not be removed meanwhile"},
	{is(engine.ErrLockLost), exitLocked, "run the same command again, and leave the store's lock alone: what was committed is kept"},
	{as[*engine.FormatError], exitDamaged, ""},
	{as[*langchain.IndexError], exitDamaged, exchange.ReembedHint},
	{unknownInDocument, exitDamaged, "--on-unknown skip leaves documents with such values out, --on-unknown text makes texts of the values"},
	{as[*langchain.ExpansionError], exitDamaged, "--max-expansion N allows N times the size of the file"},
	{as[*langchain.FormatError], exitDamaged, ""},
	{as[*problemsError], exitDamaged, ""},
	{as[*vector.Error], exitUsage, ""},
	{as[*langchain.OccupiedError], exitFailed, "name a folder that does not exist yet"},
	{as[*store.OccupiedError], exitFailed, "name a folder that does not exist yet with --store DIR"},
	{noTemporaries, exitFailed, "make the folder that TMPDIR names, or let it name one that is there"},
	{readOnly, exitFailed, "see who may read and write there, and whether the disk is mounted read-only"},
	{is(syscall.ENOSPC), exitFailed, "make room on the disk, and where temporary files go (TMPDIR), and run the same command again: what was committed is kept"},
	{as[*engine.MismatchError], exitFailed, "sheaf info shows what the store holds"},
	{as[*engine.ConflictError], exitFailed, "--on-conflict skip, replace or new-id says what becomes of it; nothing was changed"},
	{is(exchange.ErrNoTexts), exitUsage, ""},
	{is(binding.ErrNoDim), exitUsage, ""},
	{is(exchange.ErrNoVector), exitFailed, "sheaf ingest embeds records without vectors; --vector-field names the field of records that has it; --reembed --embedder NAME makes all vectors anew"},
	{is(engine.ErrNoWords), exitFailed, "ask by --mode vector, or make a store without --no-words"},
	{is(engine.ErrNotIndexed), exitFailed, "whatever writes does it, such as sheaf compact"},
	{is(engine.ErrFewRows), exitFailed, "an approximate index is of use from 20,000 documents on"},
	{is(errNoEmbedder), exitFailed, "ask it with sheaf search-vector or with --mode words, or bind the embedder that made its vectors with sheaf init --embedder NAME"},
	{as[*embed.AuthError], exitRefused, "check OPENAI_API_KEY, --api-key-file and the account"},
	{refusesAll, exitFailed, "check the model that --embedder names and --base-url; what was committed is kept"},
	{as[*embed.UnavailableError], exitUnavailable, "what was done is kept: run the same command again"},
	{hubStatus(http.StatusUnauthorized, http.StatusForbidden), exitRefused, "set HF_TOKEN to a token that may read the model"},
	{hubStatus(http.StatusNotFound), exitFailed, "check the name, as it stands on the hub, and --revision"},
	{as[*model.UnreachableError], exitUnavailable, "what was loaded is kept: run the same command again"},
	{as[*model.RefusedError], exitUnavailable, "what was loaded is kept: run the same command again later"},
	{as[*eval.SyntaxError], exitUsage, ""},
	// Last: an error that stopped the run outranks one that did not.
	{as[*gateError], exitNothing, ""},
	{as[*partialError], exitPartial, ""},
	{is(errNothing), exitNothing, ""},
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func as[E error](err error) bool {
	var target E
	return errors.As(err, &target)
}

// unknownInDocument matches a class that is not known in a document of a pickle.
func unknownInDocument(err error) bool {
	var unknown *pickle.UnknownClassError
	return errors.As(err, &unknown) && unknown.Streamed
}

// noTemporaries matches the error of a temporary file whose folder is missing.
func noTemporaries(err error) bool {
	var path *fs.PathError
	if !errors.As(err, &path) || !errors.Is(path, fs.ErrNotExist) || filepath.Dir(path.Path) != filepath.Clean(os.TempDir()) {
		return false
	}
	_, err = os.Stat(os.TempDir())
	return errors.Is(err, fs.ErrNotExist)
}

// refusesAll matches the error of a service that would refuse any text: it knows
// no such model or path, for example.
func refusesAll(err error) bool {
	var refused *embed.RefusedError
	return errors.As(err, &refused) && (refused.Everything || refused.Status == http.StatusNotFound)
}

// hubStatus returns a function that matches an answer of the hub with one of the HTTP codes.
func hubStatus(codes ...int) func(error) bool {
	return func(err error) bool {
		var refused *model.RefusedError
		return errors.As(err, &refused) && slices.Contains(codes, refused.Status)
	}
}

// judge returns the exit code and the hint for err, which must not be nil: the hint that err
// carries, else the one of the table. A signal outranks the errors that it caused.
func judge(ctx context.Context, err error) (code int, remedy string) {
	var signal interrupted
	if errors.As(context.Cause(ctx), &signal) {
		return 128 + int(signal.signal), ""
	}
	code = exitFailed
	for _, o := range outcomes {
		if o.matches(err) {
			code, remedy = o.code, o.hint
			break
		}
	}
	return code, cmp.Or(hint.Of(err), remedy)
}

// report writes err to stderr and returns the exit code. hints are those of errors that have none, by
// their codes.
func (env *environment) report(ctx context.Context, err error, asJSON bool, hints map[int]string) int {
	if err == nil {
		return exitOK
	}
	code, remedy := judge(ctx, err)
	message := strings.ReplaceAll(messageOf(err), "\n", "; ") // errors.Join puts each on a line
	remedy, w := env.atStore(cmp.Or(remedy, hints[code])), env.streams.Err
	if code == exitInterrupted || code == exitTerminated {
		message = context.Cause(ctx).Error()
	}
	if errors.Is(err, errNothing) || errors.Is(err, syscall.EPIPE) {
		return code
	}
	if asJSON {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		_ = e.Encode(errorObject{message, remedy, code})
		return code
	}
	fmt.Fprintf(w, "sheaf: error: %s\n", visible(message))
	if remedy != "" {
		fmt.Fprintf(w, "sheaf: hint: %s\n", visible(remedy))
	}
	return code
}

// atStore returns a hint or a notice with the stores that --store names in each of its commands that would
// act on another one: those of verbs that work on these stores and name none. What is in quotes is no command.
func (env *environment) atStore(text string) string {
	if !env.config.StoreFlag {
		return text
	}
	flags := ""
	for _, name := range env.config.Stores {
		flags += " -s " + hint.ShellQuote(name)
	}
	quoted := regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\B'(?:[^']|'\\'')*'`) // made here for a quick start; \B: no apostrophe
	masked := quoted.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat("_", len(s)) })
	parts, at := strings.SplitAfter(masked, "sheaf "), len(text)
	for _, part := range slices.Backward(parts[1:]) {
		at -= len(part)
		clause, _, _ := strings.Cut(strings.NewReplacer(",", ";", ":", ";").Replace(part), ";")
		name := clause[:len(clause)-len(strings.TrimLeft(clause, "abcdefghijklmnopqrstuvwxyz-"))]
		named := strings.Contains(clause, " -s ") || strings.Contains(clause, " --store ") || strings.Contains(clause, " --help")
		if !named && env.takesStores(name, clause) {
			end := at + len(name)
			text = text[:end] + flags + text[end:]
		}
	}
	return text
}

// takesStores reports whether the command that begins with a verb works on the stores of the command line,
// which may be several.
func (env *environment) takesStores(name, command string) bool {
	all := verbs()
	i := slices.IndexFunc(all, func(v verb) bool { return v.name == name && v.group != groupTools })
	if i < 0 || len(env.config.Stores) == 1 {
		return i >= 0
	}
	c, _, _ := all[i].command(&environment{}).Find(strings.Fields(command)[1:])
	return c.Annotations[manyStores] != ""
}

// messageOf returns the text of an error. What it says of a file begins with the path, quoted, and not
// with the name of a system call; where the text before names the path, that is enough.
func messageOf(err error) string {
	text := err.Error()
	for _, e := range fileErrors(err) {
		raw, path, reason := e.Error(), strconv.Quote(e.path), ": "+e.reason.Error()
		text = strings.ReplaceAll(text, path+": "+raw, path+reason)
		text = strings.ReplaceAll(text, raw, path+reason)
	}
	return text
}

// fileError is an error about a file: of a link or a new name, about the new one.
type fileError struct {
	error
	path   string
	reason error
}

// fileErrors returns the errors about files that err wraps, also those that are joined in it.
func fileErrors(err error) (all []fileError) {
	var joined interface {
		error
		Unwrap() []error
	}
	var one *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &joined):
		for _, e := range joined.Unwrap() {
			all = append(all, fileErrors(e)...)
		}
	case errors.As(err, &one):
		all = append(all, fileError{one, one.Path, one.Err})
	case errors.As(err, &link):
		all = append(all, fileError{link, link.New, link.Err})
	}
	return all
}

// errorObject is an error under --json.
type errorObject struct {
	Error string `json:"error"`
	Hint  string `json:"hint"`
	Code  int    `json:"code"`
}
