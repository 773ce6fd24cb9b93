package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/loader"
	"sheaf/internal/splitter"
)

// settings say how a source is read and split. The store keeps them with it.
type settings struct {
	Splitter *splitter.Options  `json:"splitter,omitempty"` // nil: the default for text, no splitting for records
	ByKind   bool               `json:"by_kind,omitempty"`  // the default is what suits the kind of the file
	Meta     []Meta             `json:"meta,omitempty"`
	Read     loader.ReadOptions `json:"read"`
	Format   loader.Format      `json:"format"`
	Convert  string             `json:"convert,omitempty"` // compared, so that another command reads the file again; never run
}

// Meta is a metadata value that all documents of a source get.
type Meta struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// defaultSplitter splits text where no other splitter is given: LangChain's
// character splitter with chunks of 1,000 code points that do not overlap.
var defaultSplitter = splitter.Options{Kind: splitter.Character, ChunkSize: 1000}

// splitterFor splits the text of a file where no other splitter is given and the store has
// always split by kind: source code and Markdown at what divides these, else as defaultSplitter.
func splitterFor(name string) splitter.Options {
	o := defaultSplitter
	if language := splitter.LanguageOf(name); language != "" {
		o.Kind, o.Language = splitter.Recursive, language
	}
	return o
}

func (s settings) encode() (string, error) {
	b, err := json.Marshal(s)
	return string(b), err
}

// settingsFor returns the settings of a source: the run's own, where they are given,
// else those of its last ingest; splitter and metadata of a new source are those
// of the store's first one. It returns them in the store's form too.
func (r *run) settingsFor(known engine.Source, exists bool, src loader.Source) (settings, string, error) {
	of := settingsOrigin{r.store.Settings(), exists, src.Format, src.Convert}
	if exists {
		of.kept = known.Settings
	}
	if same, found := r.settings[of]; found {
		return same.settings, same.encoded, nil
	}
	s, err := r.newSettings(of)
	if err != nil {
		return s, "", fmt.Errorf("reading the settings of %q: %w", known.Name, err)
	}
	encoded, err := s.encode()
	if len(r.settings) == maxSettings {
		clear(r.settings)
	}
	r.settings[of] = encodedSettings{s, encoded}
	return s, encoded, err
}

// settingsOrigin is what the settings of a source are made from, beside the run's own. Most sources have
// the same.
type settingsOrigin struct {
	kept    string // encoded settings of its last ingest, or the store's
	exists  bool
	format  loader.Format
	convert string
}

// encodedSettings are settings with their form in the store.
type encodedSettings struct {
	settings
	encoded string
}

const maxSettings = 64 // that are kept

func (r *run) newSettings(of settingsOrigin) (s settings, err error) {
	if of.kept != "" {
		if err := json.Unmarshal([]byte(of.kept), &s); err != nil {
			return s, err
		}
	}
	if !of.exists || s.Format == "" || r.o.Walk.Format != loader.Auto && r.o.Walk.Format != "" {
		s.Format = of.format
	}
	if s.Convert = of.convert; s.Convert != "" {
		s.Format = loader.Text
	}
	if of.kept == "" && !of.exists {
		s.ByKind = true
	}
	if r.o.Splitter != nil {
		s.Splitter, s.ByKind = r.o.Splitter, false
	}
	if r.o.Meta != nil {
		s.Meta = r.o.Meta
	}
	if !r.o.Read.IsZero() {
		s.Read = r.o.Read
	}
	return s, nil
}

// identify returns the source of the store that a key unknown to it stands for, such
// as one whose file was moved, or a new source. The name of a source is the path
// that it was first given by.
func (r *run) identify(ctx context.Context, key, name string) (known engine.Source, exists bool, err error) {
	other, taken, err := r.store.SourceByName(ctx, name)
	gone := false
	if err == nil && taken {
		gone, err = r.gone(other.Key)
	}
	switch {
	case err != nil:
		return known, false, err
	case taken && (gone || strings.HasPrefix(key, engine.StdinPrefix)):
		other.Key = key
		return other, true, nil
	case taken || r.names.has(name):
		wanted := name
		if name, err = r.o.Home.FreeName(wanted, key, func(name string) (bool, error) { return r.nameTaken(ctx, name) }); err != nil {
			return known, false, err
		}
		r.notice("another source is named %q: this one is named %q", wanted, name)
	}
	r.names.add(name)
	return engine.Source{Key: key, Name: name}, false, nil
}

// nameTaken reports whether a source of the store, or a new one of this run, has
// a name.
func (r *run) nameTaken(ctx context.Context, name string) (bool, error) {
	_, stored, err := r.store.SourceByName(ctx, name)
	return stored || r.names.has(name), err
}

// nameSet is a set of names by their hashes. Two names with one hash cost the second
// source its name.
type nameSet map[uint64]struct{}

func (n nameSet) add(name string) { n[hashOf(name)] = struct{}{} }

func (n nameSet) has(name string) bool {
	_, there := n[hashOf(name)]
	return there
}

// gone reports whether the file of a key does not exist any more; the error says
// why that cannot be told. A folder in its place counts as gone, a file that may not
// be looked at does not.
func (r *run) gone(key string) (bool, error) {
	info, err := os.Lstat(r.o.Home.Path(key))
	switch {
	case err == nil:
		return info.IsDir(), nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		return true, nil
	case errors.Is(err, fs.ErrPermission):
		return false, nil
	}
	return false, err
}

// mtimeGrain is how coarse the times of a file system may be: a file that was
// written this shortly before it is read may change again with the same time.
const mtimeGrain = 2 * time.Second

// trustedTime returns the modification time of a file, or zero where a later run must
// not rely on it.
func (r *run) trustedTime(src loader.Source) time.Time {
	if src.ModTime.IsZero() || r.start.Sub(src.ModTime) < mtimeGrain {
		return time.Time{}
	}
	return src.ModTime
}

// unchanged reports, without reading it, that src is what the store has.
func (r *run) unchanged(src loader.Source, known engine.Source, settings string) bool {
	return !r.o.Force && len(known.Hash) > 0 && known.Settings == settings &&
		known.Size == src.Size && !known.ModTime.IsZero() && known.ModTime.Equal(src.ModTime)
}

// interruptGrace is how long to wait for a signal when standard input has ended:
// one that ended the program at the other end of the pipe comes here as well, and
// then the input is not complete.
const interruptGrace = 50 * time.Millisecond

// interruptedWithin returns the cause of an interrupt that comes within d.
func interruptedWithin(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// Spooled is standard input in a temporary file, which the caller removes.
type Spooled struct {
	Path string
	Name string // as a source: a hash of the content behind [engine.StdinPrefix]
	Size int64
}

// Spool copies standard input to a temporary file. An error leaves no file.
func Spool(ctx context.Context, stdin io.Reader) (s Spooled, err error) {
	f, err := os.CreateTemp("", "sheaf-stdin-*")
	if err != nil {
		return s, err
	}
	s.Path = f.Name()
	hash := sha256.New()
	s.Size, err = io.Copy(io.MultiWriter(f, hash), stdin)
	if err == nil {
		err = interruptedWithin(ctx, interruptGrace)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return s, errors.Join(fmt.Errorf("reading standard input: %w", err), os.Remove(s.Path))
	}
	s.Name = engine.StdinPrefix + hex.EncodeToString(hash.Sum(nil)[:8])
	return s, nil
}

// spool makes standard input a source with a name, in a temporary file.
func (r *run) spool(ctx context.Context, src loader.Source) (loader.Source, error) {
	s, err := Spool(ctx, r.o.Stdin)
	src.Path, src.Size, src.Name = s.Path, s.Size, s.Name
	if r.o.Name != "" {
		src.Name = engine.StdinPrefix + r.o.Name
	}
	return src, err
}
