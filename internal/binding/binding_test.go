package binding_test

import (
	"context"
	"errors"
	"testing"

	"sheaf/internal/binding"
	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/provider"
)

func TestResolveName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		bound, given string
		insists      bool
		want, hint   string // the name, or the hint of the error
	}{
		{"openai:m", "", false, "openai:m", ""},
		{"openai:m", "openai:m", true, "openai:m", ""},
		{"openai:m", "openai", true, "openai:m", ""},
		{"openai:m", "openai:n", false, "openai:m", ""},
		{"openai:m", "openai:n", true, "", "leave --embedder out, or make another store with --store DIR"},
		{"openai:m", "open", true, "", "leave --embedder out, or make another store with --store DIR"},
		{"builtin:multilingual", "", false, "builtin:multilingual", ""},
		{"builtin:multilingual", "builtin", false, "builtin:multilingual", ""},
		{"builtin:multilingual", "builtin", true, "", "leave --embedder out, or make another store with --store DIR"},
		{"builtin", "builtin:multilingual", true, "", "leave --embedder out, or make another store with --store DIR"},
		{"", "", false, "none", ""},
		{"", "builtin", true, "", "if builtin made its vectors bind it first: sheaf init --embedder builtin; otherwise make another store with --store DIR"},
		{"hf:/here", "hf:/there", false, "hf:/there", ""},
		{"hf:/here", "hf:me/mine", true, "", "leave --embedder out, or make another store with --store DIR"},
		{"command:rm -r it's", "", false, "", `if you trust it, give --embedder 'command:rm -r it'\''s'`},
		{"command:rm", "command:rm", false, "command:rm", ""},
	} {
		got, err := binding.Resolve(engine.Facts{Embedder: test.bound, Dim: 2}, test.given, test.insists, new(embed.Options))
		if got != test.want || (err == nil) != (test.hint == "") || hint.Of(err) != test.hint {
			t.Errorf("%q given %q (%v): %q, %v, hint %q", test.bound, test.given, test.insists, got, err, hint.Of(err))
		}
	}
}

func TestResolveOptions(t *testing.T) {
	t.Parallel()
	f := engine.Facts{Embedder: "openai:m", Fingerprint: "dimensions=5", Dim: 5}
	var o embed.Options
	if _, err := binding.Resolve(f, "", false, &o); err != nil || o.Dimensions != 5 || o.Dim != 5 || o.Fingerprint != f.Fingerprint || *o.Query != "" || *o.Passage != "" {
		t.Errorf("%+v, %v", o, err)
	}
	f.Fingerprint = "dimensions=51"
	o = embed.Options{}
	if _, err := binding.Resolve(f, "", false, &o); err != nil || o.Dimensions != 0 {
		t.Errorf("%+v, %v", o, err)
	}
	other := "query: "
	for _, o := range []embed.Options{{Dimensions: 6}, {Query: &other}, {Passage: &other}} {
		var mismatch *engine.MismatchError
		if _, err := binding.Resolve(f, "", false, &o); !errors.As(err, &mismatch) || hint.Of(err) == "" {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// fake is an embedder with an identity alone.
type fake struct {
	embed.Embedder
	id embed.Identity
}

func (f fake) Identity() embed.Identity { return f.id }

func TestFacts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		id   embed.Identity
		dim  int
		want engine.Facts
	}{
		{embed.Identity{Provider: "openai", Model: "m", Dim: 7}, 0, engine.Facts{Embedder: "openai:m", Dim: 7}},
		{embed.Identity{Provider: "builtin", Dim: 5, Fingerprint: "f"}, 5, engine.Facts{Embedder: "builtin", Fingerprint: "f", Dim: 5}},
		{embed.Identity{Provider: embed.None}, 3, engine.Facts{Dim: 3}},
	} {
		e := fake{id: test.id}
		got, err := binding.Facts(context.Background(), e, test.dim)
		if err != nil || got != test.want {
			t.Errorf("%+v, %d: %+v, %v", test.id, test.dim, got, err)
		}
		if err := binding.Check(got, e); err != nil {
			t.Errorf("%+v: its own store: %v", test.id, err)
		}
	}
	if _, err := binding.Facts(context.Background(), fake{id: embed.Identity{Provider: embed.None}}, 0); !errors.Is(err, binding.ErrNoDim) {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	e, err := provider.New("builtin", embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := binding.Facts(context.Background(), e, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.Fingerprint = "another version"
	if err := binding.Check(f, e); hint.Of(err) == "" {
		t.Errorf("another version of the embedder: %v", err)
	}
}
