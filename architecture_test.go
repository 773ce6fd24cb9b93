package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "sheaf"

// cgoAllowed are the five doors to C, the oracle that tests compare one of them with, and an option
// of the linker.
var cgoAllowed = []string{"internal/codes", "internal/faiss", "internal/faiss/faisstest", "internal/prefault", "internal/rowsum", "internal/sqlite", "internal/transformer"}

// viperAllowed is the one file that reads configuration.
const viperAllowed = "cmd/config.go"

// forbiddenInternal are names that no code under internal/ uses: a library there returns values
// and errors, and cmd decides what a person sees.
var forbiddenInternal = []string{
	"fmt.Print", "fmt.Printf", "fmt.Println",
	"os.Stdout", "os.Stderr", "os.Exit", "syscall.Exit",
	"log.*", "log/slog.*",
}

// TestArchitecture holds the rules of docs/design.md on every Go file of the repository.
func TestArchitecture(t *testing.T) {
	t.Parallel()
	files, err := goFiles(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no Go files found")
	}
	for name, source := range files {
		problems, err := check(name, source)
		if err != nil {
			t.Error(err)
		}
		for _, problem := range problems {
			t.Error(problem)
		}
	}
}

// TestArchitectureCatches shows that each rule bites, and that what it allows passes.
func TestArchitectureCatches(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file, source string
		want         string // a part of the one problem, or "" for none
	}{
		{"internal/loader/a.go", `import "sheaf/internal/store"`, `imports "sheaf/internal/store"`},
		{"internal/loader/a_test.go", `import "sheaf/internal/store"`, ""},
		{"internal/loader/loadertest/a.go", `import "sheaf/internal/loader"`, ""},
		{"internal/loader/loadertest/a.go", `import "sheaf/internal/seq"`, ""},
		{"internal/loader/loadertest/a.go", `import "sheaf/internal/store"`, `imports "sheaf/internal/store"`},
		{"internal/store/a.go", `import "sheaf/internal/faiss"`, ""},
		{"internal/store/a.go", `import "sheaf/internal/embed"`, `imports "sheaf/internal/embed"`},
		{"internal/ingest/a.go", `import "sheaf/internal/embed"`, ""},
		{"internal/ingest/a_test.go", `import "sheaf/cmd"`, `imports "sheaf/cmd"`},
		{"main.go", `import "sheaf/cmd"`, ""},
		{"cmd/a.go", `import "C"`, `imports "C"`},
		{"internal/faiss/a.go", `import "C"`, ""},
		{"cmd/search.go", `import "github.com/spf13/viper"`, "viper"},
		{"cmd/config.go", `import "github.com/spf13/viper"`, ""},
		{"internal/ingest/a.go", "import \"fmt\"\nfunc f() { fmt.Println() }", "fmt.Println"},
		{"internal/ingest/a.go", "import \"fmt\"\nfunc f() { fmt.Sprint() }", ""},
		{"internal/ingest/a.go", "import say \"fmt\"\nfunc f() { say.Printf(``) }", "fmt.Printf"},
		{"internal/ingest/a.go", "import \"os\"\nvar w = os.Stderr", "os.Stderr"},
		{"internal/ingest/a.go", "import \"log/slog\"\nvar l = slog.Default()", "log/slog.Default"},
		{"internal/ingest/a.go", `func f() { panic(1) }`, "panic"},
		{"internal/ingest/a.go", `func f() { println(1) }`, "println"},
		{"internal/ingest/a_test.go", `func f() { panic(1) }`, ""},
		{"internal/embed/embedtest/a.go", `func f() { panic(1) }`, ""},
		{"cmd/a.go", "import \"os\"\nfunc f() { os.Exit(1) }", "os.Exit"},
		{"main.go", "import \"os\"\nfunc f() { os.Exit(1) }", ""},
		{"cmd/a.go", `func init() {}`, "init"},
		{"cmd/a.go", "type t int\nfunc (t) init() {}", ""},
		{"cmd/a.go", "func f() {" + strings.Repeat("\n", maxFunction-1) + "}", ""},
		{"cmd/a.go", "func f() {" + strings.Repeat("\n", maxFunction) + "}", "f has 61 lines"},
		{"cmd/a.go", strings.Repeat("\n", maxFile-1), ""},
		{"cmd/a.go", strings.Repeat("\n", maxFile), "the file has 501 lines"},
		{"cmd/a_test.go", strings.Repeat("\n", maxFile), ""},
		{"cmd/a_test.go", "func f() {" + strings.Repeat("\n", maxFunction) + "}", ""},
	}
	for _, test := range tests {
		problems, err := check(test.file, []byte("package p\n"+test.source))
		if err != nil {
			t.Fatal(err)
		}
		switch got := strings.Join(problems, "; "); {
		case test.want == "" && got != "":
			t.Errorf("%s: %.100q: refused: %s", test.file, test.source, got)
		case test.want != "" && (len(problems) != 1 || !strings.Contains(got, test.want)):
			t.Errorf("%s: %.100q: got %q, want one problem with %q", test.file, test.source, got, test.want)
		}
	}
}

// What a function and a file have at most, in lines, outside of tests.
const (
	maxFunction = 60
	maxFile     = 500
)

// goFiles reads every Go file below root that the go command would see.
func goFiles(root fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != "." && (base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(base) != ".go" {
			return nil
		}
		files[name], err = fs.ReadFile(root, name)
		return err
	})
	return files, err
}

// check returns what the file at the slash-separated path name does against the rules.
func check(name string, source []byte) ([]string, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	c := &checker{name: name, fset: fset, program: file.Name.Name == "main", imports: map[string]string{}}
	for _, spec := range file.Imports {
		c.importSpec(spec)
	}
	ast.Inspect(file, c.node)
	if lines := c.line(file.FileEnd); lines > maxFile && !c.isTest() {
		c.reportf(file.Pos(), "the file has %d lines, more than %d", lines, maxFile)
	}
	return c.problems, nil
}

// checker holds one file's findings.
type checker struct {
	name     string
	fset     *token.FileSet
	program  bool              // package main: a generator beside the code it writes
	imports  map[string]string // name in the file -> import path
	problems []string
}

func (c *checker) reportf(pos token.Pos, format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf("%s:%d: %s", c.name, c.line(pos), fmt.Sprintf(format, args...)))
}

func (c *checker) line(pos token.Pos) int { return c.fset.Position(pos).Line }

// isLibrary reports whether the file is code under internal/ that users run: no test, no generator,
// and no package of test helpers, which are named for what they test (embedtest).
func (c *checker) isLibrary() bool {
	return strings.HasPrefix(c.name, "internal/") && !c.isTest() && !c.program && !strings.HasSuffix(path.Dir(c.name), "test")
}

func (c *checker) isTest() bool { return strings.HasSuffix(c.name, "_test.go") }

func (c *checker) importSpec(spec *ast.ImportSpec) {
	imported, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		c.reportf(spec.Pos(), "import path %s: %v", spec.Path.Value, err)
		return
	}
	local := path.Base(imported)
	if spec.Name != nil {
		local = spec.Name.Name
	}
	c.imports[local] = imported

	dir := path.Dir(c.name)
	switch {
	case imported == "C" && !slices.Contains(cgoAllowed, dir):
		c.reportf(spec.Pos(), `imports "C": only %s do`, strings.Join(cgoAllowed, ", "))
	case imported == "github.com/spf13/viper" && c.name != viperAllowed:
		c.reportf(spec.Pos(), "imports viper: only %s does", viperAllowed)
	case within(imported, module+"/cmd") && dir != "." && !within(dir, "cmd"):
		c.reportf(spec.Pos(), "imports %q: nobody knows cmd", imported)
	case within(imported, module+"/internal") && !c.isTest() && !c.mayImport(imported):
		c.reportf(spec.Pos(), "imports %q: see the layers in docs/design.md", imported)
	}
}

// mayImport reports whether docs/design.md lets the file's package import the named package of
// ours. A package below another, such as loader/loadertest, follows that one's line and may
// import it; one of test helpers may import the leaves too. Tests may import anything but cmd.
func (c *checker) mayImport(imported string) bool {
	owner, ok := internalName(path.Dir(c.name))
	target, _ := internalName(strings.TrimPrefix(imported, module+"/"))
	d := readDesign()
	leaf := strings.HasSuffix(path.Dir(c.name), "test") && slices.Contains(d.packages, target) && len(d.imports[target]) == 0
	return !ok || target == owner || leaf || slices.Contains(d.imports[owner], target)
}

// node reports forbidden names, calls and functions.
func (c *checker) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.FuncDecl:
		if n.Recv == nil && n.Name.Name == "init" {
			c.reportf(n.Pos(), "init(): nothing registers itself")
		}
		if lines := c.line(n.End()) - c.line(n.Pos()) + 1; lines > maxFunction && !c.isTest() {
			c.reportf(n.Pos(), "%s has %d lines, more than %d", n.Name.Name, lines, maxFunction)
		}
	case *ast.CallExpr:
		builtin, ok := n.Fun.(*ast.Ident)
		if ok && c.isLibrary() && slices.Contains([]string{"panic", "print", "println"}, builtin.Name) {
			c.reportf(n.Pos(), "calls %s", builtin.Name)
		}
	case *ast.SelectorExpr:
		c.selector(n)
	}
	return true
}

func (c *checker) selector(n *ast.SelectorExpr) {
	ident, ok := n.X.(*ast.Ident)
	if !ok {
		return
	}
	imported, ok := c.imports[ident.Name]
	if !ok {
		return
	}
	name := imported + "." + n.Sel.Name
	if c.isLibrary() && (slices.Contains(forbiddenInternal, name) || slices.Contains(forbiddenInternal, imported+".*")) {
		c.reportf(n.Pos(), "uses %s", name)
	}
	if name == "os.Exit" && within(path.Dir(c.name), "cmd") && !c.isTest() && !c.program {
		c.reportf(n.Pos(), "uses os.Exit: only main.go ends the process")
	}
}

// internalName returns the first name of a folder below internal/.
func internalName(dir string) (string, bool) {
	rest, ok := strings.CutPrefix(dir, "internal/")
	name, _, _ := strings.Cut(rest, "/")
	return name, ok
}

// within reports whether p is dir or lies below it.
func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }
