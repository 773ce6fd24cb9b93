package openai_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer/codec"
	"pgregory.net/rapid"

	"sheaf/internal/embed"
	"sheaf/internal/embed/embedtest"
	"sheaf/internal/openai"
)

// OpenAI's limits, as its documentation gives them.
const (
	inputsARequest = 2048
	tokensARequest = 300_000
	tokensAnInput  = 8191
)

var cl100k = codec.NewCl100kBase()

func tokens(t testing.TB, text string) int {
	t.Helper()
	n, err := cl100k.Count(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// newOpenAI makes an embedder of a model whose limits are known.
func newOpenAI(t *testing.T, so embedtest.ServerOptions, o embed.Options) (*embedtest.Server, embed.Embedder) {
	t.Helper()
	server := embedtest.NewServer(so)
	t.Cleanup(server.Close)
	o.BaseURL = server.URL
	e, err := openai.New("openai/text-embedding-3-small", o)
	if err != nil {
		t.Fatal(err)
	}
	return server, e
}

// TestLimits sends texts of all sizes and looks at what arrives.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, batch := range []int{100, inputsARequest} {
		server, e := newOpenAI(t, embedtest.ServerOptions{}, embed.Options{BatchSize: batch})
		texts := embedtest.Texts(5000)
		for i := range 60 {
			texts[i*80] = strings.Repeat(fmt.Sprintf("word %d ", i), 120*i)
		}
		r, err := e.Embed(t.Context(), texts)
		if err != nil || len(r.Cut) != 0 {
			t.Fatal(err, r.Cut)
		}
		refused := 0
		for i, text := range texts {
			n := tokens(t, text)
			var long *openai.TooLongError
			if tooLong := errors.As(r.Errs[i], &long); tooLong != (n > tokensAnInput) || tooLong && long.Tokens != n {
				t.Errorf("text of %d tokens: %v", n, r.Errs[i])
			}
			if r.Errs[i] != nil {
				refused++
			} else {
				embedtest.CheckVectors(t, texts[i:i+1], r.Vectors[i:i+1], 8)
			}
		}
		if refused < 10 {
			t.Errorf("only %d texts were too long", refused)
		}
		sent := 0
		for _, request := range server.Requests() {
			total := 0
			for _, text := range request.Input {
				total += tokens(t, text)
			}
			if len(request.Input) > batch || total > tokensARequest {
				t.Errorf("a request of %d inputs and %d tokens", len(request.Input), total)
			}
			sent += len(request.Input)
		}
		if sent != len(texts)-refused-1 { // one is empty
			t.Errorf("%d inputs were sent of %d", sent, len(texts)-refused-1)
		}
		if n, want := len(server.Requests()), (sent+batch-1)/batch; n > want+2 {
			t.Errorf("%d requests of up to %d inputs for %d", n, batch, sent)
		}
	}
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	server, e := newOpenAI(t, embedtest.ServerOptions{}, embed.Options{Truncate: true})
	long := strings.Repeat("Ships need harbours; 港は船を待つ。 ", 3000)
	texts := []string{"short", long, strings.Repeat("a", 8191)}
	r, err := e.Embed(t.Context(), texts)
	if err != nil || len(r.Errs) != 0 || len(r.Cut) != 1 {
		t.Fatal(err, r.Errs, r.Cut)
	}
	sent := server.Requests()[0].Input[1]
	n := tokens(t, sent)
	if sent != long[:r.Cut[1]] || !utf8.ValidString(sent) || n > tokensAnInput || n < tokensAnInput-2 {
		t.Errorf("%d bytes and %d tokens were sent, Cut says %d bytes", len(sent), n, r.Cut[1])
	}
	embedtest.CheckVectors(t, []string{"short", sent, texts[2]}, r.Vectors, 8)

	_, e = newOpenAI(t, embedtest.ServerOptions{}, embed.Options{})
	_, err = embed.Vectors(t.Context(), e, texts)
	if err == nil || !strings.HasPrefix(err.Error(), "the text has ") || !strings.HasSuffix(err.Error(), "openai/text-embedding-3-small takes 8191: make smaller chunks, or let --truncate shorten it") {
		t.Error(err)
	}
}

// TestTruncateForAnyModel has a service that takes texts of a length that only
// it knows.
func TestTruncateForAnyModel(t *testing.T) {
	t.Parallel()
	refuse := func(text string) string {
		if len(strings.Fields(text)) > 500 || strings.Contains(text, "never") {
			return "maximum context length is 500 words"
		}
		return ""
	}
	long, never := strings.Repeat("word ", 3000), strings.Repeat("never ", 1000)
	server, e := newService(t, embedtest.ServerOptions{Refuse: refuse}, embed.Options{Truncate: true})
	r, err := e.Embed(t.Context(), []string{"short", long, never})
	if err != nil || len(r.Errs) != 1 || !strings.Contains(r.Errs[2].Error(), "maximum context length") || len(r.Cut) != 1 {
		t.Fatal(err, r.Errs, r.Cut)
	}
	if words := len(strings.Fields(long[:r.Cut[1]])); words < 250 || words > 500 {
		t.Errorf("cut to %d words", words)
	}
	embedtest.CheckVectors(t, []string{"short", long[:r.Cut[1]]}, r.Vectors[:2], 8)
	if n := server.Answered()["short"]; n != 1 {
		t.Errorf("a short text was embedded %d times", n)
	}
	if _, err := embed.Vectors(t.Context(), e, []string{never}); err == nil || !strings.Contains(err.Error(), "maximum context length") {
		t.Error(err)
	}
	if v, err := embed.Vectors(t.Context(), e, []string{long}); err != nil {
		t.Error(err)
	} else {
		embedtest.CheckVectors(t, []string{long[:r.Cut[1]]}, v, 8)
	}
}

// TestFirstTokens cuts any text at any number of tokens.
func TestFirstTokens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, limit := rapid.String().Draw(t, "text"), rapid.IntRange(1, 40).Draw(t, "limit")
		text = strings.Repeat(text, rapid.IntRange(1, 9).Draw(t, "times"))
		cut := openai.FirstTokens(text, limit)
		n, err := cl100k.Count(cut)
		if err != nil || !strings.HasPrefix(text, cut) || n > limit || !utf8.ValidString(cut) {
			t.Fatalf("%q cut to %q: %d tokens of %d, %v", text, cut, n, limit, err)
		}
		if all, err := cl100k.Count(text); err == nil && all+strings.Count(text, "\x7f") <= limit && cut != text {
			t.Fatalf("%q fits and was cut to %q", text, cut)
		}
	})
}
