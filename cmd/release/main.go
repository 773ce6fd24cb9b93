// Release makes what is published of a built binary: a tarball, an image of containers and a wheel
// for one architecture, and the checksums and the Homebrew formula of all that are there.
//
//	release -dist DIR -version V -arch amd64|arm64 BINARY
//	release -dist DIR -version V -url URL
//
// The same input gives the same bytes: times are SOURCE_DATE_EPOCH, owners are root, and files
// come in the order of their names.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

func main() {
	dist := flag.String("dist", "dist", "the folder that the artefacts are written to")
	version := flag.String("version", "", "of the release")
	arch := flag.String("arch", "", "of the binary, as Go names it")
	url := flag.String("url", "", "where the artefacts are published")
	flag.Parse()
	if err := run(*dist, *version, *arch, *url, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(dist, version, arch, url string, args []string) error {
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	r := release{dist: dist, version: version, date: time.Unix(seconds, 0).UTC()}
	switch {
	case version == "":
		return errors.New("there is no -version")
	case url != "" && len(args) == 0:
		return errors.Join(r.formula(url), r.checksums())
	case arch == "" || len(args) != 1:
		return errors.New("give -url, or -arch and a binary")
	}
	r.arch, r.binary = arch, args[0]
	return errors.Join(r.tarball(), r.image(), r.wheel())
}

// release is what the artefacts are made of.
type release struct {
	dist, version string
	arch, binary  string
	date          time.Time
}

// path returns where an artefact is written to.
func (r *release) path(format string, args ...any) string {
	return filepath.Join(r.dist, fmt.Sprintf(format, args...))
}

// name is what tarballs are named, and what they unpack to.
func (r *release) name() string { return fmt.Sprintf("sheaf-%s-linux-%s", r.version, r.arch) }
