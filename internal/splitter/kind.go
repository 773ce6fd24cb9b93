package splitter

import (
	"path/filepath"
	"strings"
)

// LanguageOf returns the language of a file of source code or Markdown, as [Options] names it, by
// the file's extension; "" for any other file.
func LanguageOf(file string) string {
	switch strings.ToLower(strings.TrimPrefix(filepath.Ext(file), ".")) {
	case "md", "markdown", "mdx", "mdown", "mkd", "qmd", "rmd":
		return "markdown"
	case "c", "h":
		return "c"
	case "cc", "cpp", "cxx", "hh", "hpp":
		return "cpp"
	case "cs":
		return "csharp"
	case "cob", "cbl":
		return "cobol"
	case "ex", "exs":
		return "elixir"
	case "go":
		return "go"
	case "hs":
		return "haskell"
	case "java":
		return "java"
	case "js", "jsx", "mjs", "cjs":
		return "js"
	case "kt", "kts":
		return "kotlin"
	case "tex":
		return "latex"
	case "lua":
		return "lua"
	case "php":
		return "php"
	case "proto":
		return "proto"
	case "ps1", "psm1":
		return "powershell"
	case "py":
		return "python"
	case "rst":
		return "rst"
	case "rb":
		return "ruby"
	case "rs":
		return "rust"
	case "scala":
		return "scala"
	case "sol":
		return "sol"
	case "swift":
		return "swift"
	case "ts", "tsx":
		return "ts"
	}
	return ""
}
