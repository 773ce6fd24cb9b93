package tokenfile_test

import (
	"errors"
	"testing"

	"sheaf/internal/tokenfile"
)

// words reads a list of texts and numbers.
func words(all *[]any) func(*tokenfile.Reader) error {
	return func(r *tokenfile.Reader) error {
		for ok := r.Next('['); !r.Next(']'); ok = r.Next(',') {
			var x any
			if text, isText := r.Text(); isText {
				x = string(text)
			} else {
				x, isText = r.Float()
				ok = ok && isText
			}
			if !ok {
				return errors.New("malformed")
			}
			*all = append(*all, x)
		}
		return nil
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	var rest struct {
		Model struct{ Type string }
		After int
	}
	var all []any
	file := `{"model": {"type": "Unigram", "vocab" : [ "a", "\u00e9\"", -1.5e1 , 0] }, "after": 7}`
	if err := tokenfile.Decode([]byte(file), words(&all), &rest); err != nil {
		t.Fatal(err)
	}
	if len(all) != 4 || all[0] != "a" || all[1] != "é\"" || all[2] != -15.0 || all[3] != 0.0 || rest.After != 7 || rest.Model.Type != "Unigram" {
		t.Errorf("%q, %+v", all, rest)
	}
	for file, want := range map[string]string{
		``:                           "its model has no vocab",
		`{"vocab"`:                   "its model has no vocab",
		`{"vocab": []}`:              "its model has no vocab",
		`{"model": {"vocab": [}}`:    "malformed",
		`{"model": {"vocab": [.5]}}`: "malformed",
		`{"model": {"vocab": ["\ud800` + "\x01\"]}}": "malformed",
		`{"model": {"vocab": []}`:                    "unexpected end of JSON input",
	} {
		if err := tokenfile.Decode([]byte(file), words(&all), &rest); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}

func TestListsScores(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]bool{`{"model": {"vocab": [["a", 0]]}}`: true, `{"model": {"vocab": {"a": 0}}}`: false, `{}`: false, `{"vocab" [`: false} {
		if got := tokenfile.ListsScores([]byte(file)); got != want {
			t.Errorf("%s: %v", file, got)
		}
	}
}
