package publish_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/publish"
)

// content is what the files of a folder hold, temporary ones left out.
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

func write(t *testing.T, s *publish.Set, path, text string) {
	t.Helper()
	f, err := s.Create(path)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestCommit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, version := range []string{"old", "new"} {
		var s publish.Set
		write(t, &s, filepath.Join(dir, "a"), version)
		write(t, &s, filepath.Join(dir, "b"), version)
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := s.Discard(); err != nil {
			t.Error(err)
		}
		if got, want := content(t, dir), "a="+version+" b="+version; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "a"))
	if err != nil || info.Mode().Perm()&0o600 != 0o600 || info.Mode().Perm()&0o111 != 0 {
		t.Errorf("permissions %v, %v", info.Mode(), err)
	}
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	var s publish.Set
	write(t, &s, filepath.Join(dir, "a"), "new")
	if err := s.Discard(); err != nil {
		t.Fatal(err)
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
	var s publish.Set
	write(t, &s, link, "new")
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, dir); got != "link=new target=new" {
		t.Errorf("%q, want the link's target written", got)
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var s publish.Set
	if _, err := s.Create(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := s.Create(filepath.Join(dir, "missing", "a")); err == nil {
		t.Error("a file in a folder that is not there was created")
	}
	if _, err := s.Create(os.DevNull); err == nil {
		t.Error("a device was replaced")
	}
}
