package rerank_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/hint"
	"sheaf/internal/rerank"
)

// newService starts a service whose scores are the lengths of texts, and makes its judge. Questions
// that end in "bad" are refused.
func newService(t *testing.T, status int, retries *atomic.Int64) rerank.Judge {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Query     string
			Documents []string
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		switch {
		case retries.Add(-1) >= 0:
			w.WriteHeader(http.StatusTooManyRequests)
		case strings.HasSuffix(asked.Query, "bad"):
			w.WriteHeader(http.StatusBadRequest)
		default:
			w.WriteHeader(status)
		}
		var results []string
		for i, text := range asked.Documents {
			results = append(results, fmt.Sprintf(`{"index": %d, "relevance_score": %d}`, i, len(text)))
		}
		fmt.Fprintf(w, `{"results": [%s]}`, strings.Join(results, ","))
	}))
	t.Cleanup(s.Close)
	o := rerank.Options{URL: s.URL, Key: "key", Options: embed.Options{BaseURL: "http://127.0.0.1:1", APIKey: "another", Backoff: 1}}
	j, err := rerank.New("service:m", o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestService(t *testing.T) {
	t.Parallel()
	retries := &atomic.Int64{}
	retries.Store(5)
	j := newService(t, http.StatusOK, retries)
	var questions []rerank.Question
	for i := range 40 {
		questions = append(questions, rerank.Question{Query: fmt.Sprint(i), Texts: []string{"a", strings.Repeat("b", i+1)}})
	}
	questions[7].Query = "bad"
	questions[8].Texts = nil
	verdicts, err := j.Judge(t.Context(), questions)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range verdicts {
		switch i {
		case 7:
			var refused *embed.RefusedError
			if !errors.As(v.Err, &refused) || refused.Everything || v.Scores != nil {
				t.Errorf("a question that is refused: %+v", v)
			}
		case 8:
			if v.Err != nil || len(v.Scores) != 0 {
				t.Errorf("nothing to judge: %+v", v)
			}
		default:
			if want := fmt.Sprint([]float32{1, float32(i + 1)}); v.Err != nil || fmt.Sprint(v.Scores) != want {
				t.Errorf("question %d: %+v, want %s", i, v, want)
			}
		}
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

func TestServiceFails(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		http.StatusUnauthorized: "SHEAF_RERANK_API_KEY",
		http.StatusNotFound:     "--rerank-url",
		http.StatusBadRequest:   "--rerank-url",
	} {
		_, err := newService(t, status, new(atomic.Int64)).Judge(t.Context(), []rerank.Question{{Query: "a", Texts: []string{"b"}}})
		if err == nil || !strings.Contains(hint.Of(err), want) {
			t.Errorf("status %d: %v (%s)", status, err, hint.Of(err))
		}
	}
	if _, err := rerank.New("service: ", rerank.Options{URL: "http://host"}); err == nil {
		t.Error("a model without a name passes")
	}
}
