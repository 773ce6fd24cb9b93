package loader

import (
	"cmp"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// withoutRoot runs f as a user whom permissions bind. On Linux a thread can give up the file rights of root for a while:
// setfsuid(2) takes the capabilities that override them away, and gives them back.
func withoutRoot(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	const nobody = 65534
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setfsuid(0)
	f()
}

func TestWalkUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/a.txt", "a")
	write(t, dir+"/closed.txt", "a")
	write(t, dir+"/closed/b.txt", "b")
	write(t, dir+"/z.txt", "a")
	// The parent of a test's folder is its owner's alone.
	if err := cmp.Or(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755), os.Chmod(dir+"/closed.txt", 0),
		os.Chmod(dir+"/closed", 0)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir+"/closed", 0o755) })
	w := NewWalker(WalkOptions{})
	var got string
	withoutRoot(t, func() { got = collect(w, []string{dir}, dir) })
	want := `a.txt
error closed: reading "closed": permission denied
error closed.txt: reading "closed.txt": permission denied
z.txt
`
	if got != want {
		t.Errorf("found\n%swant\n%s", got, want)
	}
	if w.Roots()[0].Complete {
		t.Error("complete all the same")
	}
}
