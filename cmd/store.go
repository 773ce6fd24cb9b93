package cmd

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/hint"
	"sheaf/internal/ingest"
	"sheaf/internal/langchain"
	"sheaf/internal/postgres"
	"sheaf/internal/progress"
	"sheaf/internal/store"
	"sheaf/internal/weaviate"
)

// reader is a store that is open for reading. Each answer is consistent in itself:
// it is of one moment.
type reader interface {
	engine.Searcher
	ingest.Reader

	Get(ctx context.Context, ids []string, withVectors bool) (docs []engine.Document, missing []string, err error)
	Documents(ctx context.Context, o engine.ListOptions) iter.Seq2[engine.Document, error]
	Sources(ctx context.Context, f *filter.Filter) iter.Seq2[engine.SourceInfo, error]
	Snapshot(ctx context.Context) (engine.Snapshot, error)
	Close() error

	// SelectIDs returns also the ids that the store does not have.
	SelectIDs(ctx context.Context, ids []string) (set engine.Set, missing []string, err error)
	Select(ctx context.Context, what engine.Selection) (engine.Set, error)
	// IDs yields the ids of a set in the order of insertion.
	IDs(ctx context.Context, set engine.Set) iter.Seq2[string, error]
}

// writer is a store that no other process can change. It reads what is committed.
type writer interface {
	reader
	ingest.Writer

	// Delete deletes all documents of the set and commits or, on an error, none.
	// IDs still yields their ids until the writer is closed.
	Delete(ctx context.Context, set engine.Set) error
	// Merge adds documents with their vectors and commits: all of them or, on
	// any error, none.
	Merge(ctx context.Context, from []engine.Snapshot, policy engine.OnConflict) (engine.Merged, error)
	// Bind sets the embedder of a store that has none, for good.
	Bind(ctx context.Context, embedder, fingerprint string) error
	// Compact frees the space of deleted documents.
	Compact(ctx context.Context) (engine.Compacted, error)
	// Discard closes the store, and removes it where this writer made it and
	// nothing was committed since.
	Discard() error
}

// opener opens the store that --store names.
type opener interface {
	Open(ctx context.Context, name string, o engine.Options) (reader, error)
	OpenWriter(ctx context.Context, name string, o engine.Options) (writer, error)
	Create(ctx context.Context, name string, f engine.Facts, o engine.Options) (writer, error)
	// Home is the folder that the keys of the store's sources are relative to.
	Home(name string) (engine.Home, error)
	// Same reports whether two names are those of one store.
	Same(a, b string) bool
	// Check verifies everything in a store, and mends what can be mended where repair is
	// asked for.
	Check(ctx context.Context, name string, o engine.Options, repair bool) ([]problem, error)
}

// everywhere opens the stores that users can name: a URL by the engine that its scheme
// names, anything else as a folder.
type everywhere struct{}

// engineFor returns what opens a store.
func engineFor(name string) (opener, error) {
	scheme, _, isURL := strings.Cut(name, "://")
	switch {
	case postgres.Is(name):
		return tables{}, nil
	case weaviate.Is(name):
		return collections{}, nil
	case isURL:
		return nil, hint.With(usagef("no store has the scheme %q", scheme), "name a folder, a table as postgres://[user@]host[:port]/database?table=NAME, or a collection as weaviate[s]://host[:port]/Collection")
	}
	return folders{}, nil
}

func (everywhere) Open(ctx context.Context, name string, o engine.Options) (reader, error) {
	e, err := engineFor(name)
	if err != nil {
		return nil, err
	}
	return e.Open(ctx, name, o)
}

func (everywhere) OpenWriter(ctx context.Context, name string, o engine.Options) (writer, error) {
	e, err := engineFor(name)
	if err != nil {
		return nil, err
	}
	return e.OpenWriter(ctx, name, o)
}

func (everywhere) Create(ctx context.Context, name string, f engine.Facts, o engine.Options) (writer, error) {
	e, err := engineFor(name)
	if err != nil {
		return nil, err
	}
	return e.Create(ctx, name, f, o)
}

func (everywhere) Home(name string) (engine.Home, error) {
	e, err := engineFor(name)
	if err != nil {
		return "", err
	}
	return e.Home(name)
}

func (everywhere) Same(a, b string) bool {
	x, err1 := engineFor(a)
	y, err2 := engineFor(b)
	return err1 == nil && err2 == nil && x == y && x.Same(a, b)
}

func (everywhere) Check(ctx context.Context, name string, o engine.Options, repair bool) ([]problem, error) {
	e, err := engineFor(name)
	if err != nil {
		return nil, err
	}
	return e.Check(ctx, name, o, repair)
}

// opened returns a store as a T. A nil pointer is not one.
func opened[S, T any](s S, err error) (t T, _ error) {
	if err != nil {
		return t, err
	}
	return any(s).(T), nil
}

// folders opens stores that are folders.
type folders struct{}

func (folders) Open(ctx context.Context, name string, o engine.Options) (reader, error) {
	s, err := store.Open(ctx, name, o)
	return opened[*store.Store, reader](s, hintAtStore(name, err))
}

func (folders) OpenWriter(ctx context.Context, name string, o engine.Options) (writer, error) {
	w, err := store.OpenWriter(ctx, name, o)
	return opened[*store.Writer, writer](w, hintAtStore(name, err))
}

// hintAtStore adds to the error of a folder that is no store how one is made of it, where it is LangChain's, or
// where one of that name is in a folder above.
func hintAtStore(dir string, err error) error {
	if !errors.Is(err, engine.ErrNotExist) {
		return err
	}
	if _, missing := os.Stat(filepath.Join(dir, langchain.DefaultName+".faiss")); missing == nil {
		return hint.With(err, "it is an index of LangChain or Faiss: sheaf import %s --store DIR makes a store of it", hint.ShellQuote(dir))
	}
	if above := storeAbove(dir); above != "" {
		return hint.With(err, "a store is in %s: add -s %s; sheaf ingest PATH makes one here", above, hint.ShellQuote(above))
	}
	return err
}

// storeAbove is the path of the nearest store of a name in the folders above the current one, up to the user's
// home; "" where there is none. It is only told of: what is above may be another's.
func storeAbove(name string) string {
	here, err := os.Getwd()
	if err != nil || !filepath.IsLocal(name) {
		return ""
	}
	home, _ := os.UserHomeDir()
	path := name
	for dir := here; dir != home && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path = filepath.Join("..", path)
		if store.Is(path) {
			return filepath.ToSlash(path)
		}
	}
	return ""
}

// tellStoreAbove gives notice of a store above the current folder, where one was made here at the default place.
func (env *environment) tellStoreAbove(notice func(string)) {
	if env.config.Store != defaultStore {
		return
	}
	if above := storeAbove(defaultStore); above != "" {
		notice("a store is in " + above + " too, and this run made another one here: add -s " + hint.ShellQuote(above) + " to use that")
	}
}

func (folders) Create(ctx context.Context, name string, f engine.Facts, o engine.Options) (writer, error) {
	switch {
	case o.Partitions > 0:
		return nil, &engine.UnsupportedError{Problem: "a folder has no partitions", Remedy: "leave --partitions out, or name a table of PostgreSQL or a collection of Weaviate"}
	case o.Index != "":
		return nil, &engine.UnsupportedError{Problem: "a folder has no such index", Remedy: "leave --index out: sheaf tune --index makes one for a folder that is filled"}
	}
	w, err := store.Create(ctx, name, f, o)
	return opened[*store.Writer, writer](w, err)
}

func (folders) Home(name string) (engine.Home, error) { return store.Home(name) }
func (folders) Same(a, b string) bool                 { return store.Same(a, b) }

func (folders) Check(ctx context.Context, name string, o engine.Options, repair bool) (problems []problem, err error) {
	look := store.Check
	if repair {
		look = store.Repair
	}
	found, err := look(ctx, name, o)
	for _, p := range found {
		problems = append(problems, problem{p.Kind, p.Path, p.Message, p.Remedy, p.Damage(), p.Repaired})
	}
	return problems, hintAtStore(name, err)
}

// tables opens stores that are tables of PostgreSQL. No folder holds them, so the keys of
// their sources are absolute paths.
type tables struct{}

func (tables) Open(ctx context.Context, name string, o engine.Options) (reader, error) {
	s, err := postgres.Open(ctx, name, o)
	return opened[*postgres.Store, reader](s, err)
}

func (tables) OpenWriter(ctx context.Context, name string, o engine.Options) (writer, error) {
	w, err := postgres.OpenWriter(ctx, name, o)
	return opened[*postgres.Writer, writer](w, err)
}

func (tables) Create(ctx context.Context, name string, f engine.Facts, o engine.Options) (writer, error) {
	w, err := postgres.Create(ctx, name, f, o)
	return opened[*postgres.Writer, writer](w, err)
}

func (tables) Home(string) (engine.Home, error) { return "", nil }
func (tables) Same(a, b string) bool            { return postgres.Same(a, b) }

func (tables) Check(ctx context.Context, name string, o engine.Options, repair bool) (problems []problem, err error) {
	found, err := postgres.Check(ctx, name, o, repair)
	for _, p := range found {
		problems = append(problems, problem{p.Kind, name, p.Message, p.Remedy, true, p.Repaired})
	}
	return problems, err
}

// collections opens stores that are collections of Weaviate. The keys of their sources are those of tables.
type collections struct{}

func (collections) Open(ctx context.Context, name string, o engine.Options) (reader, error) {
	s, err := weaviate.Open(ctx, name, o)
	return opened[*weaviate.Store, reader](s, err)
}

func (collections) OpenWriter(ctx context.Context, name string, o engine.Options) (writer, error) {
	w, err := weaviate.OpenWriter(ctx, name, o)
	return opened[*weaviate.Writer, writer](w, err)
}

func (collections) Create(ctx context.Context, name string, f engine.Facts, o engine.Options) (writer, error) {
	if o.Index != "" {
		return nil, &engine.UnsupportedError{Problem: "sheaf makes no approximate index in Weaviate", Remedy: "leave --index out, or name a table of PostgreSQL"}
	}
	w, err := weaviate.Create(ctx, name, f, o)
	return opened[*weaviate.Writer, writer](w, err)
}

func (collections) Home(string) (engine.Home, error) { return "", nil }
func (collections) Same(a, b string) bool            { return weaviate.Same(a, b) }

func (collections) Check(ctx context.Context, name string, o engine.Options, repair bool) (problems []problem, err error) {
	found, err := weaviate.Check(ctx, name, o, repair)
	for _, p := range found {
		problems = append(problems, problem{p.Kind, name, p.Message, p.Remedy, true, p.Repaired})
	}
	return problems, err
}

// storeOptions returns the options with which stores are opened. progress may be nil.
func (env *environment) storeOptions(progress func(n int)) engine.Options {
	return engine.Options{LockTimeout: env.config.LockTimeout, Holder: env.command, Progress: progress, Partial: env.partial, Notice: env.notice}
}

// addPartial declares the flag of verbs that read.
func (env *environment) addPartial(flags *pflag.FlagSet) {
	flags.BoolVar(&env.partial, "partial", false, "answer from what is within reach where a server of Weaviate is away, and say so")
}

// withStore opens the store for reading and calls use with it.
func (env *environment) withStore(ctx context.Context, use func(reader) error) error {
	s, err := env.stores.Open(ctx, env.config.Store, env.storeOptions(nil))
	if err != nil {
		return err
	}
	return errors.Join(use(s), s.Close())
}

// openWriter opens the store for writing.
func (env *environment) openWriter(ctx context.Context, progress func(n int)) (writer, error) {
	o := env.storeOptions(progress)
	indexing := &indexing{env: env}
	defer indexing.stop()
	o.Indexing = indexing.tell
	w, err := env.stores.OpenWriter(ctx, env.config.Store, o)
	env.started.writing = err == nil
	return w, err
}

// indexing shows how the documents of a store that was made before there was an index
// of words are indexed.
type indexing struct {
	env     *environment
	counter progress.Counter
	shown   *display // nil before the first documents
}

func (i *indexing) tell(done, total int64) {
	if i.shown == nil {
		i.counter.SetTotal(int(total))
		i.shown = i.env.showProgress(&i.counter, "indexing words", "document")
	}
	i.counter.AddChunks(int(done - i.counter.Snapshot().Chunks))
}

func (i *indexing) stop() {
	if i.shown != nil {
		i.shown.stop()
	}
}

// index makes the approximate index that a store was made to have, once it has documents
// enough, and gives notice of it.
func (env *environment) index(ctx context.Context, w writer) error {
	i, ok := w.(interface {
		Index(ctx context.Context) (documents int64, made bool, err error)
	})
	if !ok {
		return nil
	}
	documents, made, err := i.Index(ctx)
	if made {
		env.notice("the approximate index was made of " + count(int(documents), "document"))
	}
	return err
}

// openOrCreate opens the store for writing. Where there is none, it creates one
// with the facts that facts returns and with o.
func (env *environment) openOrCreate(ctx context.Context, o engine.Options, facts func() (engine.Facts, error)) (w writer, created bool, err error) {
	w, err = env.openWriter(ctx, o.Progress)
	if !errors.Is(err, engine.ErrNotExist) {
		return w, false, err
	}
	f, err := facts()
	if err != nil {
		return nil, false, err
	}
	w, err = env.stores.Create(ctx, env.config.Store, f, o)
	env.started.writing = err == nil
	return w, err == nil, err
}
