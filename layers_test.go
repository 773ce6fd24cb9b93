package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// layered are the packages whose comment lists their files in layers, with the references
// that run up and the reason for each, as "file -> file".
var layered = map[string]map[string]string{
	"internal/store": {
		"database -> state": "a transaction loads the state that it sees",
		"match -> store":    "the method of Store lies beside the queries that it runs",
		"source -> store":   "the method of Store lies beside the table that it reads",
		"source -> whole":   "all sources are read in one state",
		"whole -> writer":   "a writer's session freezes without a copy of the database",
		"build -> create":   "a builder makes its database as Create does",
		"transfer -> check": "an export verifies the vectors as check does",
	},
	"internal/pickle": {},
}

// layerLine matches a line of the list: files, two blanks or more, what they are.
var layerLine = regexp.MustCompile(`^((?:\w+, )*\w+)  +\S`)

// TestFileLayers holds that a file refers only to files of its own layer and of
// those below it, except where layered says why not.
func TestFileLayers(t *testing.T) {
	t.Parallel()
	for dir, upward := range layered {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			layers, references, err := fileReferences(os.DirFS(dir))
			if err != nil {
				t.Fatal(err)
			}
			met := map[string]bool{}
			for _, reference := range references {
				from, to := layers[reference[0]], layers[reference[1]]
				pair := reference[0] + " -> " + reference[1]
				met[pair] = true
				if from > to && upward[pair] == "" {
					t.Errorf("%s refers to a layer above it: %s", pair, reference[2])
				}
			}
			for pair := range upward {
				if !met[pair] {
					t.Errorf("%s is allowed and does not occur", pair)
				}
			}
		})
	}
}

// TestFileLayersCatches shows that references by name, by method and by field are found.
func TestFileLayersCatches(t *testing.T) {
	t.Parallel()
	_, references, err := fileReferences(fstest.MapFS{
		"a.go": {Data: []byte("// Package p.\n//\n//\ta  the first\n//\tb  the second\npackage p\nimport \"x\"\ntype A struct{ x.T; field int }\nfunc (A) method() {}\nfunc f() { g() }")},
		"b.go": {Data: []byte("package p\nfunc g() { var a A; a.method(); _ = a.field }")},
	})
	want := [][3]string{{"a", "b", "g"}, {"b", "a", "A"}, {"b", "a", "field"}, {"b", "a", "method"}}
	if err != nil || !slices.Equal(references, want) {
		t.Errorf("got %v, %v, want %v", references, err, want)
	}
	if _, _, err := fileReferences(fstest.MapFS{"c.go": {Data: []byte("package p")}}); err == nil {
		t.Error("a file in no layer passes")
	}
}

// fileReferences gives the layer of each file, 0 for the highest, and what each
// refers to of another file: from, to, name.
func fileReferences(dir fs.FS) (layers map[string]int, references [][3]string, err error) {
	names, err := fs.Glob(dir, "*.go")
	if err != nil {
		return nil, nil, err
	}
	fset, layers := token.NewFileSet(), map[string]int{}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, nil, err
		}
		file, err := parser.ParseFile(fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, file)
		for line := range strings.SplitSeq(file.Doc.Text(), "\n") {
			if m := layerLine.FindStringSubmatch(strings.TrimPrefix(line, "\t")); m != nil && strings.HasPrefix(line, "\t") {
				layer := len(layers)
				for _, name := range strings.Split(m[1], ", ") {
					layers[name] = layer
				}
			}
		}
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	config := types.Config{Importer: emptyPackages{}, Error: func(error) {}} // what other packages declare stays unknown
	pkg, _ := config.Check("p", fset, files, info)
	base := func(pos token.Pos) string { return strings.TrimSuffix(fset.Position(pos).Filename, ".go") }
	seen := map[[3]string]bool{}
	for ident, object := range info.Uses {
		if object.Pkg() != pkg || !object.Pos().IsValid() {
			continue
		}
		if from, to := base(ident.Pos()), base(object.Pos()); from != to {
			seen[[3]string{from, to, object.Name()}] = true
		}
	}
	references = slices.SortedFunc(maps.Keys(seen), func(a, b [3]string) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	for _, file := range files {
		if _, ok := layers[base(file.Pos())]; !ok {
			return nil, nil, fmt.Errorf("%s stands in no layer of the package comment", base(file.Pos()))
		}
	}
	return layers, references, nil
}

// emptyPackages imports every package as an empty one.
type emptyPackages struct{}

func (emptyPackages) Import(name string) (*types.Package, error) {
	pkg := types.NewPackage(name, path.Base(name))
	pkg.MarkComplete()
	return pkg, nil
}
