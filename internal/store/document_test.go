package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"sheaf/internal/engine"
)

// A brief list has the places of all documents, dead ones between them or not.
func TestBrief(t *testing.T) {
	t.Parallel()
	w, err := Create(t.Context(), filepath.Join(t.TempDir(), ".sheaf"), engine.Facts{Dim: 1, Metric: engine.L2}, engine.Options{})
	must(t, err)
	defer w.Close()
	for _, name := range []string{"a", "b"} {
		src := engine.Source{Key: name, Name: name}
		r, err := w.Replace(t.Context(), src)
		must(t, err)
		for i := range 300 {
			d := engine.Document{ID: fmt.Sprint(name, i), Text: "text", StartLine: i, EndLine: i + 2}
			must(t, r.Add(t.Context(), d, []float32{1}, engine.Given))
		}
		r.Done(src)
		must(t, w.Commit(t.Context()))
	}
	var dead []string
	for i := range 300 {
		if i < 200 && i > 100 || i%3 == 0 {
			dead = append(dead, fmt.Sprint("a", i))
		}
	}
	sample{Writer: w}.remove(t, dead)
	var want []engine.Document
	for d, err := range w.Documents(t.Context(), engine.ListOptions{}) {
		must(t, err)
		want = append(want, d)
	}
	brief := func() (got []engine.Document, err error) {
		for d, err := range w.Documents(t.Context(), engine.ListOptions{Brief: true}) {
			if err != nil {
				return got, err
			}
			got = append(got, d)
		}
		return got, nil
	}
	got, err := brief()
	if err != nil || len(got) != len(want) || len(want) != 600-len(dead) {
		t.Fatalf("%d documents, not %d: %v", len(got), len(want), err)
	}
	for i, d := range got {
		if full := want[i]; d.ID != full.ID || d.Source != full.Source || d.StartLine != full.StartLine || d.EndLine != full.EndLine || d.Text != "" {
			t.Errorf("%+v, whole %+v", d, full)
		}
	}
	must(t, w.update(t.Context(), func(tx *tx) error { return tx.Exec(`DELETE FROM document WHERE id = 'b17'`) }))
	var format *engine.FormatError
	if _, err := brief(); !errors.As(err, &format) {
		t.Errorf("without a row: %v", err)
	}
}
