package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"sheaf/internal/mcp"
)

var server = mcp.Server{Name: "test", Version: "1.2", Instructions: "Ask.", Tools: []mcp.Tool{
	{Name: "echo", Description: "Say it again.", Schema: `{"type": "object", "properties": {"text": {"type": "string"}}}`,
		Call: func(_ context.Context, arguments []byte) (any, error) { return json.RawMessage(arguments), nil }},
	{Name: "fail", Description: "Fail.", Schema: `{"type": "object"}`,
		Call: func(context.Context, []byte) (any, error) { return nil, errors.New("no such thing") }},
}}

// The official client of the protocol is served.
func TestClient(t *testing.T) {
	t.Parallel()
	requests, toServer := io.Pipe()
	fromServer, answers := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- server.Serve(t.Context(), requests, answers) }()
	client := sdk.NewClient(&sdk.Implementation{Name: "client", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &sdk.IOTransport{Reader: fromServer, Writer: toServer}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := session.InitializeResult(); got.ServerInfo.Name != "test" || got.Instructions != "Ask." {
		t.Errorf("the server says of itself %+v", got)
	}
	if err := session.Ping(t.Context(), nil); err != nil {
		t.Error(err)
	}
	tools, err := session.ListTools(t.Context(), nil)
	if err != nil || len(tools.Tools) != 2 || tools.Tools[0].Name != "echo" || !tools.Tools[0].Annotations.ReadOnlyHint {
		t.Errorf("%+v, %v", tools, err)
	}
	said, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "echo", Arguments: map[string]string{"text": "a < b"}})
	if err != nil || said.IsError || said.Content[0].(*sdk.TextContent).Text != `{"text":"a < b"}` {
		t.Errorf("%+v, %v", said, err)
	}
	failed, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "fail"})
	if err != nil || !failed.IsError || failed.Content[0].(*sdk.TextContent).Text != "no such thing" {
		t.Errorf("%+v, %v", failed, err)
	}
	if _, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "none"}); err == nil || !strings.Contains(err.Error(), `unknown tool "none"`) {
		t.Errorf("an unknown tool: %v", err)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What is no request has an error for an answer, a notification none.
func TestMessages(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"{":                                   `"id":null,"error":{"code":-32700,"message":"not JSON"}`,
		`[]`:                                  `"id":null,"error":{"code":-32600`,
		`{"id": 7}`:                           `"id":7,"error":{"code":-32600`,
		`{"id": 7, "method": "prompts/list"}`: `"id":7,"error":{"code":-32601`,
		`{"id": "x", "method": "tools/call"}`: `"id":"x","error":{"code":-32602,"message":"params are not what the method takes"}`,
		`{"id": 7, "method": "initialize", "params": {"protocolVersion": "1999-01-01"}}`: `"protocolVersion":"2025-06-18"`,
		`{"id": 7, "method": "initialize", "params": {"protocolVersion": "2024-11-05"}}`: `"protocolVersion":"2024-11-05"`,
		`{"method": "notifications/initialized"}`:                                        "",
		"\n": "",
	} {
		var out strings.Builder
		if err := server.Serve(t.Context(), strings.NewReader(message+"\n"), &out); err != nil {
			t.Errorf("%q: %v", message, err)
		}
		if got := out.String(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q is answered with %q, want %s", message, got, want)
		}
	}
}

func FuzzServe(f *testing.F) {
	f.Add(`{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {"text": ""}}}`)
	f.Fuzz(func(t *testing.T, messages string) {
		var out strings.Builder
		_ = server.Serve(t.Context(), strings.NewReader(messages), &out)
		for line := range strings.Lines(out.String()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("%q is answered with %q, which is not JSON", messages, line)
			}
		}
	})
}
