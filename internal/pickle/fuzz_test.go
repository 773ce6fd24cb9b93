package pickle_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"sheaf/internal/langchain/langchaintest"
	"sheaf/internal/pickle"
)

// FuzzReader: a file gives a value or an *Error, never a panic, and streamed objects
// have the states that they have when they are not streamed.
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
		document := func(module, name string) (wanted, streamed bool) {
			return strings.HasPrefix(module, "langchain") || strings.HasPrefix(module, "faiss."), name == "Document"
		}
		var states [][]byte
		stream := func(state *pickle.Dict) (pickle.Value, error) {
			states = append(states, written(state))
			return int64(len(states) - 1), nil
		}
		lenient := pickle.Options{Object: document, Stream: stream, Unknown: true}
		if v, _, err := pickle.Load(bytes.NewReader(b), int64(len(b)), lenient); err == nil {
			written(v)
		}
		states = nil
		v, _, err := pickle.Load(bytes.NewReader(b), int64(len(b)), pickle.Options{Object: document, Stream: stream})
		if err != nil {
			return
		}
		written(v)
		kept := func(module, name string) (bool, bool) { wanted, _ := document(module, name); return wanted, false }
		whole, _, err := pickle.Load(bytes.NewReader(b), int64(len(b)), pickle.Options{Object: kept})
		if err != nil {
			if !strings.Contains(err.Error(), "memory") && !strings.Contains(err.Error(), "nested deeper") {
				t.Fatalf("with its documents: %v", err)
			}
			return
		}
		compare(t, v, whole, states, 0)
	})
}

// written returns a value as JSON, if it is small enough to try.
func written(v pickle.Value) []byte {
	if pickle.Weight(v) > 1<<20 {
		return nil
	}
	b, _, _ := pickle.AppendJSON(nil, v) // some values have none
	return b
}

// compare makes sure that the streamed objects in a value had the states that they
// have in whole.
func compare(t *testing.T, v, whole pickle.Value, states [][]byte, depth int) {
	if depth > 8 || pickle.Weight(v) > 1<<20 {
		return
	}
	var parts, wholes []pickle.Value
	switch v := v.(type) {
	case *pickle.Object:
		state := whole.(*pickle.Object).State
		if i, ok := v.State.(int64); ok {
			if again := written(state); !bytes.Equal(states[i], again) {
				t.Errorf("the state %q was streamed as %q", again, states[i])
			}
			return
		}
		parts, wholes = []pickle.Value{v.State}, []pickle.Value{state}
	case *pickle.Tuple:
		parts, wholes = v.Items, whole.(*pickle.Tuple).Items
	case *pickle.List:
		parts, wholes = v.Items, whole.(*pickle.List).Items
	case *pickle.Dict:
		for i, e := range v.Entries {
			parts, wholes = append(parts, e.Value), append(wholes, whole.(*pickle.Dict).Entries[i].Value)
		}
	}
	for i, part := range parts[:min(len(parts), 16)] {
		compare(t, part, wholes[i], states, depth+1)
	}
}
