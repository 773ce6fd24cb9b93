// Package openai makes vectors by a service that speaks OpenAI's protocol, POST
// BASE/embeddings: OpenAI itself, or a compatible server. A service that ranks texts,
// POST BASE/rerank, is asked in the same way: see Ranker.
//
// A call passes through five layers, each in a file of its name:
//
//	fit       shortens texts that are too long and groups texts into requests
//	isolate   finds the texts for which a request is refused, by halving it
//	retry     sends a request again where that may help
//	send      makes one HTTP request and reads its answer
//	classify  says of a failed request whether it may be sent again
//
// Texts and key go to the base URL only. The package reads no environment variable
// but Go's own proxy and certificate variables.
package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	protocol "github.com/sashabaranov/go-openai"

	"sheaf/internal/embed"
	"sheaf/internal/hint"
)

const (
	baseURL = "https://api.openai.com/v1" // OpenAI's own

	// DefaultModel is asked where the user names none.
	DefaultModel = string(protocol.SmallEmbedding3)

	// DefaultBatchSize is the number of texts of a request.
	DefaultBatchSize = 256
	// MaxBatchSize is the largest number of texts that OpenAI takes in one request.
	MaxBatchSize = 2048

	// DefaultRetryFor is how long a service may stay unavailable.
	DefaultRetryFor = 10 * time.Minute

	defaultTimeout = 60 * time.Second
	defaultBackoff = 500 * time.Millisecond
)

// service is the embedder. An empty text, which OpenAI refuses, is not sent: its
// vector is zero.
type service struct {
	form     *form
	options  embed.Options
	model    string
	official bool                       // the service is OpenAI's own
	name     string                     // base URL without password and query, for messages
	noPath   bool                       // the base URL has no path
	endpoint string                     // URL of the requests
	header   string                     // that holds the key by itself; empty: Authorization
	extra    map[string]json.RawMessage // members of the body besides the protocol's
	client   *http.Client
	clock    clock
	pace     *pace

	maxTextTokens    int          // tokens of one text; 0: only the service knows
	maxRequestTokens int          // tokens of all texts of a request
	maxTexts         atomic.Int64 // texts of a request; falls where the service takes fewer
	dim              embed.Dim
	answered         atomic.Bool // well, at least once
	noBase64         atomic.Bool // the service refuses the field encoding_format
	noDimensions     atomic.Bool // the service refuses the field dimensions
	texts            atomic.Bool // a service that ranks has them in the field texts

	mu           sync.Mutex
	failingSince time.Time // first failure since the last good answer; zero: the last answer was good
}

// form is what services are asked for.
type form struct {
	path            string // of the requests, below the base URL
	noun            string // what an answer has for each text
	model, url, key string // how users say whom to ask, for hints
}

var vectorForm = form{"embeddings", "vector", "--embedder", "--base-url", "OPENAI_API_KEY to the key alone, or give a file with --api-key-file"}

// New returns the embedder of a service's model.
func New(model string, o embed.Options) (embed.Embedder, error) {
	if model == "" {
		model = DefaultModel
	}
	return newService(model, o, &vectorForm)
}

func newService(model string, o embed.Options, f *form) (*service, error) {
	setDefaults(&o)
	base, err := parseBaseURL(o.BaseURL)
	if err != nil {
		return nil, err
	}
	if o.APIKeyFile != "" {
		if o.APIKey, err = readKey(o.APIKeyFile); err != nil {
			return nil, err
		}
	}
	if !isHeaderName(o.AuthHeader) {
		return nil, fmt.Errorf("authorization header %q: want the name of a header", o.AuthHeader)
	}
	if hasControl(o.APIKey) {
		return nil, hint.With(errors.New("the API key has a line break or another control character"),
			"set %s", f.key)
	}
	extra, err := parseExtraBody(o.ExtraBody)
	if err != nil {
		return nil, err
	}
	base.Path = strings.TrimSuffix(strings.TrimRight(base.Path, "/"), "/"+f.path) // as some show the whole URL
	s := &service{
		form:             f,
		options:          o,
		model:            model,
		official:         isHost(base, "api.openai.com"),
		noPath:           strings.Trim(base.Path, "/") == "",
		endpoint:         base.JoinPath(f.path).String(),
		header:           o.AuthHeader,
		extra:            extra,
		client:           newClient(),
		maxTextTokens:    textTokens(model),
		maxRequestTokens: requestTokens,
	}
	if s.header == "" && isHost(base, "openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com") {
		s.header = "api-key"
	}
	base.RawQuery = ""
	s.name = base.Redacted()
	if o.TPM > 0 { // a request is worth at most ten seconds of it, or one text
		s.maxRequestTokens = min(requestTokens, max(o.TPM/6, openAITextTokens))
	}
	s.setClock(systemClock())
	s.maxTexts.Store(int64(o.BatchSize))
	s.dim.Set(s.knownDim())
	return s, nil
}

func setDefaults(o *embed.Options) {
	if o.BatchSize == 0 {
		o.BatchSize = DefaultBatchSize
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.RetryFor == 0 {
		o.RetryFor = DefaultRetryFor
	}
	if o.RetryFor >= time.Second { // a silent service is not waited for any longer
		o.Timeout = min(o.Timeout, o.RetryFor)
	}
	if o.Backoff == 0 {
		o.Backoff = defaultBackoff
	}
}

func (s *service) setClock(c clock) {
	s.clock = c
	s.pace = newPace(c, s.options.RPM, s.options.TPM, s.maxRequestTokens)
	s.pace.patience = max(s.options.RetryFor, minPatience)
}

// parseBaseURL reads a base URL; empty stands for OpenAI's.
func parseBaseURL(s string) (*url.URL, error) {
	if s == "" {
		s = baseURL
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("base URL %q: want http://HOST/PATH or https://HOST/PATH", s)
	}
	if u.Fragment != "" {
		return nil, fmt.Errorf("base URL %q: what follows # cannot be part of it", s)
	}
	return u, nil
}

// isHost reports whether the URL's host is one of some domains, or below it.
func isHost(u *url.URL, domains ...string) bool {
	return slices.ContainsFunc(domains, func(domain string) bool {
		return u.Hostname() == domain || strings.HasSuffix(u.Hostname(), "."+domain)
	})
}

// parseExtraBody reads Options.ExtraBody.
func parseExtraBody(text string) (map[string]json.RawMessage, error) {
	if text == "" {
		return nil, nil
	}
	var extra map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &extra); err != nil {
		return nil, fmt.Errorf("extra body %q: want a JSON object", text)
	}
	for _, key := range []string{"input", "model", "dimensions"} {
		if _, has := extra[key]; has {
			return nil, fmt.Errorf("extra body %q: %q cannot be set there", text, key)
		}
	}
	return extra, nil
}

func readKey(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading the API key: %w", err)
	}
	key := strings.TrimSpace(string(data))
	if key == "" || hasControl(key) {
		return "", fmt.Errorf("reading the API key: %q does not hold one line with a key", file)
	}
	return key, nil
}

// isHeaderName reports whether name can be the name of a header, or is empty.
func isHeaderName(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && r != '_' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
}

// hasControl reports whether a key cannot be sent in a header.
func hasControl(key string) bool { return strings.ContainsFunc(key, unicode.IsControl) }

// knownDim returns the length of the model's vectors where it is known without a
// request, or 0. Only OpenAI's own names mean OpenAI's own models.
func (s *service) knownDim() int {
	switch {
	case s.options.Dimensions != 0:
		return s.options.Dimensions
	case s.options.Dim != 0:
		return s.options.Dim
	case !s.official:
		return 0
	}
	switch protocol.EmbeddingModel(s.model) {
	case protocol.SmallEmbedding3, protocol.AdaEmbeddingV2:
		return 1536
	case protocol.LargeEmbedding3:
		return 3072
	}
	return 0
}

// Identity implements embed.Embedder. Only OpenAI's own service promises vectors of length 1.
func (s *service) Identity() embed.Identity {
	return embed.Identity{Provider: "openai", Model: s.model, Dim: s.dim.Get(), Normalized: s.official, Fingerprint: embed.WithDim("", s.options.Dimensions)}
}

// clock is the time, as pacing and retrying need it.
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
