package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestArtefacts makes the artefacts of a file that stands for the binary, twice.
func TestArtefacts(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	binary := filepath.Join(t.TempDir(), "built")
	if err := os.WriteFile(binary, []byte("binary"), 0o600); err != nil {
		t.Fatal(err)
	}
	var made [2]string
	for i := range made {
		made[i] = t.TempDir()
		if err := run(made[i], "1.2.3", "amd64", "", []string{binary}); err != nil {
			t.Fatal(err)
		}
		if err := run(made[i], "1.2.3", "", "https://releases", nil); err != nil {
			t.Fatal(err)
		}
	}
	names := 0
	err := filepath.Walk(made[0], func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		names++
		other, err := os.ReadFile(filepath.Join(made[1], strings.TrimPrefix(path, made[0])))
		if err != nil {
			return err
		}
		if content, _ := os.ReadFile(path); !bytes.Equal(content, other) {
			t.Errorf("%s differs from build to build", path)
		}
		return nil
	})
	if err != nil || names != 9 { // a tarball, a wheel, the formula, the sums, and five files of the image
		t.Errorf("%d files, %v", names, err)
	}
	checkWheel(t, filepath.Join(made[0], "sheaf_cli-1.2.3-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64.whl"))
	checkFormula(t, made[0])
	checkLinks(t, filepath.Join(made[0], "sheaf-1.2.3-linux-amd64.tar.gz"))
}

// named is the name, or the pattern, of an artefact in the documentation.
var named = regexp.MustCompile(`sheaf[-_][a-z0-9._*-]+\.(?:deb|tar\.gz|whl|oci)\b`)

// TestDocsNameArtefacts: what README.md and docs/install.md install is what a release makes.
func TestDocsNameArtefacts(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	source, err := os.ReadFile("cmd/version.go")
	if err != nil {
		t.Fatal(err)
	}
	version := string(regexp.MustCompile(`(?m)^const version = "(.*)"`).FindSubmatch(source)[1])
	dist := t.TempDir()
	if err := run(dist, version, "amd64", "", []string{"LICENSE"}); err != nil {
		t.Fatal(err)
	}
	made := []string{"sheaf_" + version + "_amd64.deb"} // which the Makefile names
	entries, err := os.ReadDir(dist)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		made = append(made, e.Name())
	}
	for page, least := range map[string]int{"README.md": 3, "docs/install.md": 8} {
		text, err := os.ReadFile(page)
		names := named.FindAllString(string(text), -1)
		if err != nil || len(names) < least {
			t.Errorf("%s names %q, %v", page, names, err)
		}
		for _, name := range names {
			is := func(artefact string) bool { matches, err := path.Match(name, artefact); return matches && err == nil }
			if !slices.ContainsFunc(made, is) {
				t.Errorf("%s names %s, and a release has %q", page, name, made)
			}
		}
	}
}

// link is what a page of Markdown leads to beside it.
var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

// checkLinks follows the links of the pages in a tarball.
func checkLinks(t *testing.T, tarball string) {
	t.Helper()
	files, followed := tarred(t, tarball), 0
	for name, content := range files {
		if path.Ext(name) != ".md" {
			continue
		}
		for _, to := range link.FindAllSubmatch(content, -1) {
			followed++
			if _, there := files[path.Join(path.Dir(name), string(to[1]))]; !there {
				t.Errorf("%s leads to %s, which the tarball lacks", name, to[1])
			}
		}
	}
	if followed < 50 {
		t.Errorf("only %d links lead anywhere", followed)
	}
}

var (
	formulaSource  = regexp.MustCompile(`url "https://releases/(.*)"\n +sha256 "(.*)"\n`)
	formulaInstall = regexp.MustCompile(`\.install (?:Dir\[)?"(.*)"`)
)

// checkFormula compares a formula with the one tarball that it takes: its sum, and the files that it installs.
func checkFormula(t *testing.T, dist string) {
	t.Helper()
	formula, err := os.ReadFile(filepath.Join(dist, "sheaf.rb"))
	if err != nil {
		t.Fatal(err)
	}
	const name = "sheaf-1.2.3-linux-amd64"
	sum, err := sumOf(filepath.Join(dist, name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	sources := formulaSource.FindAllSubmatch(formula, -1)
	if len(sources) != 1 || string(sources[0][1]) != name+".tar.gz" || string(sources[0][2]) != sum {
		t.Errorf("the formula takes %q, not %s with the sum %s", sources, name, sum)
	}
	names := slices.Collect(maps.Keys(tarred(t, filepath.Join(dist, name+".tar.gz"))))
	installs := formulaInstall.FindAllSubmatch(formula, -1)
	if len(installs) != 5 { // the binary, the manual, and the completions of three shells
		t.Errorf("the formula installs %q", installs)
	}
	for _, install := range installs {
		there := func(file string) bool {
			matches, err := path.Match(name+"/"+string(install[1]), file)
			return matches && err == nil
		}
		if !slices.ContainsFunc(names, there) {
			t.Errorf("the formula installs %s, which the tarball lacks", install[1])
		}
	}
}

// tarred returns the contents of a tarball by their names.
func tarred(t *testing.T, tarball string) map[string][]byte {
	t.Helper()
	f, err := os.Open(tarball)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r, files := tar.NewReader(z), map[string][]byte{}
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// checkWheel compares the files of a wheel with its record.
func checkWheel(t *testing.T, path string) {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	contents := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if contents[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	const record = "sheaf_cli-1.2.3.dist-info/RECORD"
	want := strings.Split(strings.TrimSpace(string(contents[record])), "\n")
	if len(want) != len(contents) {
		t.Errorf("the record has %d lines for %d files", len(want), len(contents))
	}
	for _, name := range regexp.MustCompile(`(?m)^License-File: (.*)$`).FindAllSubmatch(contents["sheaf_cli-1.2.3.dist-info/METADATA"], -1) {
		if text, err := os.ReadFile(string(name[1])); err != nil || !bytes.Equal(text, contents["sheaf_cli-1.2.3.dist-info/licenses/"+string(name[1])]) {
			t.Errorf("%s is not in the wheel as it is here, %v", name[1], err)
		}
	}
	for name, content := range contents {
		sum := sha256.Sum256(content)
		line := fmt.Sprintf("%s,sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(sum[:]), len(content))
		if name != record && !strings.Contains(string(contents[record]), line) {
			t.Errorf("the record lacks %s", line)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, args := range map[string][3]string{"no version": {"", "amd64", ""}, "no arch": {"1", "", ""}} {
		t.Setenv("SOURCE_DATE_EPOCH", "1")
		if err := run(t.TempDir(), args[0], args[1], args[2], []string{"x"}); err == nil {
			t.Errorf("%s: there is no error", name)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "")
	if err := run(t.TempDir(), "1", "amd64", "", []string{"x"}); err == nil {
		t.Error("without a time there is no error")
	}
}
