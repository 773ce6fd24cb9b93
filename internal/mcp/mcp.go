// Package mcp is a server of the Model Context Protocol that has tools and nothing else, over a
// stream in each direction: https://modelcontextprotocol.io/specification/2025-06-18. A message
// is a line of JSON-RPC 2.0. Requests are answered one after the other, in their order.
//
// The protocol's official SDK for Go is what the tests ask it with. The server is not made of it,
// because the initialisation of its packages would lengthen the start of every verb by a fifth
// of a millisecond.
package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Tool is what a client can call.
type Tool struct {
	Name        string
	Description string
	Schema      string // of the arguments, an object of JSON Schema

	// Call gets the arguments, an object, and returns what is encoded as the answer. An error is told
	// to the model that called.
	Call func(ctx context.Context, arguments []byte) (any, error)
}

// Server answers for some tools.
type Server struct {
	Name, Version string
	Instructions  string // what the tools are for; may be empty
	Tools         []Tool
}

// versions are those of the protocol that the server speaks, the latest first.
var versions = []string{"2025-06-18", "2025-03-26", "2024-11-05"}

// The codes of JSON-RPC 2.0.
const (
	parseError     = -32700
	invalidRequest = -32600
	unknownMethod  = -32601
	invalidParams  = -32602
)

// maxMessage bounds the bytes of a message.
const maxMessage = 4 << 20

type request struct {
	ID     json.RawMessage `json:"id"` // none: a notification, which has no answer
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

type response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *failure        `json:"error,omitempty"`
}

// failure is the error of a request that is not the tool's.
type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (f *failure) Error() string { return f.Message }

var errParams = &failure{invalidParams, "params are not what the method takes"}

// Serve answers requests until in ends.
func (s *Server) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxMessage)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		answer := s.answer(ctx, line)
		if answer == nil {
			continue
		}
		if err := encoder.Encode(answer); err != nil {
			return fmt.Errorf("answering: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading requests: %w", err)
	}
	return context.Cause(ctx)
}

// answer returns the answer to a message, nil for a notification.
func (s *Server) answer(ctx context.Context, message []byte) *response {
	var r request
	var result any
	err := json.Unmarshal(message, &r)
	switch {
	case err != nil && !json.Valid(message):
		err = &failure{parseError, "not JSON"}
	case err != nil || r.Method == "":
		err = &failure{invalidRequest, "not a request"}
	case r.ID == nil:
		return nil
	default:
		result, err = s.result(ctx, r)
	}
	a := &response{Version: "2.0", ID: r.ID, Result: result}
	if a.ID == nil {
		a.ID = json.RawMessage("null")
	}
	if err != nil {
		a.Result = nil
		if !errors.As(err, &a.Error) {
			a.Error = &failure{invalidParams, err.Error()}
		}
	}
	return a
}

func (s *Server) result(ctx context.Context, r request) (any, error) {
	switch r.Method {
	case "initialize":
		return s.initialize(r.Params)
	case "ping":
		return struct{}{}, nil
	case "tools/list":
		return s.list(), nil
	case "tools/call":
		return s.call(ctx, r.Params)
	}
	return nil, &failure{unknownMethod, fmt.Sprintf("unknown method %q", r.Method)}
}

// initialize agrees on a version: the client's, or else the latest.
func (s *Server) initialize(params []byte) (any, error) {
	var wanted struct {
		ProtocolVersion string `json:"protocolVersion"`
	}
	if json.Unmarshal(params, &wanted) != nil {
		return nil, errParams
	}
	version := wanted.ProtocolVersion
	if !slices.Contains(versions, version) {
		version = versions[0]
	}
	answer := map[string]any{
		"protocolVersion": version,
		"capabilities":    map[string]any{"tools": struct{}{}},
		"serverInfo":      map[string]string{"name": s.Name, "version": s.Version},
	}
	if s.Instructions != "" {
		answer["instructions"] = s.Instructions
	}
	return answer, nil
}

func (s *Server) list() any {
	tools := []any{}
	for _, t := range s.Tools {
		tools = append(tools, map[string]any{
			"name": t.Name, "description": t.Description, "inputSchema": json.RawMessage(t.Schema),
			"annotations": map[string]bool{"readOnlyHint": true},
		})
	}
	return map[string]any{"tools": tools}
}

// content is a part of what a tool says.
type content struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

func (s *Server) call(ctx context.Context, params []byte) (any, error) {
	var asked struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	}
	if json.Unmarshal(params, &asked) != nil {
		return nil, errParams
	}
	at := slices.IndexFunc(s.Tools, func(t Tool) bool { return t.Name == asked.Name })
	if at < 0 {
		return nil, fmt.Errorf("unknown tool %q", asked.Name)
	}
	if asked.Arguments == nil {
		asked.Arguments = json.RawMessage("{}")
	}
	answer, err := s.Tools[at].Call(ctx, asked.Arguments)
	text := ""
	if err == nil {
		text, err = encode(answer)
	}
	if err != nil {
		text = err.Error()
	}
	return map[string]any{"content": []content{{"text", text}}, "isError": err != nil}, nil
}

// encode returns v as JSON in which < > & stay as they are.
func encode(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return string(bytes.TrimSpace(b.Bytes())), err
}
