package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/hint"
	"sheaf/internal/openai"
)

// ranking is a request to a service that ranks.
type ranking struct {
	Model               string
	Query               string
	Documents, Texts    []string
	Truncate            bool
	authorization, path string
}

// all are its texts, whatever their field is called.
func (r *ranking) all() []string { return slices.Concat(r.Documents, r.Texts) }

// rankServer starts a service that answers as answer says: with a status and a body.
func rankServer(t *testing.T, answer func(ranking) (int, string)) (url string, asked func() []ranking) {
	t.Helper()
	var mu sync.Mutex
	var all []ranking
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := ranking{authorization: r.Header.Get("Authorization"), path: r.URL.Path}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		mu.Lock()
		all = append(all, q)
		mu.Unlock()
		status, body := answer(q)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []ranking {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// lengths answers with the length of each text as its score, the last text first.
func lengths(form string) func(ranking) (int, string) {
	return func(q ranking) (int, string) {
		var items []string
		for i, text := range slices.Backward(q.all()) {
			items = append(items, fmt.Sprintf(form, i, float64(len(text))/10))
		}
		return http.StatusOK, strings.Join(items, ", ")
	}
}

func TestRank(t *testing.T) {
	t.Parallel()
	const relevance = `{"index": %d, "relevance_score": %g, "document": {"text": "is repeated"}}`
	for name, answer := range map[string]func(ranking) (int, string){
		"results": func(q ranking) (int, string) {
			_, items := lengths(relevance)(q)
			return http.StatusOK, `{"id": "x", "results": [` + items + `], "meta": {"billed_units": {"search_units": 1}}}`
		},
		"data": func(q ranking) (int, string) {
			_, items := lengths(relevance)(q)
			return http.StatusOK, `{"object": "list", "data": [` + items + `], "usage": {"total_tokens": 26}}`
		},
		"texts": func(q ranking) (int, string) {
			if q.Texts == nil {
				return http.StatusUnprocessableEntity, "Failed to deserialize the JSON body into the target type: missing field `texts` at line 1 column 60"
			}
			_, items := lengths(`{"index": %d, "score": %g}`)(q)
			return http.StatusOK, "[" + items + "]"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, asked := rankServer(t, answer)
			r, err := openai.NewRanker("m", embed.Options{BaseURL: url + "/v2", APIKey: "secret", RetryFor: -1})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				scores, refused, err := r.Rank(t.Context(), "how long", []string{"four", "", "a"})
				if refused != nil || err != nil || !slices.Equal(scores, []float32{.4, 0, .1}) {
					t.Errorf("%v, %v, %v", scores, refused, err)
				}
			}
			last := asked()[len(asked())-1]
			if last.Query != "how long" || last.path != "/v2/rerank" || last.authorization != "Bearer secret" || !slices.Equal(last.all(), []string{"four", "a"}) {
				t.Errorf("asked %+v", last)
			}
			wanted := 2
			if name == "texts" { // once to learn how they are called
				wanted = 3
			}
			if len(asked()) != wanted || (last.Model == "m") != (name != "texts") || last.Truncate != (name == "texts") {
				t.Errorf("%d requests, the last %+v", len(asked()), last)
			}
		})
	}
}

// A service that takes few texts is asked in parts, one that takes short texts for the beginning of
// long ones; a text that it takes in no form is the query's error, and those of others go on.
func TestRankRefusals(t *testing.T) {
	t.Parallel()
	url, asked := rankServer(t, func(q ranking) (int, string) {
		switch {
		case len(q.Documents) > 3:
			return http.StatusRequestEntityTooLarge, `{"error": "batch size 8 > maximum allowed batch size 3"}`
		case slices.ContainsFunc(q.Documents, func(text string) bool { return len(text) > 1000 }):
			return http.StatusBadRequest, `{"error": {"message": "too long"}}`
		case slices.Contains(q.Documents, "bad"):
			return http.StatusBadRequest, `{"error": {"message": "no such words"}}`
		}
		_, items := lengths(`{"index": %d, "relevance_score": %g}`)(q)
		return http.StatusOK, `{"results": [` + items + `]}`
	})
	r, err := openai.NewRanker("", embed.Options{BaseURL: url, RetryFor: -1})
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"a", "bb", "ccc", "dddd", "e", "ff", "ggg", "hhhh"}
	scores, refused, err := r.Rank(t.Context(), "q", texts)
	if refused != nil || err != nil || !slices.Equal(scores, []float32{.1, .2, .3, .4, .1, .2, .3, .4}) {
		t.Errorf("in parts: %v, %v, %v", scores, refused, err)
	}
	if asked()[0].Model != "" {
		t.Error("a model is asked for that nobody named")
	}
	scores, refused, err = r.Rank(t.Context(), "q", []string{"a", strings.Repeat("long ", 300)})
	if refused != nil || err != nil || len(scores) != 2 || scores[1] < 10 {
		t.Errorf("a long text: %v, %v, %v", scores, refused, err)
	}
	scores, refused, err = r.Rank(t.Context(), "q", []string{"a", "bad", "b"})
	if refused == nil || !strings.Contains(refused.Error(), "no such words") || err != nil || scores != nil {
		t.Errorf("a bad text: %v, %v, %v", scores, refused, err)
	}
	if scores, refused, err = r.Rank(t.Context(), "q", nil); len(scores) != 0 || refused != nil || err != nil {
		t.Errorf("no texts: %v, %v, %v", scores, refused, err)
	}
}

func TestRankFails(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"results": [{"index": 0, "relevance_score": 0.1}]}`:                                      "1 scores for 2 texts",
		`{"results": [{"index": 0, "relevance_score": 1}, {"index": 0, "relevance_score": 1}]}`:    "two scores for text 0",
		`{"results": [{"index": 2, "relevance_score": 1}, {"index": 0, "relevance_score": 1}]}`:    "a score for text 2 of 2",
		`{"results": [{"index": 1}, {"index": 0, "relevance_score": 1}]}`:                          "a text without a score",
		`{"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [2]}]}`:               "a text without a score",
		`{"results": [{"index": 0, "relevance_score": 1e99}, {"index": 1, "relevance_score": 1}]}`: "beyond 32 bits",
		`{"results": "none"}`: "not the JSON that was asked for",
		`<html>`:              "an HTML page, not JSON",
		`{"error": "the model is not a reranker"}`: "the model is not a reranker",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			url, _ := rankServer(t, func(ranking) (int, string) { return http.StatusOK, body })
			r, err := openai.NewRanker("m", embed.Options{BaseURL: url, Backoff: 1})
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = r.Rank(t.Context(), "q", []string{"a", "b"})
			var bad *openai.AnswerError
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) || !strings.Contains(hint.Of(err), "--rerank-url") {
				t.Errorf("%v (%s), want %q", err, hint.Of(err), want)
			}
		})
	}
	for status, matches := range map[int]func(error) bool{
		http.StatusUnauthorized:       func(err error) bool { var e *embed.AuthError; return errors.As(err, &e) },
		http.StatusServiceUnavailable: func(err error) bool { var e *embed.UnavailableError; return errors.As(err, &e) },
		http.StatusNotFound:           func(err error) bool { var e *embed.RefusedError; return errors.As(err, &e) },
		http.StatusBadRequest:         func(err error) bool { var e *embed.RefusedError; return errors.As(err, &e) && e.Everything },
	} {
		url, _ := rankServer(t, func(ranking) (int, string) { return status, `{"message": "the key secretsecret"}` })
		r, err := openai.NewRanker("m", embed.Options{BaseURL: url, APIKey: "secretsecret", RetryFor: -1})
		if err != nil {
			t.Fatal(err)
		}
		if _, refused, err := r.Rank(t.Context(), "q", []string{"a"}); refused != nil || !matches(err) || strings.Contains(err.Error(), "secret") {
			t.Errorf("status %d: %v, %v", status, refused, err)
		}
	}
	if _, err := openai.NewRanker("m", embed.Options{}); !errors.Is(err, openai.ErrNoURL) {
		t.Errorf("without a URL: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	url, _ := rankServer(t, lengths("%d%g"))
	r, err := openai.NewRanker("m", embed.Options{BaseURL: url})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Rank(ctx, "q", []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
