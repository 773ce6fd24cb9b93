//go:build unix

package loader

import (
	"net"
	"os"
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
	want := "skip fifo: a named pipe\nskip null: a device\nskip socket: a socket\n"
	if got := collect(NewWalker(WalkOptions{}), []string{"."}, ""); got != want {
		t.Errorf("found\n%swant\n%s", got, want)
	}
}
