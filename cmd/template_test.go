package cmd

import (
	"strings"
	"testing"

	"sheaf/internal/metadata"
)

func TestTemplates(t *testing.T) {
	t.Parallel()
	h := hit{
		Rank: 2, ID: "x", Score: 0.25, Relevance: 1, Text: "a <b>", Source: "a.txt", StartLine: 3,
		Metadata: metadata.Raw([]byte(`{"page": 7, "big": 123456789012345678901234567890, "ratio": 1e3, "tags": ["t", 1], "none": null}`)),
	}
	tests := []struct{ template, want string }{
		{"{{.rank}} {{.id}} {{.score}} {{.relevance}}", "2 x 0.25 1.0"},
		{"{{.text}}", "a <b>"},
		{"{{.source}}:{{.start_line}}-{{.end_line}}", "a.txt:3-"},
		{"{{.metadata.page}} {{.metadata.ratio}} {{.metadata.big}}", "7 1000.0 123456789012345678901234567890"},
		{"{{range .metadata.tags}}<{{.}}>{{end}}", "<t><1>"},
		{"{{if eq .metadata.page 7}}seven{{else}}{{.id}}{{end}}", "seven"},
		{"{{if gt .score 0.2}}near{{end}}", "near"},
		{"{{with .metadata}}{{.page}}{{end}}", "7"},
		{"{{len .text}}{{/* a comment */}}", "5"},
		{"plain", "plain"},
		{`{{.id}}\t{{.rank}}\n\\t{{if true}}\t{{else}}\t{{end}}{{range .metadata.tags}}{{.}}\t{{end}}`, "x\t2\n\\t\tt\t1\t"},
		{`{{"\t"}}`, "\t"},
		{"{{json .text}} {{json .metadata.tags}} {{.metadata.tags | json}}", `"a <b>" ["t",1] ["t",1]`},
		{"{{truncate 3 .text}} {{.text | truncate 5}} {{truncate 1 \"äöü\"}}", "a … a <b> …"},
		{`{{basename .source}} {{basename "docs/b.md"}}`, "a.txt b.md"},
		{"{{.query}}{{.query_id}}{{.vector}}", ""},
		{`{{define "unused"}}{{.anything}}{{end}}`, ""},
	}
	for _, tt := range tests {
		if got, err := rendered(tt.template, h); err != nil || got != tt.want+"\n" {
			t.Errorf("%q gives %q, %v, want %q", tt.template, got, err, tt.want)
		}
	}
}

func rendered(text string, h hit) (string, error) {
	s, out, _ := recorded("")
	env := &environment{streams: s}
	err := env.print(outputFlags{template: text, fields: hitFields}, func(p *printer) error { return p.item(h, true) })
	return out.String(), err
}

func TestTemplatesThatAreWrong(t *testing.T) {
	t.Parallel()
	tests := []struct{ template, want string }{
		{"{{", "unclosed action"},
		{"{{.Score}}", `no field "Score"`},
		{"{{if .nosuch}}{{end}}", `no field "nosuch"`},
		{"{{if true}}{{else}}{{.nosuch}}{{end}}", `no field "nosuch"`},
		{"{{range .nosuch}}{{end}}", `no field "nosuch"`},
		{"{{with .nosuch}}{{end}}", `no field "nosuch"`},
		{"{{printf \"%s\" .nosuch}}", `no field "nosuch"`},
		{"{{truncate 0 .text}}", "a length from 1 on, not 0"},
		{"{{nosuch .id}}", `function "nosuch" not defined`},
		{"{{.id.deeper}}", "can't evaluate field deeper"},
	}
	for _, tt := range tests {
		_, err := rendered(tt.template, hit{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !as[*usageError](err) {
			t.Errorf("%q: %v, want wrong usage with %q", tt.template, err, tt.want)
		}
	}
}
