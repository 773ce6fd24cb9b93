package cmd

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// sheafIn runs sheaf in a folder and returns its output and exit code.
func sheafIn(t *testing.T, dir string, args ...string) (out string, code int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sheaf", args...)
	c.Dir, c.Env = dir, append(os.Environ(), scrubbed(dir)...)
	b, err := c.CombinedOutput()
	if c.ProcessState == nil {
		t.Fatal(err)
	}
	return string(b), c.ProcessState.ExitCode()
}

// mustSheaf is sheafIn for a command that must succeed.
func mustSheaf(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, code := sheafIn(t, dir, args...)
	if code != 0 {
		t.Fatalf("sheaf %s: exit code %d: %s", strings.Join(args, " "), code, out)
	}
	return out
}
