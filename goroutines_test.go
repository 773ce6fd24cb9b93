package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"os"
	"path"
	"strings"
	"testing"
)

// unguarded are the functions whose goroutines meet no input.
var unguarded = map[string]string{
	"internal/crash/crash.go Go":           "it runs a function that recovers",
	"internal/transformer/mapping.go load": "advice to the system about memory",
}

// TestGoroutinesRecover: in every goroutine of the program a panic becomes an error. A
// goroutine defers crash.Catch, or it calls a function of its file that does. Timers and
// what follows the end of a context only cancel, kill and interrupt; they are not looked at.
func TestGoroutinesRecover(t *testing.T) {
	t.Parallel()
	files, err := goFiles(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	checked := map[string]bool{}
	for name, source := range files {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(path.Dir(name), "test") || within(name, "bench") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		guarded := guards(file)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			for body := range goroutines(f) {
				place := name + " " + f.Name.Name
				checked[place] = true
				if unguarded[place] == "" && !recovers(body, guarded) {
					t.Errorf("%s: a panic in its goroutine ends the process", place)
				}
			}
		}
	}
	for place := range unguarded {
		if !checked[place] {
			t.Errorf("%s: no goroutine is found there", place)
		}
	}
}

// TestGoroutinesRecoverCatches shows what passes and what does not.
func TestGoroutinesRecoverCatches(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`go func() { work() }()`:                          false,
		`g.Go(func() error { return work() })`:            false,
		`go work()`:                                       false,
		`go func() { defer crash.Catch(&err); work() }()`: true,
		`g.Go(func() error { return safe() })`:            true,
		`go x.nearly()`:                                   true,
		`done := crash.Go(work)`:                          true,
		`work(func() { nobody.runs(this) })`:              true,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "a.go", `package p
			func safe() (err error) { defer crash.Catch(&err); return nil }
			func nearly() { for { safe() } }
			func work() {}
			func f() { `+body+` }`, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := true
		for b := range goroutines(file) {
			got = got && recovers(b, guards(file))
		}
		if got != want {
			t.Errorf("%s: %t, want %t", body, got, want)
		}
	}
}

// goroutines yields what is started as a goroutine within a node.
func goroutines(within ast.Node) iter.Seq[ast.Node] {
	return func(yield func(ast.Node) bool) {
		for n := range ast.Preorder(within) {
			var started ast.Node
			switch n := n.(type) {
			case *ast.GoStmt:
				started = n.Call
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Go" && len(n.Args) == 1 && called(n) != "crash.Go" {
					started = n.Args[0]
				}
			}
			if started != nil && !yield(started) {
				return
			}
		}
	}
}

// guards returns the functions of a file that recover, or call one that does.
func guards(file *ast.File) map[string]bool {
	found := map[string]bool{}
	for before := -1; len(found) > before; {
		before = len(found)
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && recovers(f.Body, found) {
				found[f.Name.Name] = true
			}
		}
	}
	return found
}

// recovers reports whether a node defers crash.Catch or names a guarded function.
func recovers(body ast.Node, guarded map[string]bool) bool {
	for n := range ast.Preorder(body) {
		switch n := n.(type) {
		case *ast.DeferStmt:
			if called(n.Call) == "crash.Catch" {
				return true
			}
		case *ast.Ident:
			if guarded[n.Name] {
				return true
			}
		}
	}
	return false
}

// called returns the qualified name of what is called; "" for what is not package.Name.
func called(call *ast.CallExpr) string {
	if f, ok := call.Fun.(*ast.SelectorExpr); ok {
		if p, ok := f.X.(*ast.Ident); ok {
			return p.Name + "." + f.Sel.Name
		}
	}
	return ""
}
