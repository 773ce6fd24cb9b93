package embed

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sashabaranov/go-openai"
)

const (
	openAIBaseURL      = "https://api.openai.com/v1"
	openAIDefaultModel = string(openai.SmallEmbedding3)
)

// What suits a service: its time goes into waiting.
const (
	serviceWorkers = 16
	serviceBatch   = 256
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
	clock   clock
	pace    *pace

	inputTokens   int          // a text may have; 0: the service knows
	requestTokens int          // all texts of a request may have
	maxInputs     atomic.Int64 // texts of a request; falls where the service takes fewer
	length        vectorLength
	answered      atomic.Bool // well, at least once
	plain         atomic.Bool // vectors are not asked for in base64
	native        atomic.Bool // vectors are not asked for in the length that they have anyway

	mu   sync.Mutex
	sick time.Time // since when no answer was good; zero: the last one was
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
		model:         model,
		own:           base.Hostname() == "api.openai.com" || strings.HasSuffix(base.Hostname(), ".api.openai.com"),
		service:       base.Redacted(),
		options:       o,
		config:        config,
		client:        &http.Client{CheckRedirect: keepRedirect, Transport: newTransport()},
		inputTokens:   inputTokens(model),
		requestTokens: maxRequestTokens,
	}
	if o.TPM > 0 { // a request is worth at most ten seconds of it, or one text
		s.requestTokens = min(maxRequestTokens, max(o.TPM/6, maxInputTokens))
	}
	s.setClock(systemClock())
	s.maxInputs.Store(int64(o.BatchSize))
	s.length.known.Store(int64(s.knownDim()))
	return s, nil
}

func (s *openAI) setClock(c clock) {
	s.clock = c
	s.pace = newPace(c, s.options.RPM, s.options.TPM, s.requestTokens)
}

// newTransport keeps a connection for each worker: the standard one closes all
// but two after every request.
func newTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxIdleConnsPerHost = t.MaxIdleConns
	return t
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
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("base URL %q: what follows ? or # cannot be part of it", s)
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
	case s.options.Dim != 0:
		return s.options.Dim
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
	return Identity{Provider: "openai", Model: s.model, Dim: s.length.want(), Normalized: s.own}
}

// Hints implements Hinter.
func (s *openAI) Hints() Hints {
	return Hints{Workers: serviceWorkers, BatchSize: min(s.options.BatchSize, serviceBatch)}
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
