//go:build unix

package ingest_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// limitFiles makes writes past so many bytes of a file fail, as a full disk does.
func limitFiles(bytes string) {
	n, err := strconv.ParseUint(bytes, 10, 64)
	if err != nil {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
		panic(err)
	}
}

// TestNoRoomLeft ingests where the index file, or the database, cannot grow:
// the run fails and says where, the store is as it was, and a run with room
// completes it.
func TestNoRoomLeft(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]int64{"index.1.faiss": 5_000, "sheaf.db": 150_000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			project := filepath.Join(t.TempDir(), "project")
			writeTree(t, project, 1)
			ingestHere(t, project)
			before := documents(t, project)
			writeTree(t, project, 2)

			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), childEnv+"="+project, fmt.Sprintf("%s=%d", limitEnv, limit))
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), name) {
				t.Errorf("%v, %s", err, out)
			}
			if diff := cmp.Diff(before, documents(t, project)); diff != "" {
				t.Error(diff)
			}
			ingestHere(t, project)
			if got := len(documents(t, project)); got != 1150 {
				t.Errorf("%d documents of 1150 after a run with room", got)
			}
		})
	}
}
