package openai_test

import (
	"context"
	"errors"
	"io"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sheaf/internal/embed"
	"sheaf/internal/embed/embedtest"
	"sheaf/internal/hint"
	"sheaf/internal/openai"
	"sheaf/internal/progress"
)

// fakeClock passes time only while somebody sleeps.
type fakeClock struct {
	mu     sync.Mutex
	time   time.Time
	sleeps []time.Duration
}

func setFakeClock(e embed.Embedder) *fakeClock {
	c := &fakeClock{time: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)}
	openai.SetClock(e, c.now, c.sleep)
	return c
}

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

func (c *fakeClock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
	c.sleeps = append(c.sleeps, d)
	return ctx.Err()
}

func (c *fakeClock) slept() (total time.Duration) {
	for _, d := range c.sleeps {
		total += d
	}
	return total
}

// passingFaults are the failures after which a request is worth sending again.
func passingFaults() map[string]embedtest.Fault {
	return map[string]embedtest.Fault{
		"rate limit":          {Status: 429},
		"rate limit, seconds": {Status: 429, Header: map[string]string{"Retry-After": "7"}},
		"rate limit, date":    {Status: 429, Header: map[string]string{"Retry-After": "Mon, 04 May 2026 03:02:31 GMT"}},
		"request timeout":     {Status: 408},
		"server error":        {Status: 500},
		"bad gateway":         {Status: 502, Body: "<html>bad gateway</html>"},
		"unavailable":         {Status: 503, Body: `{"error": "loading the model"}`},
		"origin is down":      {Status: 521},
		"reset":               {Reset: true},
		"cut off":             {Truncate: true},
		"empty":               {Raw: " "},
		"HTML":                {HTML: true},
		"not JSON":            {Raw: "oops"},
		"too few":             {Edit: func(data *[]embedtest.Embedding) { *data = (*data)[1:] }},
	}
}

func TestRetrySucceeds(t *testing.T) {
	t.Parallel()
	for name, fault := range passingFaults() {
		for _, floats := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				stats := &progress.Counter{}
				server, e := newService(t, embedtest.ServerOptions{Floats: floats}, embed.Options{Stats: stats})
				clock := setFakeClock(e)
				server.Fail(fault, fault)
				texts := embedtest.Texts(3)
				vectors, err := embed.Vectors(t.Context(), e, texts)
				if err != nil {
					t.Fatal(err)
				}
				embedtest.CheckVectors(t, texts, vectors, 8)
				if len(clock.sleeps) != 2 || clock.sleeps[0] < 250*time.Millisecond || clock.slept() < 750*time.Millisecond {
					t.Errorf("waited %v", clock.sleeps)
				}
				if got := stats.Snapshot(); got.Retries != 2 || got.Requests != 1 || got.Texts != 3 {
					t.Errorf("counted %+v", got)
				}
			})
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"7":                             7 * time.Second,
		"7.5":                           7500 * time.Millisecond,
		"Mon, 04 May 2026 03:02:31 GMT": 30 * time.Second,
		"Mon, 04 May 2026 03:02:00 GMT": 0, // over
		"0":                             0,
		"-3":                            0,
		"soon":                          0,
		"NaN":                           0,
	} {
		var notices []string
		server, e := newService(t, embedtest.ServerOptions{}, embed.Options{Notice: func(s string) { notices = append(notices, s) }})
		clock := setFakeClock(e)
		server.Fail(embedtest.Fault{Status: 429, Header: map[string]string{"Retry-After": value}})
		if _, err := embed.Vectors(t.Context(), e, embedtest.Texts(1)); err != nil {
			t.Errorf("%q: %v", value, err)
			continue
		}
		got := clock.slept()
		if want == 0 && (got < 250*time.Millisecond || got > 500*time.Millisecond) || want != 0 && got != want {
			t.Errorf("%q: waited %v, want %v", value, got, want)
		}
		if noticed := len(notices) == 1 && strings.Contains(notices[0], "status 429"); noticed != (want >= 5*time.Second) {
			t.Errorf("%q: notices %q", value, notices)
		}
	}
}

func TestRetryTimeout(t *testing.T) {
	t.Parallel()
	server, e := newService(t, embedtest.ServerOptions{}, embed.Options{Timeout: 100 * time.Millisecond})
	clock := setFakeClock(e)
	server.Fail(embedtest.Fault{Hold: make(chan struct{})})
	texts := embedtest.Texts(2)
	vectors, err := embed.Vectors(t.Context(), e, texts)
	if err != nil {
		t.Fatal(err)
	}
	embedtest.CheckVectors(t, texts, vectors, 8)
	if len(clock.sleeps) == 0 {
		t.Error("the request that was held got an answer")
	}
}

func TestRetryTimeoutInWords(t *testing.T) {
	t.Parallel()
	held := embedtest.Fault{Hold: make(chan struct{})}
	_, e := newService(t, embedtest.ServerOptions{AlwaysFail: &held}, embed.Options{Timeout: 20 * time.Millisecond, RetryFor: -1})
	if _, err := embed.Vectors(t.Context(), e, embedtest.Texts(1)); err == nil || !strings.Contains(err.Error(), "is unavailable: no answer within 20ms") {
		t.Error(err)
	}
}

func TestRetryGivesUp(t *testing.T) {
	t.Parallel()
	_, e := newService(t, embedtest.ServerOptions{AlwaysFail: &embedtest.Fault{Status: 503, Body: "down for repair"}}, embed.Options{})
	clock := setFakeClock(e)
	_, err := embed.Vectors(t.Context(), e, embedtest.Texts(1))
	var away *embed.UnavailableError
	if !errors.As(err, &away) || away.For != 10*time.Minute || clock.slept() != 10*time.Minute {
		t.Errorf("%v after %v", err, clock.slept())
	}
	if want := "stayed unavailable for 10m0s: status 503: down for repair"; err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	for _, d := range clock.sleeps {
		if d > 30*time.Second {
			t.Errorf("waited %v at once", d)
		}
	}
}

func TestRetryGivesUpAtOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault    embedtest.Fault
		retryFor time.Duration
		want     string
	}{
		"asked to wait too long": {embedtest.Fault{Status: 429, Header: map[string]string{"Retry-After": "3600"}}, 0, "is unavailable and asks to wait another 1h0m0s: status 429"},
		"asked to wait for ever": {embedtest.Fault{Status: 503, Header: map[string]string{"Retry-After": "1e300"}}, 0, "asks to wait another 24h0m0s"},
		"no retries":             {embedtest.Fault{Status: 503}, -1, "is unavailable: status 503: Service Unavailable"},
	} {
		server, e := newService(t, embedtest.ServerOptions{}, embed.Options{RetryFor: test.retryFor})
		clock := setFakeClock(e)
		server.Fail(test.fault)
		_, err := embed.Vectors(t.Context(), e, embedtest.Texts(1))
		var away *embed.UnavailableError
		if !errors.As(err, &away) || !strings.Contains(err.Error(), test.want) || len(clock.sleeps) != 0 {
			t.Errorf("%s: %v after %v, want %q", name, err, clock.sleeps, test.want)
		}
		if len(server.Requests()) != 1 {
			t.Errorf("%s: %d requests", name, len(server.Requests()))
		}
	}
}

// A service says beside a good answer that nothing is left for longer than anybody
// waits.
func TestALimitIsUsedUp(t *testing.T) {
	t.Parallel()
	for reset, want := range map[string]string{"9999h": "is unavailable and asks to wait another 24h0m0s: a limit of the service is used up", "10m0s": ""} {
		_, e := newService(t, embedtest.ServerOptions{Header: http.Header{"X-Ratelimit-Remaining-Requests": {"0"}, "X-Ratelimit-Reset-Requests": {reset}}}, embed.Options{})
		setFakeClock(e)
		if _, err := embed.Vectors(t.Context(), e, embedtest.Texts(1)); err != nil {
			t.Errorf("%s: the good answer: %v", reset, err)
		}
		_, err := embed.Vectors(t.Context(), e, embedtest.Texts(1))
		var away *embed.UnavailableError
		if got := errors.As(err, &away); got != (want != "") || got && !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", reset, err, want)
		}
	}
}

func TestRetryConnectionRefused(t *testing.T) {
	t.Parallel()
	server, e := newService(t, embedtest.ServerOptions{}, embed.Options{RetryFor: time.Minute})
	clock := setFakeClock(e)
	server.Close()
	_, err := embed.Vectors(t.Context(), e, embedtest.Texts(1))
	var away *embed.UnavailableError
	if !errors.As(err, &away) || clock.slept() != time.Minute || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("%v after %v", err, clock.slept())
	}
}

func TestRetryCancelled(t *testing.T) {
	t.Parallel()
	reason := errors.New("interrupted")
	t.Run("while waiting for an answer", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancelCause(t.Context())
		server, e := newService(t, embedtest.ServerOptions{}, embed.Options{})
		held := make(chan struct{})
		server.Fail(embedtest.Fault{Hold: held})
		t.Cleanup(func() { close(held) })
		result := make(chan error)
		go func() {
			_, err := embed.Vectors(ctx, e, embedtest.Texts(1))
			result <- err
		}()
		cancel(reason)
		if err := <-result; !errors.Is(err, reason) {
			t.Errorf("error %v, want the cause", err)
		}
	})
	t.Run("while waiting to try again", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancelCause(t.Context())
		noticed := func(string) { cancel(reason) } // comes just before the wait
		server, e := newService(t, embedtest.ServerOptions{}, embed.Options{Notice: noticed})
		server.Fail(embedtest.Fault{Status: 429, Header: map[string]string{"Retry-After": "500"}})
		if _, err := embed.Vectors(ctx, e, embedtest.Texts(1)); !errors.Is(err, reason) {
			t.Errorf("error %v, want the cause", err)
		}
	})
}

// TestErrorsThatStay are answers after which nothing is sent again.
func TestErrorsThatStay(t *testing.T) {
	t.Parallel()
	const quota = `{"error": {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}}`
	for _, test := range []struct {
		status int
		body   string
		auth   bool // else refused
		want   string
	}{
		{401, "", true, "refused the key (status 401): Unauthorized"},
		{402, `{"message": "pay first"}`, true, "pay first"},
		{403, `{"error": {"message": "Country not supported", "code": 7}}`, true, "Country not supported"},
		{429, quota, true, "You exceeded your current quota"},
		{400, `{"error": {"message": "maximum context length is 8192 tokens", "code": null}}`, false, "refused the request (status 400): maximum context length"},
		{400, `{"error": {"message": ["too", "long"]}}`, false, "too, long"},
		{404, `{"error": "model \"m\" not found, try pulling it first"}`, false, `model "m" not found`},
		{404, "<html><h1>Not Found</h1></html>", false, "404 Not Found (an HTML page)"},
		{404, "404 page\n not found ", false, "404 page not found"},
		{422, `{"detail": "no such field"}`, false, "no such field"},
		{422, `{"detail": [{"loc": 1}]}`, false, `{"detail": [{"loc": 1}]}`},
		{405, " ", false, "405 Method Not Allowed"},
		{501, "", false, "Not Implemented"},
		{400, strings.Repeat("€", 400), false, strings.Repeat("€", 300) + "…"},
		{307, "elsewhere", false, "307 Temporary Redirect"},
	} {
		server, e := newService(t, embedtest.ServerOptions{}, embed.Options{})
		clock := setFakeClock(e)
		server.Fail(embedtest.Fault{Status: test.status, Body: test.body})
		_, err := embed.Vectors(t.Context(), e, embedtest.Texts(1))
		var auth *embed.AuthError
		var refused *embed.RefusedError
		if errors.As(err, &auth) != test.auth || errors.As(err, &refused) == test.auth {
			t.Errorf("%d %s: error %v of type %[3]T", test.status, test.body, err)
		} else if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), server.URL) {
			t.Errorf("%d %s: error %v, want %q", test.status, test.body, err, test.want)
		}
		want := 1
		if test.status == 400 || test.status == 422 { // then a harmless text shows that the service answers others
			want = 2
		}
		if len(server.Requests()) != want || len(clock.sleeps) != 0 {
			t.Errorf("%d %s: %d requests", test.status, test.body, len(server.Requests()))
		}
	}
}

func TestErrorCertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	e, err := openai.New("m", embed.Options{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	clock := setFakeClock(e)
	if _, err := embed.Vectors(t.Context(), e, embedtest.Texts(1)); err == nil || !strings.Contains(err.Error(), "certificate") || len(clock.sleeps) != 0 {
		t.Errorf("%v after %v", err, clock.sleeps)
	}
}

// TestBrokenHTTP has answers that no server of HTTP gives, which do not pass.
func TestBrokenHTTP(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		"a line without a colon",
		"Content-Length: 2\r\nContent-Length: 3",
		"Transfer-Encoding: secret",
		"X: " + strings.Repeat("a", 11<<20),
	} {
		wire := "HTTP/1.1 200 OK\r\n" + header + "\r\n\r\n{}"
		server, e := newService(t, embedtest.ServerOptions{AlwaysFail: &embedtest.Fault{Wire: wire}}, embed.Options{})
		setFakeClock(e)
		_, err := e.Embed(t.Context(), []string{"a"})
		var unavailable *embed.UnavailableError
		if err == nil || errors.As(err, &unavailable) || len(server.Requests()) != 3 {
			t.Errorf("%.30s: %v after %d requests", header, err, len(server.Requests()))
		}
	}
}

// TestBadAnswers are good by their status only. They are tried three times.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	edit := func(f func([]embedtest.Embedding)) embedtest.Fault {
		return embedtest.Fault{Edit: func(data *[]embedtest.Embedding) { f(*data) }}
	}
	for name, test := range map[string]struct {
		fault embedtest.Fault
		want  string
	}{
		"HTML":           {embedtest.Fault{HTML: true}, "an HTML page, not JSON: is the base URL right?"},
		"HTML, unnamed":  {embedtest.Fault{Raw: "\n <p>hello"}, "an HTML page"},
		"nothing":        {embedtest.Fault{Raw: " "}, "an empty answer"},
		"gzip that lies": {embedtest.Fault{Status: 200, Header: map[string]string{"Content-Encoding": "gzip"}, Body: `{"data": []}`}, "compressed by gzip, and it is not"},
		"a message":      {embedtest.Fault{Raw: `{"message": "the model is being loaded"}`}, "/v1: the model is being loaded"},
		"a detail":       {embedtest.Fault{Raw: `{"detail": "which model?", "data": []}`}, "/v1: which model?"},
		"data is null":   {embedtest.Fault{Raw: `{"data": null}`}, "null where [ should be"},
		"text":           {embedtest.Fault{Raw: "hello"}, "not the JSON that was asked for"},
		"another JSON":   {embedtest.Fault{Raw: `{"data": "none"}`}, "not the JSON that was asked for"},
		"error with 200": {embedtest.Fault{Raw: `{"error": "busy"}`}, "/v1: busy"},
		"too few":        {passingFaults()["too few"], "2 vectors for 3 texts"},
		"index twice":    {edit(func(d []embedtest.Embedding) { d[2].Index = 0 }), "two vectors for text 0"},
		"index too big":  {edit(func(d []embedtest.Embedding) { d[2].Index = 3 }), "a vector for text 3 of 3"},
		"index negative": {edit(func(d []embedtest.Embedding) { d[2].Index = -1 }), "a vector for text -1 of 3"},
		"shorter":        {edit(func(d []embedtest.Embedding) { d[2].Vector = d[2].Vector[1:] }), "a vector of 7 numbers, want 8"},
		"no numbers":     {edit(func(d []embedtest.Embedding) { d[1].Vector = nil }), "an empty vector"},
		"NaN":            {edit(func(d []embedtest.Embedding) { d[0].Vector[4] = float32(math.NaN()) }), "number 5 is NaN"},
		"Inf":            {edit(func(d []embedtest.Embedding) { d[0].Vector[4] = float32(math.Inf(-1)) }), "number 5 is -Inf"},
		"not base64":     {embedtest.Fault{Raw: `{"data": [{"embedding": "#?"}]}`}, "not base64"},
		"cut base64":     {embedtest.Fault{Raw: `{"data": [{"embedding": "AAAAAAA="}]}`}, "not base64"},
		"escaped base64": {embedtest.Fault{Raw: `{"data": [{"embedding": "AACAP\/8="}]}`}, "not base64"},
		"an object":      {embedtest.Fault{Raw: `{"data": {"embedding": [1]}}`}, "not the JSON that was asked for"},
		"error, coded":   {embedtest.Fault{Raw: `{"error": {"message": "no model", "code": "unloaded"}}`}, "/v1: no model (unloaded)"},
		"a list":         {embedtest.Fault{Raw: `[{"embedding": [1]}]`}, "1 vectors for 3 texts"},
		"a word":         {embedtest.Fault{Raw: `{"data": [{"embedding": true}]}`}, "asked for: bool in place of a list of numbers"},
		"index of words": {embedtest.Fault{Raw: `{"data": [{"index": "first", "embedding": [1]}]}`}, "a vector with the index first"},
		"Ollama, empty":  {embedtest.Fault{Raw: `{"embedding": []}`}, "of Ollama, --base-url must end in /v1"},
		"endless":        {embedtest.Fault{Raw: `{"data": [` + strings.Repeat(" ", 70_000)}, "more than 66304 bytes for 3 texts"},
		"fewer":          {embedtest.Fault{Raw: `{"data": [{"embedding": "AACAPw=="}], "usage": {"prompt_tokens": 1}}`}, "1 vectors for 3 texts"},
		"null":           {embedtest.Fault{Raw: `{"data": [{"embedding": [1, null]}]}`}, "null in a vector"},
		"no vector":      {embedtest.Fault{Raw: `{"data": [{"index": 0}, {"index": 1}, {"index": 2}]}`}, "an empty vector"},
		"NaN in JSON":    {embedtest.Fault{Raw: `{"data": [{"embedding": [NaN]}]}`}, "not the JSON that was asked for"},
		"brotli":         {embedtest.Fault{Status: 200, Header: map[string]string{"Content-Encoding": "br"}, Body: "\x8b\x02"}, "compressed by br, which was not asked for"},
		"half an index":  {embedtest.Fault{Raw: `{"data": [{"index": 0.5, "embedding": [1]}]}`}, "a vector with the index 0.5"},
		"past float32":   {embedtest.Fault{Raw: `{"data": [{"embedding": [1e300]}]}`}, "number 1e300 is beyond 32 bits"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, e := newService(t, embedtest.ServerOptions{AlwaysFail: &test.fault}, embed.Options{Dimensions: 8})
			clock := setFakeClock(e)
			vectors, err := embed.Vectors(t.Context(), e, embedtest.Texts(3))
			var answer *openai.AnswerError
			if !errors.As(err, &answer) || !strings.Contains(err.Error(), test.want) || vectors != nil {
				t.Errorf("%v, want %q", err, test.want)
			}
			for _, word := range []string{"Go ", "struct", "<nil>", "json:", "float32"} {
				if strings.Contains(err.Error(), word) {
					t.Errorf("%v speaks of Go: %q", err, word)
				}
			}
			if hint.Of(err) == "" {
				t.Errorf("%v has no hint", err)
			}
			if len(server.Requests()) != 3 || len(clock.sleeps) != 2 {
				t.Errorf("%d requests, waits %v", len(server.Requests()), clock.sleeps)
			}
		})
	}
}
