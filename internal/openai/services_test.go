package openai_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/embed/embedtest"
	"sheaf/internal/hint"
	"sheaf/internal/openai"
)

// refusing refuses requests as a server does, with its status and its words.
func refusing(status int, body string, when func(r embedtest.Request) bool) func(embedtest.Request) *embedtest.Fault {
	return func(r embedtest.Request) *embedtest.Fault {
		if when(r) {
			return &embedtest.Fault{Status: status, Body: body}
		}
		return nil
	}
}

func moreThan(n int) func(embedtest.Request) bool {
	return func(r embedtest.Request) bool { return len(r.Input) > n }
}

func inBase64(r embedtest.Request) bool   { return r.EncodingFormat == "base64" }
func withLength(r embedtest.Request) bool { return r.Dimensions > 0 }

// TestServices has the servers of docs/services.md as they are known to answer.
func TestServices(t *testing.T) {
	t.Parallel()
	const key = "sk-0123456789"
	plain := func(r embedtest.Request) bool { return !inBase64(r) }
	for name, test := range map[string]struct {
		server embedtest.ServerOptions
		base   string // what follows the host; "": /v1
		embed.Options
	}{
		"OpenAI": {server: embedtest.ServerOptions{Key: key}, Options: embed.Options{Dimensions: 8}},
		"Azure": {
			server:  embedtest.ServerOptions{Key: key, KeyHeader: "api-key", Path: "/openai/deployments/d/embeddings"},
			base:    "/openai/deployments/d?api-version=2024-10-21",
			Options: embed.Options{AuthHeader: "api-key"},
		},
		"Azure, the whole URL": {
			server:  embedtest.ServerOptions{Key: key, KeyHeader: "api-key", Path: "/openai/deployments/d/embeddings"},
			base:    "/openai/deployments/d/embeddings?api-version=2024-10-21",
			Options: embed.Options{AuthHeader: "api-key"},
		},
		"Ollama":         {server: embedtest.ServerOptions{Floats: true}, Options: embed.Options{Dimensions: 8}},
		"Ollama, native": {server: embedtest.ServerOptions{Path: "/api/embeddings", Form: form(`{"model": "m", "embeddings": [`, `$`, `]}`)}, base: "/api"},
		"llama.cpp": {server: embedtest.ServerOptions{
			Form:  form(`{"model": "m", "object": "list", "usage": {"prompt_tokens": 3}, "data": [`, `{"embedding": $, "index": #, "object": "embedding"}`, `]}`),
			Spoil: refusing(500, `{"error": {"code": 500, "message": "input is too large to process. increase the physical batch size", "type": "server_error"}}`, moreThan(2)),
		}},
		"llama.cpp, its own path": {server: embedtest.ServerOptions{Path: "/embeddings", Form: form("[", `{"index": #, "embedding": [$]}`, "]")}, base: "/"},
		"vLLM": {server: embedtest.ServerOptions{
			Spoil: refusing(400, `{"object": "error", "message": "Model \"m\" does not support matryoshka representation, changing output dimensions will lead to poor results.", "type": "BadRequestError", "code": 400}`, withLength),
		}, Options: embed.Options{Dimensions: 8}},
		"TEI": {server: embedtest.ServerOptions{
			Floats: true, Spoil: refusing(413, `{"error": "batch size 3 > maximum allowed batch size 2", "error_type": "Validation"}`, moreThan(2)),
		}},
		"LM Studio": {server: embedtest.ServerOptions{Floats: true, NoUsage: true}},
		"LiteLLM": {server: embedtest.ServerOptions{
			Key: key, Form: form(`{"model": "m", "data": [`, `{"embedding": $, "object": "embedding"}`, `], "object": "list"}`),
			Spoil: refusing(400, `{"error": {"message": "litellm.UnsupportedParamsError: Setting dimensions is not supported", "type": "None", "param": null, "code": "400"}}`, withLength),
		}, Options: embed.Options{Dimensions: 8}},
		"Mistral": {server: embedtest.ServerOptions{
			Key: key, Spoil: refusing(422, `{"object": "error", "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "encoding_format"], "msg": "Extra inputs are not permitted"}]}}`, inBase64),
		}},
		"Mistral, many tokens": {server: embedtest.ServerOptions{
			Key: key, Spoil: refusing(400, `{"object": "error", "message": "Too many tokens overall, split into more batches.", "type": "invalid_request_prompt", "code": "3210"}`, moreThan(1)),
		}},
		"Voyage": {server: embedtest.ServerOptions{
			Key: key, Spoil: refusing(400, `{"detail": "Value 'float' supplied for argument 'encoding_format' is not valid -- accepted values are ['base64', null]."}`, func(r embedtest.Request) bool { return r.EncodingFormat != "" && plain(r) }),
		}, Options: embed.Options{ExtraBody: `{"input_type": "document"}`}},
		"Voyage, other lengths": {server: embedtest.ServerOptions{
			Key: key, Spoil: refusing(400, `{"detail": "Argument 'dimensions' is not supported by our API"}`, withLength),
		}, Options: embed.Options{Dimensions: 8, ExtraBody: `{"output_dimension": 8}`}},
		"Cohere": {server: embedtest.ServerOptions{
			Key: key, Spoil: refusing(400, `{"message": "invalid request: total number of texts must be at most 2 - received 3"}`, moreThan(2)),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := embedtest.NewServer(test.server)
			t.Cleanup(server.Close)
			o := test.Options
			o.APIKey, o.BaseURL = key, server.URL
			if test.base != "" {
				o.BaseURL = strings.TrimSuffix(server.URL, "/v1") + test.base
			}
			e, err := openai.New("m", o)
			if err != nil {
				t.Fatal(err)
			}
			setFakeClock(e)
			texts := embedtest.Texts(7)
			vectors, err := embed.Vectors(t.Context(), e, texts)
			if err != nil {
				t.Fatal(err)
			}
			embedtest.CheckVectors(t, texts, vectors, 8)
		})
	}
}

// TestNoServerOfHTTP has a server that speaks something else, and one without TLS.
func TestNoServerOfHTTP(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.Copy(io.Discard, r.Body) // what is left unread would reset the connection
			}
			fmt.Fprint(c, "SSH-2.0-OpenSSH_9.2\r\n")
			c.Close()
		}
	}()
	e, err := openai.New("m", embed.Options{BaseURL: "http://" + listener.Addr().String() + "/v1"})
	if err != nil {
		t.Fatal(err)
	}
	clock := setFakeClock(e)
	if _, err := e.Embed(t.Context(), []string{"a"}); err == nil || len(clock.sleeps) > 2 {
		t.Errorf("%v after %v", err, clock.sleeps)
	}

	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	e, err = openai.New("m", embed.Options{BaseURL: strings.Replace(plain.URL, "http:", "https:", 1) + "/v1"})
	if err != nil {
		t.Fatal(err)
	}
	clock = setFakeClock(e)
	if _, err := e.Embed(t.Context(), []string{"a"}); err == nil || !strings.Contains(hint.Of(err), "http://") || len(clock.sleeps) > 0 {
		t.Errorf("%v, hint %q, after %v", err, hint.Of(err), clock.sleeps)
	}
}
