package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/hint"
	"sheaf/internal/mcp"
)

type mcpOptions struct{ ask askFlags }

func newMCPCmd(env *environment) *cobra.Command {
	var o mcpOptions
	c := &cobra.Command{
		Annotations: takesManyStores,
		Use:         "mcp",
		Short:       "Let agents ask, by the Model Context Protocol",
		Long: `Serve the Model Context Protocol on stdin and stdout, for an agent that starts
this command. It has three tools, which read and never write: search, get and
sources. --store given more than once searches all of these stores.

An agent is told of it in its configuration, such as
{"mcpServers": {"notes": {"command": "sheaf", "args": ["mcp", "-s", "DIR"]}}}.
What was ingested meanwhile is found. The server ends with its input.` + exitStatus(0, 1, 2, 10, 11, 12, 130, 143),
		Example: `  sheaf mcp < /dev/null
  sheaf mcp -s .sheaf < /dev/null`,
		PreRunE: func(_ *cobra.Command, args []string) error { return o.validate(env, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runMCP(c.Context(), env, &o) },
	}
	o.ask.embedder.addFlags(c)
	addMode(c)
	addRerank(c)
	return c
}

func (o *mcpOptions) validate(env *environment, args []string) error {
	if err := noArgs("mcp", args); err != nil {
		return err
	}
	if env.inJSON() {
		return usagef("mcp answers by its protocol: it cannot be used with --json or --jsonl")
	}
	o.ask.embedder.Questions, o.ask.relevanceFn = true, relevanceDefault
	o.ask.choose(env.config)
	return o.ask.embedder.validate()
}

func runMCP(ctx context.Context, env *environment, o *mcpOptions) error {
	return env.withAgreeing(ctx, func(s catalog) error {
		m := &agent{newAsker(env, s, &o.ask)}
		server := mcp.Server{Name: "sheaf", Version: version, Instructions: "Search the user's own texts.", Tools: []mcp.Tool{
			{Name: "search", Schema: searchSchema, Call: tool(m.search), Description: "Find passages by meaning and words. A hit has path and lines, where to read on."},
			{Name: "get", Schema: getSchema, Call: tool(m.get), Description: "Print passages by id, or those of one source in order."},
			{Name: "sources", Schema: sourcesSchema, Call: tool(m.sources), Description: "List the sources and how many passages each has."},
		}}
		return server.Serve(ctx, env.stdin("requests of the Model Context Protocol"), env.streams.Out)
	})
}

const (
	searchSchema = `{"type": "object", "required": ["query"], "properties": {
"query": {"type": "string", "description": "a question or words"},
"k": {"type": "integer", "minimum": 1, "maximum": 50, "description": "how many, 5 if not given"},
"source": {"type": "string", "description": "a source or a glob of sources, docs/**"},
"filter": {"type": "string", "description": "of metadata, page>=3"}}}`
	getSchema = `{"type": "object", "properties": {
"ids": {"type": "array", "items": {"type": "string"}},
"source": {"type": "string"}}}`
	sourcesSchema = `{"type": "object", "properties": {
"glob": {"type": "string", "description": "docs/**"}}}`
)

// tool makes the function of a tool of one that gets the arguments as an A. An argument that A
// does not have is an error. Hints are a part of what errors say.
func tool[A any](call func(ctx context.Context, arguments A) (any, error)) func(context.Context, []byte) (any, error) {
	return func(ctx context.Context, arguments []byte) (any, error) {
		var a A
		d := json.NewDecoder(bytes.NewReader(arguments))
		d.DisallowUnknownFields()
		if err := d.Decode(&a); err != nil {
			return nil, wrongArguments(err)
		}
		answer, err := call(ctx, a)
		if way := hint.Of(err); way != "" {
			err = fmt.Errorf("%w (%s)", err, way)
		}
		return answer, err
	}
}

// wrongArguments is an error of decoding arguments in the words of their schema.
func wrongArguments(err error) error {
	var wrong *json.UnmarshalTypeError
	name, unknown := strings.CutPrefix(err.Error(), "json: unknown field ")
	switch {
	case unknown:
		return fmt.Errorf("there is no argument %s", name)
	case errors.As(err, &wrong) && wrong.Field != "":
		return fmt.Errorf("the argument %q does not take this %s", wrong.Field, wrong.Value)
	}
	return errors.New("the arguments are not an object")
}
