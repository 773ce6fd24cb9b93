package splitter_test

import (
	"slices"
	"testing"

	"sheaf/internal/splitter"
)

func TestLanguageOf(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"a/README.md": "markdown", "x.mdx": "markdown", "x.Rmd": "markdown", "x.GO": "go", "x.tsx": "ts", "x.h": "c", "notes.txt": "", "Makefile": "", "stdin:log": "",
		"x.cc": "cpp", "x.cs": "csharp", "x.cbl": "cobol", "x.exs": "elixir", "x.hs": "haskell", "x.java": "java", "x.mjs": "js",
		"x.kt": "kotlin", "x.tex": "latex", "x.lua": "lua", "x.php": "php", "x.proto": "proto", "x.ps1": "powershell", "x.py": "python",
		"x.rst": "rst", "x.rb": "ruby", "x.rs": "rust", "x.scala": "scala", "x.sol": "sol", "x.swift": "swift",
	} {
		got := splitter.LanguageOf(file)
		if got != want {
			t.Errorf("the language of %q is %q, want %q", file, got, want)
		}
		if got != "" && !slices.Contains(splitter.Languages(), got) {
			t.Errorf("the language of %q, %q, is none that texts are cut by", file, got)
		}
	}
}
