package store_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"sheaf/internal/crash"
	"sheaf/internal/engine"
	"sheaf/internal/metadata"
)

// TestImportOfReusedVectors: vectors that are valid only until the next one
// comes are stored as they were.
func TestImportOfReusedVectors(t *testing.T) {
	t.Parallel()
	const n = 1000
	shared := make([]float32, 3)
	w, dir := create(t, facts)
	_, err := importInto(t.Context(), w, func(yield func(engine.Transfer, error) bool) {
		for i := range n {
			shared[0] = float32(i)
			if !yield(transfer(fmt.Sprint(i), "text", "s", shared), nil) {
				return
			}
		}
	}, engine.OnConflictFail)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	for i, d := range list(t, open(t, dir), engine.ListOptions{WithVectors: true}) {
		if !slices.Equal(d.Vector, []float32{float32(i), 0, 0}) {
			t.Fatalf("document %d: %v", i, d.Vector)
		}
	}
}

// TestImportStopsItsReader: whichever side fails, the other has ended when the
// import returns, and its error is the one that came first.
func TestImportStopsItsReader(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	broken, reading := errors.New("the file ends too early"), true
	_, err := importInto(t.Context(), w, func(yield func(engine.Transfer, error) bool) {
		if yield(transfer("1", "text", "s", []float32{1, 2, 3}), nil) {
			yield(engine.Transfer{}, broken)
		}
		reading = false
	}, engine.OnConflictFail)
	if !errors.Is(err, broken) || reading {
		t.Errorf("%v; still reading: %v", err, reading)
	}
	w, _ = create(t, facts)
	given := 0
	_, err = importInto(t.Context(), w, func(yield func(engine.Transfer, error) bool) {
		for reading = true; yield(transfer(fmt.Sprint(given), "text", "s", []float32{1, 2}), nil); given++ {
		}
		reading = false
	}, engine.OnConflictFail)
	var mismatch *engine.MismatchError
	if !errors.As(err, &mismatch) || reading {
		t.Errorf("%v; still reading after %d: %v", err, given, reading)
	}
}

// TestTheFirstErrorOfAnImport: what was read before the input breaks off is looked at first.
func TestTheFirstErrorOfAnImport(t *testing.T) {
	t.Parallel()
	odd := transfer("2", "text", "s", []float32{1, 2, 3})
	odd.Metadata = metadata.Raw([]byte(`{"a":`))
	for name, docs := range map[string]iter.Seq2[engine.Transfer, error]{
		"the end": func(yield func(engine.Transfer, error) bool) {
			_ = yield(transfer("1", "text", "s", []float32{1, 2}), nil) && yield(engine.Transfer{}, errors.New("the file ends too early"))
		},
		"bad metadata": transfers(transfer("1", "text", "s", []float32{1, 2}), odd),
	} {
		w, _ := create(t, facts)
		var mismatch *engine.MismatchError
		if _, err := importInto(t.Context(), w, docs, engine.OnConflictFail); !errors.As(err, &mismatch) {
			t.Errorf("%s: %v, want that of the first document", name, err)
		}
	}
}

// TestImportOfAPanic: a panic of what reads the documents is an error of the import.
func TestImportOfAPanic(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	var crashed *crash.Error
	_, err := importInto(t.Context(), w, func(func(engine.Transfer, error) bool) { panic("odd file") }, engine.OnConflictFail)
	if !errors.As(err, &crashed) {
		t.Errorf("%v, want a crash", err)
	}
	if err := w.Discard(); err != nil {
		t.Error(err)
	}
}
