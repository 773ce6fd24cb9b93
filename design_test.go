package main_test

import (
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"sheaf/cmd"
)

// design is what docs/design.md lists.
type design struct {
	packages []string            // those under internal/, from the top layer down
	imports  map[string][]string // what each may import of ours
	verbs    []string
	modules  []string // the table of dependencies
}

var (
	arrowLine  = regexp.MustCompile(`^[a-z]* +(\w+) ─+► ([\w ]+)$`)
	leavesLine = regexp.MustCompile(`^leaves +([\w ]+)$`)
	verbsLine  = regexp.MustCompile(`├─ (.*)$`)
	moduleLine = regexp.MustCompile(`^\| ([\w./, -]+/[\w./, -]+) \|`)
)

// readDesign reads docs/design.md once.
var readDesign = sync.OnceValue(func() design {
	text, err := os.ReadFile("docs/design.md")
	if err != nil {
		panic(err)
	}
	d := design{imports: map[string][]string{}}
	for line := range strings.SplitSeq(string(text), "\n") {
		if m := arrowLine.FindStringSubmatch(line); m != nil && m[1] != "cmd" {
			d.packages = append(d.packages, m[1])
			d.imports[m[1]] = strings.Fields(m[2])
		}
		if m := leavesLine.FindStringSubmatch(line); m != nil {
			for _, name := range strings.Fields(m[1]) {
				d.packages = append(d.packages, name)
				d.imports[name] = nil
			}
		}
		if m := verbsLine.FindStringSubmatch(line); m != nil {
			d.verbs = append(d.verbs, strings.Split(m[1], " · ")...)
		}
		if m := moduleLine.FindStringSubmatch(line); m != nil {
			d.modules = append(d.modules, strings.Split(m[1], ", ")...)
		}
	}
	return d
})

// TestDesignLayers compares the diagram of layers with the imports of the code: it has every
// package, what each imports and nothing else, and all of that stands further down.
func TestDesignLayers(t *testing.T) {
	t.Parallel()
	d := readDesign()
	files, err := goFiles(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	actual := map[string]map[string]bool{}
	for name, source := range files {
		owner, ok := internalName(path.Dir(name))
		if !ok || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(path.Dir(name), "test") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		if actual[owner] == nil {
			actual[owner] = map[string]bool{}
		}
		for _, spec := range file.Imports {
			imported := strings.Trim(spec.Path.Value, `"`)
			if target, ok := internalName(strings.TrimPrefix(imported, module+"/")); ok && target != owner {
				actual[owner][target] = true
			}
		}
	}
	if got, want := slices.Sorted(slices.Values(d.packages)), slices.Sorted(maps.Keys(actual)); !slices.Equal(got, want) {
		t.Errorf("docs/design.md has the packages\n%v\nand the code has\n%v", got, want)
	}
	for i, name := range d.packages {
		if got, want := d.imports[name], slices.Sorted(maps.Keys(actual[name])); !slices.Equal(got, want) {
			t.Errorf("docs/design.md: %s imports %v, and in the code %v", name, got, want)
		}
		for _, target := range d.imports[name] {
			if !slices.Contains(d.packages[i+1:], target) {
				t.Errorf("docs/design.md: %s imports %s, which does not stand below it", name, target)
			}
		}
	}
}

// TestDesignVerbs compares the verbs of the first diagram with those of the tool.
func TestDesignVerbs(t *testing.T) {
	t.Parallel()
	var want []string
	for _, c := range cmd.Command().Commands() {
		if !c.Hidden {
			want = append(want, c.Name())
		}
	}
	slices.Sort(want)
	if got := slices.Sorted(slices.Values(readDesign().verbs)); !slices.Equal(got, want) {
		t.Errorf("docs/design.md has the verbs\n%v\nand the tool has\n%v", got, want)
	}
}

// TestDesignDependencies compares the table of dependencies with go.mod.
func TestDesignDependencies(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+?)(?:/v\d+)? v[^/\n]*$`).FindAllStringSubmatch(string(text), -1) {
		want = append(want, strings.TrimPrefix(m[1], "github.com/"))
	}
	slices.Sort(want)
	if got := slices.Sorted(slices.Values(readDesign().modules)); !slices.Equal(got, want) {
		t.Errorf("docs/design.md has the modules\n%v\nand go.mod has\n%v", got, want)
	}
}
