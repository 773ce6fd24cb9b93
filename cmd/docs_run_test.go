package cmd

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/embed/embedtest"
	"sheaf/internal/model/modeltest"
	"sheaf/internal/transformer/transformertest"
	"sheaf/internal/use/usetest"
)

// unrun are the pages whose commands no test of this package runs, and why.
var unrun = map[string]string{
	"CONTRIBUTING.md":    "they build, test and release this repository: .ci/run runs them, TestTargets looks each up",
	"docs/install.md":    "they install a release: make release-test runs them",
	"docs/benchmarks.md": "they measure for hours: a test of bench reads each",
}

// TestDocs runs all commands of the documentation but those that need a database.
func TestDocs(t *testing.T) {
	t.Parallel()
	runDocs(t, false)
}

// TestPostgresDocs runs the commands of the documentation that need a database.
func TestPostgresDocs(t *testing.T) {
	t.Parallel()
	server.Need(t)
	runDocs(t, true)
}

// runDocs runs the commands of each section of each page, in their order, in a folder with the files of the page.
func runDocs(t *testing.T, database bool) {
	t.Helper()
	for name, text := range pages(t) {
		if unrun[name] != "" {
			continue
		}
		all := codeBlocks(text)
		sections := map[string][]block{}
		for _, b := range all {
			if b.commands() {
				sections[b.section] = append(sections[b.section], b)
			}
		}
		for section, shown := range sections {
			if slices.ContainsFunc(shown, func(b block) bool { return places.MatchString(b.text) }) != database {
				continue
			}
			t.Run(name+"/"+section, func(t *testing.T) {
				t.Parallel()
				run := newDocRun(t, docs[name], all)
				run.section(t, section, shown)
			})
		}
	}
}

// doc says how the commands of a page are run.
type doc struct {
	// before is a script that makes what the commands work on, and may set variables; more are what it
	// goes on with in a section.
	before string
	more   map[string]string
	// alternatives: each paragraph of commands begins without a store.
	alternatives bool
	// wants are, by section, what the commands print or leave.
	wants map[string][]want
}

// want is a text in a file or, where none is named, in what was printed.
type want struct{ file, text string }

// docRun is a folder in which the commands of a section are run.
type docRun struct {
	doc
	dir, service string
	env          []string
	tables       map[string]string // of the test's database, by the names that commands have
}

func newDocRun(t *testing.T, d doc, all []block) *docRun {
	t.Helper()
	r := &docRun{doc: d, dir: t.TempDir(), service: newService(t), tables: map[string]string{}}
	for _, b := range all {
		if b.file != "" {
			writeFile(t, filepath.Join(r.dir, b.file), b.text)
		}
	}
	bin, models := filepath.Join(t.TempDir(), "bin"), t.TempDir()
	for name, script := range standIns {
		writeFile(t, filepath.Join(bin, name), "#!/bin/sh\n"+script+"\n")
	}
	model, cross, use := filepath.Join(models, "encoder"), filepath.Join(models, "cross"), filepath.Join(models, "use")
	hub := modeltest.NewHub("", model)
	t.Cleanup(hub.Close)
	err := errors.Join(usetest.Write(use, 1), transformertest.Model{Normalize: true}.Write(model), os.CopyFS(cross, os.DirFS("../internal/embed/testdata/crossencoder")))
	if err != nil {
		t.Fatal(err)
	}
	r.env = append(append(os.Environ(), scrubbed(r.dir)...), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "EDITOR=vi",
		"OPENAI_API_KEY=key", "OPENAI_BASE_URL="+r.service+"/v1", "HF_ENDPOINT="+hub.URL, "MODEL="+model, "CROSS_ENCODER="+cross, "USE="+use)
	return r
}

// newService is a service that embeds and ranks, at every path.
func newService(t *testing.T) string {
	t.Helper()
	embedding := embedtest.NewServer(embedtest.ServerOptions{})
	ranking := httptest.NewServer(rankingService("", http.StatusOK))
	any := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		to := strings.TrimSuffix(embedding.URL, "/v1") + "/v1/embeddings"
		if path.Base(r.In.URL.Path) == "rerank" {
			to = ranking.URL + "/v2/rerank"
		}
		r.Out.URL, _ = r.Out.URL.Parse(to)
	}})
	t.Cleanup(func() { any.Close(); ranking.Close(); embedding.Close() })
	return any.URL
}

var (
	// hosts are services that a command asks.
	hosts = regexp.MustCompile(`https?://[A-Za-z0-9.-]+(:\d+)?`)
	// places are tables that a command names: the host, the table.
	places = regexp.MustCompile(`postgres://ann@(one|two|db\.example)/library\?table=(\w+)`)
)

// here puts the services and databases of the test in the place of those that commands name.
func (r *docRun) here(t *testing.T, commands string) string {
	return places.ReplaceAllStringFunc(hosts.ReplaceAllString(commands, r.service), func(place string) string {
		if r.tables[place] == "" {
			r.tables[place] = server.Table(t)
		}
		return r.tables[place]
	})
}

// section runs the commands of a section.
func (r *docRun) section(t *testing.T, name string, shown []block) {
	t.Helper()
	script := "set -e\n" + r.before + "\n" + r.more[name] + "\n"
	for _, b := range shown {
		text := r.here(t, b.text)
		if b.language == "console" {
			r.sh(t, script)
			script = ""
			console(t, r.dir, r.env, text)
			continue
		}
		if r.alternatives {
			text = "rm -rf .sheaf\n" + strings.ReplaceAll(text, "\n\n", "\nrm -rf .sheaf\n")
		}
		script += text
	}
	out := r.sh(t, script)
	for _, want := range r.wants[name] {
		got := out
		if want.file != "" {
			content, err := os.ReadFile(filepath.Join(r.dir, want.file))
			if err != nil {
				t.Fatal(err)
			}
			got = string(content)
		}
		if !strings.Contains(got, want.text) {
			t.Errorf("%q is not in %s\n%s", want.text, want.file, got)
		}
	}
}

// sh runs a script and returns what it prints.
func (r *docRun) sh(t *testing.T, script string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-c", script)
	c.Dir, c.Env = r.dir, r.env
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
}

// console runs the lines that begin with a dollar sign and compares their output
// with the lines that follow.
func console(t *testing.T, dir string, env []string, lines string) {
	t.Helper()
	for _, part := range strings.Split("\n"+lines, "\n$ ")[1:] {
		command, want, _ := strings.Cut(part, "\n")
		c := exec.CommandContext(t.Context(), "sh", "-c", command)
		c.Dir, c.Env = dir, env
		out, _ := c.CombinedOutput() // a mistake that the page shows fails
		if got := strings.TrimSuffix(string(out), "\n"); got != strings.TrimSuffix(want, "\n") {
			t.Errorf("%s:\n%s\nthe page says:\n%s", command, got, want)
		}
	}
}

// TestDocsAreRun: each page with commands of sheaf is run, and what is said of pages and sections is of ones that there are.
func TestDocsAreRun(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for name, text := range all {
		sections := map[string]bool{"": true}
		for _, b := range codeBlocks(text) {
			if sections[b.section] = true; !b.commands() && b.file == "" && regexp.MustCompile(`(?m)^(\$ )?(export .*; )?sheaf \S+( |$)`).MatchString(b.text) {
				t.Errorf("%s: a block with commands is not one of sh or console:\n%s", name, b.text)
			}
		}
		for section := range docs[name].more {
			if !sections[section] {
				t.Errorf("%s has no commands in %q", name, section)
			}
		}
		for section := range docs[name].wants {
			if !sections[section] {
				t.Errorf("%s has no commands in %q", name, section)
			}
		}
	}
	for name := range docs {
		if all[name] == "" {
			t.Errorf("%s is not there", name)
		}
	}
}

// TestTargets: each target of make that the documentation names is one of the Makefile.
func TestTargets(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range pages(t) {
		found := regexp.MustCompile("(?m)(?:^\\$ |^|`)make ([a-z][a-z-]*)").FindAllStringSubmatch(text, -1)
		if name == "CONTRIBUTING.md" && len(found) < 10 {
			t.Errorf("%s has %d commands", name, len(found))
		}
		for _, m := range found {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
				t.Errorf("%s: there is no target %s", name, m[1])
			}
		}
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(content), 0o777)); err != nil {
		t.Fatal(err)
	}
}
