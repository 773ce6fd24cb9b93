//go:build models

package cmd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestRealModel runs testdata/models/*.txtar with all-MiniLM-L6-v2 itself, in the folder that
// make test-models names.
func TestRealModel(t *testing.T) {
	t.Parallel()
	model := os.Getenv("SHEAF_TEST_MODEL")
	articles, err := filepath.Abs("../examples/articles")
	if err != nil || model == "" {
		t.Fatalf("SHEAF_TEST_MODEL is %q, %v: run make test-models", model, err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/models",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, scrubbed(e.WorkDir)...)
			e.Vars = append(e.Vars, "MODEL="+model, "ARTICLES="+articles)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"json": checkJSON},
	})
}
