package embed

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sashabaranov/go-openai"
)

const (
	openAIBaseURL      = "https://api.openai.com/v1"
	openAIDefaultModel = string(openai.SmallEmbedding3)

	// maxRequestBytes keeps a request below the 300,000 tokens that OpenAI takes
	// without counting them: a token is at least one byte.
	maxRequestBytes = 300_000
)

// openAI asks a service that speaks OpenAI's protocol, POST BASE/embeddings.
// An empty text, which OpenAI refuses, is not sent: its vector is zero.
type openAI struct {
	model   string
	own     bool   // the service is OpenAI's, not a compatible one
	service string // base URL without secrets, for messages
	options Options
	config  openai.ClientConfig
	client  *http.Client
	dim     atomic.Int64 // 0 while unknown
	clock   clock
}

func newOpenAI(model string, o Options) (Embedder, error) {
	if model == "" {
		model = openAIDefaultModel
	}
	base, err := parseBaseURL(o.BaseURL)
	if err != nil {
		return nil, err
	}
	if o.APIKeyFile != "" {
		if o.APIKey, err = readKey(o.APIKeyFile); err != nil {
			return nil, err
		}
	}
	config := openai.DefaultConfig(o.APIKey)
	config.BaseURL = base.String()
	s := &openAI{
		model:   model,
		own:     base.Hostname() == "api.openai.com" || strings.HasSuffix(base.Hostname(), ".api.openai.com"),
		service: base.Redacted(),
		options: o,
		config:  config,
		client:  &http.Client{CheckRedirect: keepRedirect},
		clock:   systemClock(),
	}
	s.dim.Store(int64(s.knownDim()))
	return s, nil
}

// parseBaseURL reads a base URL; empty stands for OpenAI's.
func parseBaseURL(s string) (*url.URL, error) {
	if s == "" {
		s = openAIBaseURL
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("base URL %q: want http://HOST/PATH or https://HOST/PATH", s)
	}
	return u, nil
}

func readKey(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading the API key: %w", err)
	}
	key := strings.TrimSpace(string(data))
	if key == "" || strings.ContainsAny(key, "\r\n") {
		return "", fmt.Errorf("reading the API key: %q does not hold one line with a key", file)
	}
	return key, nil
}

// keepRedirect leaves a redirect to be reported: texts and key go nowhere but to
// the URL that was given.
func keepRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// knownDim is the length of the model's vectors where no request is needed to
// know it. Only OpenAI's own names mean OpenAI's own models.
func (s *openAI) knownDim() int {
	switch {
	case s.options.Dimensions != 0:
		return s.options.Dimensions
	case !s.own:
		return 0
	}
	switch openai.EmbeddingModel(s.model) {
	case openai.SmallEmbedding3, openai.AdaEmbeddingV2:
		return 1536
	case openai.LargeEmbedding3:
		return 3072
	}
	return 0
}

// Identity says Normalized only of OpenAI's own service, which promises it.
func (s *openAI) Identity() Identity {
	return Identity{Provider: "openai", Model: s.model, Dim: int(s.dim.Load()), Normalized: s.own}
}

// Embed sends the texts in as many requests as the limits ask for, one after
// another.
func (s *openAI) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if s.own && s.options.APIKey == "" {
		return nil, &AuthError{Service: s.service, Message: "no API key: set OPENAI_API_KEY or give --api-key-file"}
	}
	vectors := make([][]float32, len(texts))
	for start := 0; start < len(texts); {
		places, next := s.nextRequest(texts, start)
		if err := s.embedPlaces(ctx, texts, places, vectors); err != nil {
			return nil, err
		}
		start = next
	}
	return vectors, s.fillEmpty(ctx, vectors)
}

// nextRequest returns the places of the texts from start on that one request
// takes, empty ones left out, and the place after them.
func (s *openAI) nextRequest(texts []string, start int) (places []int, next int) {
	size := 0
	for i := start; i < len(texts); i++ {
		size += len(texts[i])
		if len(places) > 0 && (len(places) == s.options.BatchSize || size > maxRequestBytes) {
			return places, i
		}
		if texts[i] != "" {
			places = append(places, i)
		}
	}
	return places, len(texts)
}

func (s *openAI) embedPlaces(ctx context.Context, texts []string, places []int, vectors [][]float32) error {
	if len(places) == 0 {
		return nil
	}
	inputs := make([]string, len(places))
	for i, place := range places {
		inputs[i] = texts[place]
	}
	answers, err := s.request(ctx, inputs)
	if err != nil {
		return err
	}
	for i, place := range places {
		vectors[place] = answers[i]
	}
	return nil
}

// fillEmpty sets the vectors of empty texts.
func (s *openAI) fillEmpty(ctx context.Context, vectors [][]float32) error {
	for i, vector := range vectors {
		if vector != nil {
			continue
		}
		id, err := Resolve(ctx, s)
		if err != nil {
			return err
		}
		vectors[i] = make([]float32, id.Dim)
	}
	return nil
}

// request embeds inputs, none of them empty, and tries again what may succeed.
func (s *openAI) request(ctx context.Context, inputs []string) (vectors [][]float32, err error) {
	err = s.retry(ctx, func() (failure, error) {
		var cause failure
		vectors, cause, err = s.try(ctx, inputs)
		return cause, err
	})
	return vectors, err
}

// try sends one request.
func (s *openAI) try(ctx context.Context, inputs []string) ([][]float32, failure, error) {
	attempt, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	var r reply
	config := s.config
	config.HTTPClient = &exchange{client: s.client, service: s.service, reply: &r}
	answer, err := openai.NewClientWithConfig(config).CreateEmbeddings(attempt, openai.EmbeddingRequest{
		Input:          inputs,
		Model:          openai.EmbeddingModel(s.model),
		EncodingFormat: openai.EmbeddingEncodingFormatBase64,
		Dimensions:     s.options.Dimensions,
	})
	if err == nil {
		var vectors [][]float32
		if vectors, err = s.order(answer.Data, len(inputs)); err == nil {
			s.options.Stats.AddRequest(len(inputs), answer.Usage.PromptTokens)
			return vectors, failure{}, nil
		}
	}
	cause, err := s.judge(attempt, err, r)
	return nil, cause, err
}

// order checks an answer to n texts and returns its vectors in their order.
func (s *openAI) order(data []openai.Embedding, n int) ([][]float32, error) {
	if len(data) != n {
		return nil, s.answerError("%d vectors for %d texts", len(data), n)
	}
	vectors := make([][]float32, n)
	for _, d := range data {
		if d.Index < 0 || d.Index >= n {
			return nil, s.answerError("a vector for text %d of %d", d.Index, n)
		}
		if vectors[d.Index] != nil {
			return nil, s.answerError("two vectors for text %d", d.Index)
		}
		if err := s.checkVector(d.Embedding); err != nil {
			return nil, err
		}
		vectors[d.Index] = d.Embedding
	}
	return vectors, nil
}

// checkVector holds every vector to the known length, or else to the first one's.
func (s *openAI) checkVector(v []float32) error {
	if len(v) == 0 {
		return s.answerError("a vector without numbers")
	}
	for i, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return s.answerError("number %d of a vector is %v", i, x)
		}
	}
	s.dim.CompareAndSwap(0, int64(len(v)))
	if want := int(s.dim.Load()); len(v) != want {
		return s.answerError("a vector of %d numbers, want %d", len(v), want)
	}
	return nil
}

func (s *openAI) answerError(format string, args ...any) error {
	return &AnswerError{Service: s.service, Problem: fmt.Sprintf(format, args...)}
}

// clock is what retrying needs of time.
type clock struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error // returns early with ctx's cause
}

func systemClock() clock {
	return clock{now: time.Now, sleep: func(ctx context.Context, d time.Duration) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}}
}
