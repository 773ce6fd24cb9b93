package publish_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/publish"
)

// content returns the names and texts of all files in a folder.
func content(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Name()+"="+string(b))
	}
	return strings.Join(all, " ")
}

// write publishes files of the same text.
func write(t *testing.T, text string, paths ...string) {
	t.Helper()
	err := publish.Write(paths, func(files []*os.File) error {
		for _, f := range files {
			if _, err := f.WriteString(text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, version := range []string{"old", "new"} {
		write(t, version, filepath.Join(dir, "a"), filepath.Join(dir, "b"))
		if got, want := content(t, dir), "a="+version+" b="+version; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "a"))
	if err != nil || info.Mode().Perm()&0o600 != 0o600 || info.Mode().Perm()&0o111 != 0 {
		t.Errorf("permissions %v, %v", info.Mode(), err)
	}
}

func TestPermissionsStay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	write(t, "new", path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("permissions %v, %v", info.Mode(), err)
	}
}

func TestFillFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	err := publish.Write([]string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}, func(files []*os.File) error {
		_, _ = files[0].WriteString("new")
		return io.ErrUnexpectedEOF
	})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if got := content(t, dir); got != "a=old" {
		t.Errorf("%q, want the old file alone", got)
	}
}

func TestThroughALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	write(t, "new", link)
	if got := content(t, dir); got != "link=new target=new" {
		t.Errorf("%q, want the link's target written", got)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fill := func([]*os.File) error { t.Error("fill was called"); return nil }
	if err := publish.Write([]string{dir}, fill); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	if err := publish.Write([]string{filepath.Join(dir, "missing", "a")}, fill); err == nil {
		t.Error("a file in a folder that is not there was created")
	}
	if err := publish.Write([]string{os.DevNull}, fill); err == nil {
		t.Error("a device was replaced")
	}
}

func TestSyncDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := publish.SyncDir(dir); err != nil {
		t.Error(err)
	}
	if err := publish.SyncDir(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// What was begun and not finished is told from a file that was never written.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, "old", a, b)
	if publish.Unfinished(b) {
		t.Error("unfinished after a whole write")
	}
	err := publish.Write([]string{a, b}, func([]*os.File) error {
		return errors.Join(os.Remove(a), os.Mkdir(a, 0o777)) // nothing can be renamed to it
	})
	if _, gone := os.Stat(b); err == nil || !errors.Is(gone, fs.ErrNotExist) || !publish.Unfinished(b) {
		t.Errorf("%v, %v, unfinished %v", err, gone, publish.Unfinished(b))
	}
	if err := os.Remove(a); err != nil {
		t.Fatal(err)
	}
	write(t, "new", a, b)
	if got := content(t, dir); got != "a=new b=new" || publish.Unfinished(b) {
		t.Errorf("%q after the next write", got)
	}
}

func TestMakeDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inner := filepath.Join(dir, "a", "b")
	made, err := publish.MakeDir(inner)
	if info, statErr := os.Stat(inner); err != nil || len(made) != 2 || made[0] != inner || statErr != nil || !info.IsDir() {
		t.Errorf("made %q, %v, %v", made, err, statErr)
	}
	if made, err := publish.MakeDir(inner); err != nil || made != nil {
		t.Errorf("again: made %q, %v", made, err)
	}
	write(t, "x", filepath.Join(dir, "file"))
	if made, err := publish.MakeDir(filepath.Join(dir, "file", "a")); err == nil || made != nil {
		t.Errorf("below a file: made %q, %v", made, err)
	}
}
