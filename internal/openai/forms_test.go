package openai_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/embed/embedtest"
	"sheaf/internal/hint"
	"sheaf/internal/openai"
)

// form returns what writes an answer: before, for each vector each with its number in the
// place of # and the vector in the place of $, and after.
func form(before, each, after string) func([][]float32) []byte {
	return func(vectors [][]float32) []byte {
		var list []string
		for i, v := range vectors {
			numbers, _ := json.Marshal(v) // finite
			list = append(list, strings.NewReplacer("#", fmt.Sprint(i), "$", string(numbers)).Replace(each))
		}
		return []byte(before + strings.Join(list, ",") + after)
	}
}

// TestForms has answers of servers that are called compatible.
func TestForms(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func([][]float32) []byte{
		"no index":       form(`{"data": [`, `{"embedding": $}`, `]}`),
		"index as text":  form(`{"data": [`, `{"embedding": $, "index": "#"}`, `]}`),
		"index as 0.0":   form(`{"data": [`, `{"embedding": $, "index": #.0}`, `]}`),
		"null":           form(`{"error": null, "usage": null, "data": [`, `{"index": null, "embedding": $}`, `]}`),
		"a row in a row": form(`{"data": [`, `{"index": #, "embedding": [ $ ]}`, `]}`),
		"Ollama":         form(`{"model": "m", "embeddings": [`, `$`, `], "total_duration": 1}`),
		"llama.cpp":      form("[", `{"index": #, "embedding": [$]}`, "]"),
		"TEI":            form(" [", "$", "]"),
		"a BOM":          form("\ufeff{\"data\": [", `{"index": #, "embedding": $}`, `]}`),
		"usage in words": form(`{"data": [`, `{"index": #, "embedding": $}`, `], "usage": {"prompt_tokens": "many"}}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, e := newService(t, embedtest.ServerOptions{Form: write}, embed.Options{})
			texts := embedtest.Texts(1000)
			vectors, err := embed.Vectors(t.Context(), e, texts)
			if err != nil {
				t.Fatal(err)
			}
			embedtest.CheckVectors(t, texts, vectors, 8)
			if n := len(server.Requests()); n != 4 {
				t.Errorf("%d requests for 1000 texts", n)
			}
		})
	}
}

// One text's vector may stand by itself.
func TestFormOfOneText(t *testing.T) {
	t.Parallel()
	_, e := newService(t, embedtest.ServerOptions{Form: form(`{"embedding": `, `$`, `}`)}, embed.Options{})
	vectors, err := embed.Vectors(t.Context(), e, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	embedtest.CheckVectors(t, []string{"a"}, vectors, 8)
}

// TestServerTellsWhatIsWrong has faults of a server's settings, which are final at once.
func TestServerTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	quota := `{"error": {"message": "pay first", "code": "insufficient_quota"}}`
	for name, test := range map[string]struct {
		answer string
		want   string
	}{
		"a vector for each token": {`{"data": [{"index": 0, "embedding": [[1, 2], [3, 4]]}]}`, "start the server with pooling, such as --pooling mean"},
		"status in the error":     {`{"error": {"message": "no such model", "code": 404}}`, "refused the request (status 404): no such model"},
		"key in the error":        {`{"error": {"message": "who are you", "code": 401}}`, "refused the key (status 401): who are you"},
		"quota in the error":      {quota, "refused the key (status 200): pay first"},
	} {
		server, e := newService(t, embedtest.ServerOptions{AlwaysFail: &embedtest.Fault{Raw: test.answer}}, embed.Options{})
		clock := setFakeClock(e)
		_, err := e.Embed(t.Context(), []string{"a"})
		if err == nil || !strings.Contains(err.Error(), test.want) || len(server.Requests()) != 1 || len(clock.sleeps) != 0 {
			t.Errorf("%s: %v after %d requests, want %q", name, err, len(server.Requests()), test.want)
		}
	}
}

// A server that cannot do base64 may say so by an error without a reason, or write something
// else than numbers of 32 bits.
func TestBase64RefusedWithoutAReason(t *testing.T) {
	t.Parallel()
	const doubles = "mpmZmZmZyb+amZmZmZm5PzMzMzMzM+M/" // -0.2, 0.1, 0.6
	for name, fault := range map[string]embedtest.Fault{
		"400":       {Status: 400},
		"400, HTML": {Status: 400, Body: "<html>"},
		"500":       {Status: 500, Body: "KeyError: 'encoding_format'"},
		"doubles":   {Raw: `{"data": [{"embedding": "` + doubles + `"}, {"embedding": "` + doubles + `"}]}`},
		"words":     {Raw: `{"data": [{"embedding": "[0.1, 0.2]"}, {"embedding": "[0.1, 0.3]"}]}`},
	} {
		server, e := newService(t, embedtest.ServerOptions{NoLengths: true, Spoil: func(r embedtest.Request) *embedtest.Fault {
			if r.EncodingFormat == "base64" {
				return &fault
			}
			return nil
		}}, embed.Options{Dimensions: 8})
		setFakeClock(e)
		for range 3 {
			vectors, err := embed.Vectors(t.Context(), e, []string{"a", "b"})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			embedtest.CheckVectors(t, []string{"a", "b"}, vectors, 8)
		}
		if n := len(server.Requests()); n > 7 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

// TestAServiceThatNeverWorked has a service that fails for anything, in any form.
func TestAServiceThatNeverWorked(t *testing.T) {
	t.Parallel()
	server, e := newService(t, embedtest.ServerOptions{AlwaysFail: &embedtest.Fault{Status: 500, Body: "no such runner"}}, embed.Options{})
	clock := setFakeClock(e)
	_, err := e.Embed(t.Context(), []string{"a"})
	var answer *openai.AnswerError
	if !errors.As(err, &answer) || !strings.Contains(err.Error(), "status 500: no such runner") || hint.Of(err) == "" {
		t.Errorf("%v, hint %q", err, hint.Of(err))
	}
	if len(server.Requests()) != 4 || clock.slept().Seconds() > 2 {
		t.Errorf("%d requests in %v", len(server.Requests()), clock.slept())
	}
}

// A text for which the service fails is found in about a second.
func TestATextThatFailsAlone(t *testing.T) {
	t.Parallel()
	server, e := newService(t, embedtest.ServerOptions{Spoil: func(r embedtest.Request) *embedtest.Fault {
		if r.Input[0] == "bad" {
			return &embedtest.Fault{Status: 500}
		}
		return nil
	}}, embed.Options{})
	clock := setFakeClock(e)
	if _, err := e.Embed(t.Context(), []string{"good"}); err != nil {
		t.Fatal(err)
	}
	r, err := e.Embed(t.Context(), []string{"bad"})
	var text *openai.TextError
	if err != nil || !errors.As(r.Errs[0], &text) {
		t.Errorf("%v, %v", err, r.Errs)
	}
	if len(server.Requests()) > 10 || clock.slept().Seconds() > 1.2 {
		t.Errorf("%d requests in %v", len(server.Requests()), clock.slept())
	}
}

// TestProxyAsksForAPassword goes by a proxy to a service over http and over https.
func TestProxyAsksForAPassword(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	t.Cleanup(proxy.Close)
	for _, base := range []string{"http://service.invalid/v1", "https://service.invalid/v1"} {
		e, err := openai.New("m", embed.Options{BaseURL: base})
		if err != nil {
			t.Fatal(err)
		}
		clock := setFakeClock(e)
		to, err := url.Parse(proxy.URL)
		if err != nil {
			t.Fatal(err)
		}
		openai.SetProxy(e, to)
		_, err = e.Embed(t.Context(), []string{"a"})
		var refused *embed.RefusedError
		if !errors.As(err, &refused) || refused.Status != 407 || !strings.Contains(hint.Of(err), "HTTPS_PROXY") || len(clock.sleeps) != 0 {
			t.Errorf("%s: %v, hint %q, after %v", base, err, hint.Of(err), clock.sleeps)
		}
	}
}

func TestKeyWithALineBreak(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"sk-1\n", "sk\r\n-1", "sk-\x1b1"} {
		_, err := openai.New("m", embed.Options{APIKey: key})
		if err == nil || !strings.Contains(err.Error(), "line break") || strings.Contains(err.Error(), "sk") || hint.Of(err) == "" {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// TestKeyIsNotPrinted has services that repeat the key, or a part of it.
func TestKeyIsNotPrinted(t *testing.T) {
	t.Parallel()
	const key = "sk-proj-0123456789abcdef"
	for _, fault := range []embedtest.Fault{
		{Status: 401, Body: `{"error": {"message": "Incorrect API key provided: ` + key + `"}}`},
		{Status: 403, Body: "the key sk-proj-0123****cdef is unknown"},
		{Status: 404, Body: "no model for " + key[:8]},
		{Status: 404, Body: "the key ends with " + key[3:]},
		{Status: 503, Body: "busy with " + key},
		{Status: 307, Header: map[string]string{"Location": "http://elsewhere/?key=" + key}},
		{Raw: `{"error": "` + key + `"}`},
		{Wire: key + "\r\n\r\n"},
		{Wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + key + "\r\n\r\n"},
		{Raw: `{"data": "` + key[:19] + `"}`},
	} {
		server, e := newService(t, embedtest.ServerOptions{AlwaysFail: &fault}, embed.Options{APIKey: key, RetryFor: -1})
		_, err := e.Embed(t.Context(), []string{"a"})
		if err == nil || strings.Contains(err.Error(), key[:8]) || strings.Contains(err.Error(), key[10:]) || !strings.Contains(err.Error(), "[key]") {
			t.Errorf("%+v: %v", fault, err)
		}
		if got := server.Requests()[0].Authorization; got != "Bearer "+key {
			t.Errorf("sent %q", got)
		}
	}
}

// TestAzure has a query in the base URL and a key in a header of its own.
func TestAzure(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ base, header, want string }{
		{"https://mine.openai.azure.com/openai/deployments/d?api-version=2024-10-21", "", "Api-Key"},
		{"https://openai.azure.com.example.org/v1?api-version=2024-10-21", "", "Authorization"},
		{"http://host/v1?api-version=2024-10-21", "X-Key", "X-Key"},
	} {
		server := embedtest.NewServer(embedtest.ServerOptions{})
		t.Cleanup(server.Close)
		o := embed.Options{BaseURL: test.base, APIKey: "sk-1", AuthHeader: test.header, RetryFor: -1}
		e, err := openai.New("m", o)
		if err != nil {
			t.Fatal(err)
		}
		to, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		openai.SendTo(e, to.Host)
		_, err = e.Embed(t.Context(), []string{"a"}) // the server does not know the path of Azure
		if err != nil && strings.Contains(err.Error(), "api-version") {
			t.Errorf("%s: %v", test.base, err)
		}
		got := server.Requests()[0]
		if got.Query != "api-version=2024-10-21" || !strings.HasSuffix(got.Path, "/embeddings") {
			t.Errorf("%s: asked %s?%s", test.base, got.Path, got.Query)
		}
		for _, header := range []string{"Authorization", "Api-Key", "X-Key"} {
			want := ""
			if header == test.want {
				want = "sk-1"
			}
			if value := strings.TrimPrefix(got.Header.Get(header), "Bearer "); value != want {
				t.Errorf("%s: %s: %q, want %q", test.base, header, value, want)
			}
		}
	}
}

func TestExtraBody(t *testing.T) {
	t.Parallel()
	server, e := newService(t, embedtest.ServerOptions{}, embed.Options{ExtraBody: `{"input_type": "query", "encoding_format": "float"}`})
	vectors, err := embed.Vectors(t.Context(), e, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	embedtest.CheckVectors(t, []string{"a"}, vectors, 8)
	got := server.Requests()[0]
	if string(got.Body["input_type"]) != `"query"` || got.EncodingFormat != "float" || got.Model != "m" {
		t.Errorf("asked %s", got.Body)
	}
	for extra, want := range map[string]string{
		"[]": "want a JSON object", "{": "want a JSON object", `{"model": "n"}`: `"model" cannot be set there`,
	} {
		if _, err := openai.New("m", embed.Options{ExtraBody: extra}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", extra, err)
		}
	}
	if _, err := openai.New("m", embed.Options{AuthHeader: "X Key"}); err == nil || !strings.Contains(err.Error(), "want the name of a header") {
		t.Error(err)
	}
}

// A base URL without a path is most often one that lacks its end.
func TestBaseURLWithoutAPath(t *testing.T) {
	t.Parallel()
	server := embedtest.NewServer(embedtest.ServerOptions{})
	t.Cleanup(server.Close)
	base := strings.TrimSuffix(server.URL, "/v1")
	e, err := openai.New("m", embed.Options{BaseURL: base})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Embed(t.Context(), []string{"a"}); err == nil || hint.Of(err) != "most servers want --base-url "+base+"/v1" {
		t.Errorf("%v, hint %q", err, hint.Of(err))
	}
}
