//go:build unix

package loader

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestWalkSpecialFiles(t *testing.T) {
	// From here the path of the socket is short, as it has to be.
	t.Chdir(t.TempDir())
	if err := syscall.Mkfifo("fifo", 0o666); err != nil {
		t.Fatal(err)
	}
	listener := must(net.Listen("unix", "socket"))
	t.Cleanup(func() { listener.Close() })
	if err := os.Symlink("/dev/null", "null"); err != nil {
		t.Fatal(err)
	}
	want := "skip fifo: a named pipe (to read one, redirect it to -)\nskip null: a device\nskip socket: a socket\n"
	if got := collect(NewWalker(WalkOptions{}), []string{"."}, ""); got != want {
		t.Errorf("found\n%swant\n%s", got, want)
	}
	// What a shell makes of <(command) is a name without a real path.
	r, w := must2(os.Pipe())
	defer r.Close()
	defer w.Close()
	for f := range Walk(t.Context(), []string{fmt.Sprintf("/dev/fd/%d", r.Fd())}, WalkOptions{}) {
		if f.Err == nil || !strings.HasPrefix(f.Err.Error(), "a named pipe") {
			t.Errorf("%+v", f)
		}
	}
}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}
