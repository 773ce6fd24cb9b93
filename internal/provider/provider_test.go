package provider_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/provider"
)

func TestNewErrors(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		spec    string
		options embed.Options
		want    string
	}{
		{"word2vec", embed.Options{}, `unknown embedder "word2vec"; known: builtin, builtin:multilingual, minilm, minilm:int8, multilingual, hf:NAME[:int8], hf:DIR[:int8], openai[:MODEL], command:PROGRAM or none`},
		{"minilm", embed.Options{}, `embedder "minilm": model "sentence-transformers/all-MiniLM-L6-v2": nowhere to look`},
		{"hf:BAAI/bge", embed.Options{}, `embedder "hf:BAAI/bge": model "BAAI/bge": nowhere to look`},
		{"hf:a/b/c", embed.Options{}, `"a/b/c" is no name of a model, OWNER/NAME; a folder is written ./a/b/c`},
		{"hf", embed.Options{}, `embedder "hf": no model after the colon: want hf:NAME[:int8] or hf:DIR[:int8]`},
		{"hf:", embed.Options{}, `embedder "hf:": no model after the colon`},
		{"hf:./absent", embed.Options{}, "absent\": open config.json: no such file"},
		{"minilm:x", embed.Options{}, `embedder "minilm:x": want minilm or minilm:int8`},
		{"minilm:", embed.Options{}, `"minilm:": no model after the colon: want minilm or minilm:int8`},
		{"minilm:int8", embed.Options{}, `embedder "minilm:int8": model "sentence-transformers/all-MiniLM-L6-v2": nowhere to look`},
		{"hf:BAAI/bge:int8", embed.Options{}, `embedder "hf:BAAI/bge:int8": model "BAAI/bge": nowhere to look`},
		{"hf::int8", embed.Options{}, `"" is no name of a model`},
		{"builtin", embed.Options{Workers: -1}, "workers -1: must be positive"},
		{"", embed.Options{}, `unknown embedder ""`},
		{"openai:", embed.Options{}, `"openai:": no model after the colon`},
		{"builtin:large", embed.Options{}, `"builtin:large": the program has no such model`},
		{"builtin:", embed.Options{}, `"builtin:": no model after the colon: want builtin or builtin:multilingual`},
		{"none:x", embed.Options{}, "none has no models"},
		{"builtin", embed.Options{Dimensions: 128}, "vectors of 256 numbers, not 128"},
		{"builtin", embed.Options{Dimensions: -1}, "dimensions -1"},
		{"openai", embed.Options{BatchSize: 2049}, "batch size 2049: must be from 1 to 2048"},
		{"openai", embed.Options{BatchSize: -1}, "batch size -1"},
		{"openai", embed.Options{BaseURL: "localhost:11434/v1"}, `base URL "localhost:11434/v1"`},
		{"openai", embed.Options{BaseURL: "ftp://host/v1"}, `base URL "ftp://host/v1"`},
		{"openai", embed.Options{BaseURL: "http://"}, `base URL "http://"`},
		{"openai", embed.Options{BaseURL: "http://host:port/"}, "base URL"},
		{"openai", embed.Options{APIKeyFile: "testdata/absent"}, "testdata/absent"},
		{"openai", embed.Options{APIKeyFile: empty}, "does not hold one line with a key"},
	} {
		e, err := provider.New(test.spec, test.options)
		if err == nil || !strings.Contains(err.Error(), test.want) || e != nil {
			t.Errorf("%q %+v: %v and error %v, want %q", test.spec, test.options, e, err, test.want)
		}
	}
	if _, err := provider.New("word2vec", embed.Options{}); !errors.Is(err, provider.ErrUnknown) {
		t.Errorf("%v is not ErrUnknown", err)
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	const local = "http://127.0.0.1:1/v1"
	for _, test := range []struct {
		spec       string
		options    embed.Options
		name       string
		dim        int
		normalized bool
	}{
		{"builtin", embed.Options{}, "builtin", 256, true},
		{"builtin", embed.Options{Dimensions: 256}, "builtin", 256, true},
		{"builtin:multilingual", embed.Options{}, "builtin:multilingual", 256, true},
		{"none", embed.Options{}, "none", 0, false},
		{"openai", embed.Options{}, "openai:text-embedding-3-small", 1536, true},
		{"openai", embed.Options{Dimensions: 512}, "openai:text-embedding-3-small", 512, true},
		{"openai:text-embedding-3-large", embed.Options{BaseURL: "https://eu.api.openai.com/v1"}, "openai:text-embedding-3-large", 3072, true},
		{"openai:text-embedding-ada-002", embed.Options{}, "openai:text-embedding-ada-002", 1536, true},
		{"openai:text-embedding-9", embed.Options{}, "openai:text-embedding-9", 0, true},
		{"openai", embed.Options{BaseURL: local}, "openai:text-embedding-3-small", 0, false},
		{"openai", embed.Options{BaseURL: "https://notapi.openai.com.example.org/v1"}, "openai:text-embedding-3-small", 0, false},
		{"openai:nomic-embed-text:latest", embed.Options{BaseURL: local}, "openai:nomic-embed-text:latest", 0, false},
	} {
		e, err := provider.New(test.spec, test.options)
		if err != nil {
			t.Errorf("%q: %v", test.spec, err)
			continue
		}
		id := e.Identity()
		if id.String() != test.name || id.Dim != test.dim || id.Normalized != test.normalized {
			t.Errorf("%q %+v: %q %+v, want %+v", test.spec, test.options, id, id, test)
		}
		again, err := provider.New(id.String(), test.options)
		if err != nil || again.Identity() != id {
			t.Errorf("%q: its name makes %+v, %v", test.spec, again, err)
		}
	}
}

func TestTrusted(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]bool{
		"builtin": true, "builtin:multilingual": true, "minilm": true, "openai:m": true, "none": true, "hf:me/mine": true, "minilm:int8": true, "hf:me/mine:int8": true,
		"hf:/a/model": false, "hf:/a/model:int8": false, "command:rm": false, "word2vec": false, "": false,
	} {
		if got := provider.Trusted(spec); got != want {
			t.Errorf("a store that names %q is trusted: %v", spec, got)
		}
	}
}

// TestDocumented tests that every provider is in the table of docs/embedders.md.
func TestDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/embedders.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(strings.Replace(provider.Usage(), " or ", ", ", 1), ", ") {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/embedders.md does not name %s", name)
		}
	}
}
