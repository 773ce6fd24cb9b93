package pickle_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"sheaf/internal/langchain/langchaintest"
	"sheaf/internal/pickle"
)

// FuzzReader: a file gives a value or an *Error, never a panic, and what was
// deferred is read again as it was read first.
func FuzzReader(f *testing.F) {
	golden := langchaintest.Golden(f)
	for _, pattern := range []string{"stores/lcc-0.4.2/*/*.pkl", "stores/*/exotic/index.pkl", "hostile/pickles/*.pkl", "hostile/bytes/*.bin"} {
		files, err := fs.Glob(golden, pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(pattern, err)
		}
		for _, file := range files {
			b, err := fs.ReadFile(golden, file)
			if err != nil {
				f.Fatal(err)
			}
			if len(b) < 10_000 {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var first [][]byte
		var taken []pickle.Place
		o := pickle.Options{
			Object: func(module, name string) (wanted, deferred bool) {
				return strings.HasPrefix(module, "langchain") || strings.HasPrefix(module, "faiss."), name == "Document"
			},
			Check: func(state *pickle.Dict) error {
				first = append(first, written(state))
				return nil
			},
			Take: func(_ *pickle.Dict, key, value pickle.Value) (bool, error) {
				o, _ := value.(*pickle.Object)
				if o == nil || key == pickle.None || len(taken) == 16 {
					return false, nil
				}
				p, deferred := o.Deferred()
				if deferred {
					taken = append(taken, p)
				}
				return deferred, nil
			},
		}
		r, err := pickle.NewReader(bytes.NewReader(b), int64(len(b)), o)
		if err != nil {
			return
		}
		v, err := r.Load()
		if err != nil {
			return
		}
		written(v)
		for _, p := range append(deferred(v, 0), taken...) {
			state, err := r.State(p)
			if err != nil {
				t.Fatalf("reading a deferred state again: %v", err)
			}
			again := written(state)
			found := false
			for _, b := range first {
				found = found || bytes.Equal(b, again)
			}
			if !found {
				t.Errorf("a deferred state is %q, which it was not at first", again)
			}
		}
	})
}

// written is a value as JSON where that is small enough to try.
func written(v pickle.Value) []byte {
	if pickle.Weight(v) > 1<<20 {
		return nil
	}
	b, _, _ := pickle.AppendJSON(nil, v) // some values have none
	return b
}

// deferred finds some of the deferred objects in a value.
func deferred(v pickle.Value, depth int) (all []pickle.Place) {
	if depth > 8 || pickle.Weight(v) > 1<<20 {
		return nil
	}
	var parts []pickle.Value
	switch v := v.(type) {
	case *pickle.Object:
		if p, late := v.Deferred(); late {
			return []pickle.Place{p}
		}
		parts = []pickle.Value{v.State}
	case *pickle.Tuple:
		parts = v.Items
	case *pickle.List:
		parts = v.Items
	case *pickle.Dict:
		for _, e := range v.Entries {
			parts = append(parts, e.Value)
		}
	}
	for _, part := range parts[:min(len(parts), 16)] {
		all = append(all, deferred(part, depth+1)...)
	}
	return all
}
