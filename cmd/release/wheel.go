package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// wheelTags are the platforms of pip on which a static binary runs.
func (r *release) wheelTags() string {
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[r.arch]
	return fmt.Sprintf("manylinux_2_17_%[1]s.manylinux2014_%[1]s.musllinux_1_1_%[1]s", machine)
}

// wheel writes a wheel with the binary as a script: see the packaging specification of Python,
// "Binary distribution format".
func (r *release) wheel() error {
	name := "sheaf_cli-" + r.version
	binary, err := os.ReadFile(r.binary)
	if err != nil {
		return err
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	license, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	notice, err := os.ReadFile("NOTICE")
	if err != nil {
		return err
	}
	tags := "Tag: py3-none-" + strings.ReplaceAll(r.wheelTags(), ".", "\nTag: py3-none-")
	w := wheel{date: r.date}
	w.add(name+".data/scripts/sheaf", 0o755, binary)
	w.add(name+".dist-info/METADATA", 0o644, fmt.Appendf(nil, wheelMetadata, r.version, readme))
	w.add(name+".dist-info/WHEEL", 0o644, []byte("Wheel-Version: 1.0\nGenerator: sheaf\nRoot-Is-Purelib: false\n"+tags+"\n"))
	w.add(name+".dist-info/licenses/LICENSE", 0o644, license)
	w.add(name+".dist-info/licenses/NOTICE", 0o644, notice)
	w.record(name + ".dist-info/RECORD")
	if w.err != nil {
		return w.err
	}
	return os.WriteFile(r.path("%s-py3-none-%s.whl", name, r.wheelTags()), w.archive.Bytes(), 0o666)
}

const wheelMetadata = `Metadata-Version: 2.4
Name: sheaf-cli
Version: %s
Summary: Search any pile of text by meaning, from the shell
License-Expression: Apache-2.0
License-File: LICENSE
License-File: NOTICE
Description-Content-Type: text/markdown

%s`

// wheel is a wheel that is being written. The first error stays.
type wheel struct {
	archive bytes.Buffer
	zip     *zip.Writer
	date    time.Time
	records strings.Builder
	err     error
}

func (w *wheel) add(name string, mode fs.FileMode, content []byte) {
	sum := sha256.Sum256(content)
	fmt.Fprintf(&w.records, "%s,sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(sum[:]), len(content))
	w.write(name, mode, content)
}

func (w *wheel) write(name string, mode fs.FileMode, content []byte) {
	if w.err != nil {
		return
	}
	if w.zip == nil {
		w.zip = zip.NewWriter(&w.archive)
	}
	header := zip.FileHeader{Name: name, Method: zip.Deflate, Modified: w.date}
	header.SetMode(mode)
	to, err := w.zip.CreateHeader(&header)
	if err == nil {
		_, err = to.Write(content)
	}
	w.err = err
}

// record writes the list of all files, and ends the wheel.
func (w *wheel) record(name string) {
	w.write(name, 0o644, []byte(w.records.String()+name+",,\n"))
	if w.err == nil {
		w.err = w.zip.Close()
	}
}
