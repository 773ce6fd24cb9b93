package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"
	"golang.org/x/sys/unix"

	"sheaf/internal/progress"
)

// TestBarIsOneLine draws on terminals: what is longer than a line would stay on the screen when the bar is cleared.
func TestBarIsOneLine(t *testing.T) {
	t.Parallel()
	for _, width := range []int{40, 60, 79, 80, 120} {
		screen, terminal := newTerminal(t, width)
		counter := new(progress.Counter)
		counter.SetTotal(123456)
		counter.AddChunks(98765)
		counter.AddRetry()
		s := Streams{Out: new(bytes.Buffer), Err: folding{terminal, width}, ErrTerminal: true, Width: 200}
		d := (&environment{streams: s, now: time.Now}).showProgress(counter, "embedding", "chunk")
		d.draw()
		d.stop()
		terminal.Close()
		drawn := new(bytes.Buffer)
		if _, err := drawn.ReadFrom(screen); err != nil && !errors.Is(err, unix.EIO) { // the end of a terminal
			t.Fatal(err)
		}
		if !strings.Contains(drawn.String(), "/123456") {
			t.Errorf("%d columns: no bar in %q", width, drawn)
		}
		for line := range strings.SplitSeq(drawn.String(), "\r") {
			if n := uniseg.StringWidth(line); n > width {
				t.Errorf("%d columns: a line has %d: %q", width, n, line)
			}
		}
	}
}

// newTerminal returns both ends of a terminal that has so many columns.
func newTerminal(t *testing.T, columns int) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	fd := int(screen.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)})
	}
	if err == nil {
		terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return screen, terminal
}
