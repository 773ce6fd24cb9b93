package main_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestBuildWithoutCgoSaysWhatIsMissing builds the doors to C without cgo: each ends with
// one identifier that says what is missing.
func TestBuildWithoutCgoSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for door, missing := range map[string]string{
		"codes":       "undefined: sheaf_needs_cgo_and_a_C_compiler__see_README\n",
		"faiss":       "undefined: sheaf_needs_cgo_a_C_compiler_and_libfaiss__see_README\n",
		"rowsum":      "undefined: sheaf_needs_cgo_and_a_C_compiler__see_README\n",
		"sqlite":      "undefined: sheaf_needs_cgo_and_a_C_compiler__see_README\n",
		"transformer": "undefined: sheaf_needs_cgo_and_a_C_compiler__see_README\n",
	} {
		t.Run(door, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "go", "build", "./internal/"+door)
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.HasSuffix(string(out), missing) || strings.Count(string(out), "undefined") != 1 {
				t.Errorf("go build: %v\n%s", err, out)
			}
		})
	}
}
