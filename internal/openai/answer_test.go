package openai

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"
)

func TestVectorUnmarshal(t *testing.T) {
	t.Parallel()
	const x = 0.99999976 // base64 writes it with two slashes
	for _, encoded := range []string{`[0.99999976]`, `"/P9/Pw=="`, `"\/P9\/Pw=="`, `"\u002fP9/Pw=="`} {
		var v embedding
		if err := json.Unmarshal([]byte(encoded), &v); err != nil || !slices.Equal(v, embedding{x}) {
			t.Errorf("%s: %v, %v", encoded, v, err)
		}
	}
}

// FuzzReadAnswer feeds any answer: it is refused, or its vectors are those that a plain
// reader finds.
func FuzzReadAnswer(f *testing.F) {
	for _, body := range []string{
		`{"data": [{"index": 0, "object": "embedding", "embedding": [1, -0.5, 2e-3]}], "usage": {"prompt_tokens": 3}}`,
		`{"data": [{"embedding": "AACAPw==", "index": 0}]}`,
		`{"data": [{"embedding": [null]}, {"embedding": []}, {}]}`,
		`<html>`, `{"data"`, ``, `[]`, `{"error": "embedding"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := readAnswer(&http.Response{Body: io.NopCloser(bytes.NewReader(body))}, &vectorForm, answerLimit(3, 8))
		if err != nil {
			return
		}
		var want struct {
			Data []struct{ Embedding embedding }
		}
		if json.Unmarshal(body, &want) != nil || bytes.Count(bytes.ToLower(body), []byte(`"data"`)) != 1 {
			return // more follows it, or there is more than one list
		}
		if len(a.items) != len(want.Data) {
			t.Fatalf("%q: %d vectors, want %d", body, len(a.items), len(want.Data))
		}
		for i, item := range a.items {
			if !slices.Equal(item.Embedding, want.Data[i].Embedding) {
				t.Errorf("%q: vector %d is %v, want %v", body, i, item.Embedding, want.Data[i].Embedding)
			}
		}
	})
}
