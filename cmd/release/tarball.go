package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// file is a file of an archive.
type file struct {
	name string // in the archive
	mode int64
	from string // on the disk
}

// installed are the files that an installation has, by their places below a prefix.
func installed(binary string) ([]file, error) {
	files := []file{
		{"bin/sheaf", 0o755, binary},
		{"share/bash-completion/completions/sheaf", 0o644, "completions/sheaf.bash"},
		{"share/zsh/site-functions/_sheaf", 0o644, "completions/_sheaf"},
		{"share/fish/vendor_completions.d/sheaf.fish", 0o644, "completions/sheaf.fish"},
	}
	pages, err := filepath.Glob("docs/man/*.1")
	for _, page := range pages {
		files = append(files, file{"share/man/man1/" + filepath.Base(page), 0o644, page})
	}
	return files, err
}

// documents are the README and what it leads to, by their places beside it.
func documents() ([]file, error) {
	var files []file
	for _, pattern := range []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "NOTICE", "docs/*.md", "examples/*.svg"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			files = append(files, file{filepath.ToSlash(name), 0o644, name})
		}
	}
	return files, nil
}

// tarball writes the installed files and the documentation in a folder of the release's name.
func (r *release) tarball() error {
	files, err := installed(r.binary)
	if err != nil {
		return err
	}
	pages, err := documents()
	if err != nil {
		return err
	}
	files = append(files, pages...)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := r.tar(z, r.name()+"/", files); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(r.path("%s.tar.gz", r.name()), b.Bytes(), 0o666)
}

// tar writes files, with the folders that they are in, below a prefix.
func (r *release) tar(w io.Writer, prefix string, files []file) error {
	t := tar.NewWriter(w)
	entry := func(name string, mode, size int64, kind byte) error {
		return t.WriteHeader(&tar.Header{Name: prefix + name, Mode: mode, Size: size, Typeflag: kind, ModTime: r.date, Format: tar.FormatUSTAR})
	}
	files = slices.SortedFunc(slices.Values(files), func(a, b file) int { return strings.Compare(a.name, b.name) })
	for _, dir := range folders(files) {
		if err := entry(dir, 0o755, 0, tar.TypeDir); err != nil {
			return err
		}
	}
	for _, f := range files {
		content, err := os.ReadFile(f.from)
		if err == nil {
			err = entry(f.name, f.mode, int64(len(content)), tar.TypeReg)
		}
		if err == nil {
			_, err = t.Write(content)
		}
		if err != nil {
			return err
		}
	}
	return t.Close()
}

// folders returns the folders that files are in, each after the one that it is in.
func folders(files []file) []string {
	all := map[string]bool{}
	for _, f := range files {
		for dir := path.Dir(f.name); dir != "."; dir = path.Dir(dir) {
			all[dir+"/"] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// checksums writes SHA256SUMS, which sha256sum -c reads, of all files among the artefacts.
func (r *release) checksums() error {
	entries, err := os.ReadDir(r.dist)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, e := range entries {
		if e.IsDir() || e.Name() == "SHA256SUMS" {
			continue
		}
		sum, err := sumOf(r.path("%s", e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s  %s\n", sum, e.Name())
	}
	return os.WriteFile(r.path("SHA256SUMS"), []byte(b.String()), 0o666)
}

func sumOf(name string) (string, error) {
	content, err := os.ReadFile(name)
	return fmt.Sprintf("%x", sha256.Sum256(content)), err
}

// formula writes a formula of Homebrew that takes the tarballs that there are.
func (r *release) formula(url string) error {
	bottles := ""
	for _, arch := range []string{"amd64", "arm64"} {
		r.arch = arch
		sum, err := sumOf(r.path("%s.tar.gz", r.name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		processor := map[string]string{"amd64": "intel", "arm64": "arm"}[arch]
		bottles += fmt.Sprintf(formulaBottle, processor, url, r.name(), sum)
	}
	return os.WriteFile(r.path("sheaf.rb"), fmt.Appendf(nil, formulaText, r.version, bottles), 0o666)
}

const formulaBottle = `
  on_%s do
    url "%s/%s.tar.gz"
    sha256 "%s"
  end
`

const formulaText = `class Sheaf < Formula
  desc "Search any pile of text by meaning, from the shell"
  version "%s"
  license "Apache-2.0"
  depends_on :linux
%s
  def install
    bin.install "bin/sheaf"
    man1.install Dir["share/man/man1/*"]
    bash_completion.install "share/bash-completion/completions/sheaf"
    zsh_completion.install "share/zsh/site-functions/_sheaf"
    fish_completion.install "share/fish/vendor_completions.d/sheaf.fish"
  end

  test do
    (testpath/"tide.txt").write "The tide follows the moon."
    system bin/"sheaf", "ingest", "tide.txt"
    assert_match "tide.txt", shell_output("#{bin}/sheaf search what moves the sea")
  end
end
`
