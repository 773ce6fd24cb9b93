package cmd

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"sheaf/internal/model/modeltest"
	"sheaf/internal/transformer/transformertest"
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

// fakeHub starts a hub with the model of a folder for the rest of the script and points sheaf
// at it: fakehub NAME DIR [token=T] [cut=BYTES]...
func fakeHub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fakehub NAME DIR [token=T] [cut=BYTES]...")
	}
	h := modeltest.NewHub(args[0], ts.MkAbs(args[1]))
	for _, a := range args[2:] {
		if token, ok := strings.CutPrefix(a, "token="); ok {
			h.Token = token
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
