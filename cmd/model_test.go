package cmd

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sheaf/internal/model/modeltest"
	"sheaf/internal/transformer/transformertest"
	"sheaf/internal/use/usetest"
)

// smallModel writes a small model to a folder:
// smallmodel DIR [seed=N] [query=TEXT] [passage=TEXT] [KEY=VALUE of config.json]...
func smallModel(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: smallmodel DIR [seed=N] [query=TEXT] [passage=TEXT] [KEY=VALUE]...")
	}
	m := transformertest.Model{Normalize: true, Config: map[string]any{}, Prompts: map[string]string{}}
	for _, a := range args[1:] {
		key, value, _ := strings.Cut(a, "=")
		switch key {
		case "seed":
			seed, err := strconv.ParseUint(value, 10, 64)
			ts.Check(err)
			m.Seed = seed
		case "query", "passage":
			m.Prompts[key] = value
		default:
			var v any = value
			if json.Valid([]byte(value)) {
				v = json.RawMessage(value)
			}
			m.Config[key] = v
		}
	}
	ts.Check(m.Write(ts.MkAbs(args[0])))
}

// smallUSE writes the files of a small USE, as its package has them, to a folder: smalluse DIR
func smallUSE(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: smalluse DIR")
	}
	ts.Check(usetest.Write(ts.MkAbs(args[0]), 1))
}

// fakeHub starts a hub with the model of a folder for the rest of the script and points sheaf
// at it: fakehub NAME DIR [token=T] [cut=BYTES]...
func fakeHub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fakehub NAME DIR [token=T] [cut=BYTES]...")
	}
	h := modeltest.NewHub(args[0], ts.MkAbs(args[1]))
	for _, a := range args[2:] {
		if token, ok := strings.CutPrefix(a, "token="); ok {
			h.Require(token)
			continue
		}
		after, err := strconv.ParseInt(strings.TrimPrefix(a, "cut="), 10, 64)
		ts.Check(err)
		h.Cut(after)
	}
	ts.Defer(h.Close)
	ts.Setenv("HF_ENDPOINT", h.URL)
}

// fillCache puts the model of a folder into Python's cache: hfcache CACHE NAME DIR
func fillCache(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: hfcache CACHE NAME DIR")
	}
	ts.Check(modeltest.FillCache(ts.MkAbs(args[0]), args[1], ts.MkAbs(args[2])))
}

// TestModelAddShowsProgress runs model add as on a terminal.
func TestModelAddShowsProgress(t *testing.T) {
	weights := t.TempDir()
	if err := (transformertest.Model{}).Write(weights); err != nil {
		t.Fatal(err)
	}
	h := modeltest.NewHub("me/mine", weights)
	t.Cleanup(h.Close)
	t.Setenv("HF_ENDPOINT", h.URL)
	for _, tt := range []struct {
		terminal bool
		flag     string
		want     bool
	}{{true, "--verbose", true}, {true, "--quiet", false}, {true, "--no-progress", false}, {false, "--verbose", false}} {
		t.Setenv("XDG_DATA_HOME", t.TempDir())
		s, out, errs := recorded("")
		s.ErrTerminal = tt.terminal
		code := Main(t.Context(), []string{"model", "add", "--config", os.DevNull, tt.flag, "me/mine"}, s)
		if code != 0 || !strings.Contains(out.String(), "hf:me/mine") {
			t.Fatalf("%+v: exit code %d: %s, %s", tt, code, out, errs)
		}
		if got := strings.Contains(errs.String(), "loading"); got != tt.want {
			t.Errorf("%+v: a bar: %v, in %q", tt, got, errs)
		}
	}
}

// TestLibraryPlaces checks the folders in which models are looked for.
func TestLibraryPlaces(t *testing.T) {
	for _, tt := range []struct {
		env        map[string]string
		dir, cache string
	}{
		{map[string]string{}, "/home/me/.local/share/sheaf/models", "/home/me/.cache/huggingface/hub"},
		{map[string]string{"XDG_DATA_HOME": "/data", "XDG_CACHE_HOME": "/cache"}, "/data/sheaf/models", "/cache/huggingface/hub"},
		{map[string]string{"XDG_DATA_HOME": "data", "XDG_CACHE_HOME": "cache"}, "/home/me/.local/share/sheaf/models", "/home/me/.cache/huggingface/hub"},
		{map[string]string{"HF_HOME": "/hf"}, "/home/me/.local/share/sheaf/models", "/hf/hub"},
		{map[string]string{"HF_HOME": "/hf", "HF_HUB_CACHE": "/hub"}, "/home/me/.local/share/sheaf/models", "/hub"},
	} {
		for _, name := range []string{"XDG_DATA_HOME", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE"} {
			t.Setenv(name, tt.env[name])
		}
		t.Setenv("HOME", "/home/me")
		l := new(environment).library()
		if l.Dir != tt.dir || l.Cache != tt.cache {
			t.Errorf("%v: %q and %q, want %q and %q", tt.env, l.Dir, l.Cache, tt.dir, tt.cache)
		}
	}
}
