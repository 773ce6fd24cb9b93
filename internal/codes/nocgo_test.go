package codes_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestBuildWithoutCgoSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "build", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	want := "undefined: sheaf_needs_cgo_and_a_C_compiler__see_README\n"
	if err == nil || !strings.HasSuffix(string(out), want) || strings.Count(string(out), "undefined") != 1 {
		t.Errorf("go build: %v\n%s", err, out)
	}
}
