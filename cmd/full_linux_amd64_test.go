//go:build !race

package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFullDisk goes through the runs of TestFaults on a file system with a little
// more room than they begin with, from none to enough. What a full disk leaves is
// as sound, and with room the run comes to its end.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, c := range faultCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFaults(t, c)
			f.undisturbed()
			full := 0
			for _, pages := range []int64{0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 200} {
				full += f.confined(pages)
			}
			if full == 0 {
				t.Error("no run met a full disk")
			}
			t.Logf("%d runs failed", full)
		})
	}
}

const pageBytes = 4096

// confined runs with so many free pages, and returns 1 where it fails.
func (f *faults) confined(pages int64) (failed int) {
	dir := filepath.Join(f.root, "full")
	mount(f.t, dir, 0, used(f.t, f.old)+pages)
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	if err := os.CopyFS(dir, os.DirFS(f.old)); err != nil {
		f.t.Fatal(err)
	}
	cmd, stderr := f.command(dir)
	err := cmd.Run()
	code := cmd.ProcessState.ExitCode()
	what := fmt.Sprintf("with %d free pages: %v: %s", pages, err, stderr)
	f.judge(dir, what, code, stderr.String())
	mount(f.t, dir, syscall.MS_REMOUNT, 1<<14)
	f.again(dir, what)
	return min(code, 1)
}

// mount mounts a file system in memory of so many pages, or changes its size.
func mount(t *testing.T, dir string, flags uintptr, pages int64) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("sheaf-test", dir, "tmpfs", flags, fmt.Sprint("size=", pages*pageBytes))
	if errors.Is(err, syscall.EPERM) {
		t.Skip("only root may mount a small file system")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// used is how many pages the files below a folder take.
func used(t *testing.T, dir string) (pages int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			pages += (info.Size() + pageBytes - 1) / pageBytes
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}
