package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/loader"
	"sheaf/internal/splitter"
)

// first is a store with the settings of its first run, and no source.
type first struct {
	Reader
	settings string
}

func (s first) Settings() string { return s.settings }

func (first) SourceByName(context.Context, string) (engine.Source, bool, error) {
	return engine.Source{}, false, nil
}

func encoded(t *testing.T, s settings) string {
	t.Helper()
	text, err := s.encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What is given holds, else what the source had, else what the store's first run gave a new one.
func TestSettingsFor(t *testing.T) {
	t.Parallel()
	small, large := &splitter.Options{Kind: splitter.Character, ChunkSize: 4}, &splitter.Options{Kind: splitter.Character, ChunkSize: 9}
	meta := []Meta{{Key: "lang", Value: json.RawMessage(`"en"`)}}
	store := settings{Splitter: small, Meta: meta}
	own := settings{Splitter: large, Format: loader.JSONL}
	for name, tt := range map[string]struct {
		options     Options
		store, kept settings
		exists      bool
		src         loader.Source
		want        settings
	}{
		"new in a new store":     {src: loader.Source{Format: loader.Text}, want: settings{Format: loader.Text, ByKind: true}},
		"new":                    {store: store, src: loader.Source{Format: loader.Text}, want: settings{Splitter: small, Meta: meta, Format: loader.Text}},
		"known":                  {store: store, kept: own, exists: true, src: loader.Source{Format: loader.Text}, want: own},
		"known, of an old store": {exists: true, src: loader.Source{Format: loader.Text}, want: settings{Format: loader.Text}},
		"known, format given": {
			options: Options{Walk: loader.WalkOptions{Format: loader.CSV}}, kept: own, exists: true,
			src: loader.Source{Format: loader.CSV}, want: settings{Splitter: large, Format: loader.CSV},
		},
		"known, format found": {
			options: Options{Walk: loader.WalkOptions{Format: loader.Auto}}, kept: own, exists: true,
			src: loader.Source{Format: loader.Text}, want: own,
		},
		"known, all given": {
			options: Options{Splitter: small, Meta: meta, Read: loader.ReadOptions{Encoding: "latin1"}}, kept: own, exists: true,
			want: settings{Splitter: small, Meta: meta, Read: loader.ReadOptions{Encoding: "latin1"}, Format: loader.JSONL},
		},
		"converted": {
			src: loader.Source{Format: loader.JSONL, Convert: "pdftotext"}, want: settings{Format: loader.Text, Convert: "pdftotext", ByKind: true},
		},
	} {
		s, known := first{}, engine.Source{}
		if tt.store.Splitter != nil {
			s.settings = encoded(t, tt.store)
		}
		if tt.kept.Splitter != nil {
			known.Settings = encoded(t, tt.kept)
		}
		r := newRun(s, nil, tt.options)
		for range 2 { // the second time they are kept
			got, form, err := r.settingsFor(known, tt.exists, tt.src)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if want := encoded(t, tt.want); form != want {
				t.Errorf("%s: %s, want %s", name, form, want)
			}
		}
	}
}

// Each source has its own settings, however many there are and in whatever order they are asked for.
func TestSettingsOfMany(t *testing.T) {
	t.Parallel()
	r := newRun(first{}, nil, Options{})
	for i := range 3 * 2 * maxSettings {
		own := settings{Splitter: &splitter.Options{Kind: splitter.Character, ChunkSize: 1 + i%(2*maxSettings)}, Format: loader.CSV}
		got, form, err := r.settingsFor(engine.Source{Settings: encoded(t, own)}, true, loader.Source{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(own, got); diff != "" || form != encoded(t, own) {
			t.Fatalf("%s (-want +got):\n%s", form, diff)
		}
		if len(r.settings) > maxSettings {
			t.Fatalf("%d settings are kept", len(r.settings))
		}
	}
}

// Two files that are new in one run and have one name get two, of which the run tells.
func TestTwoSourcesOfOneName(t *testing.T) {
	t.Parallel()
	var notices []string
	r := newRun(first{}, nil, Options{Notice: func(text string) { notices = append(notices, text) }})
	names := map[string]bool{}
	for _, key := range []string{"x/a", "y/a", "z/a"} {
		src, exists, err := r.identify(t.Context(), key, "a")
		if exists || err != nil || names[src.Name] || src.Key != key {
			t.Errorf("%+v, %v, %v", src, exists, err)
		}
		names[src.Name] = true
	}
	if !names["a"] || len(notices) != 2 || !strings.HasPrefix(notices[0], `another source is named "a"`) {
		t.Errorf("%v, %q", names, notices)
	}
}

// The time of a file that was just written says nothing about a later change.
func TestTrustedTime(t *testing.T) {
	t.Parallel()
	r := &run{start: time.Unix(100, 0)}
	for at, trusted := range map[time.Time]bool{
		{}: false, time.Unix(97, 0): true, time.Unix(98, 0): true, time.Unix(98, 1): false, time.Unix(200, 0): false,
	} {
		got := r.trustedTime(loader.Source{ModTime: at})
		if trusted && !got.Equal(at) || !trusted && !got.IsZero() {
			t.Errorf("%v: %v", at, got)
		}
	}
}

// Standard input is named by its content.
func TestSpool(t *testing.T) {
	t.Parallel()
	s, err := Spool(t.Context(), strings.NewReader("some text"))
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte("some text"))
	if want := engine.StdinPrefix + hex.EncodeToString(hash[:8]); s.Name != want || s.Size != 9 {
		t.Errorf("%+v, want %s", s, want)
	}
	if text, err := os.ReadFile(s.Path); err != nil || string(text) != "some text" {
		t.Errorf("%q, %v", text, err)
	}
	if err := os.Remove(s.Path); err != nil {
		t.Error(err)
	}
}
