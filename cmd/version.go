package cmd

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"sheaf/internal/faiss"
	"sheaf/internal/kernel"
)

// version is the version of the next release.
const version = "0.1.0"

func newVersionCmd(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version and what it was built with",
		Long: `Print the version, the commit it was built from, the versions of Go and Faiss
it was built with, and the search kernel that this processor gets.` + exitStatus(0, 2),
		Example: `  sheaf version
  sheaf version --json`,
		PersistentPreRunE: unconfigured,
		PreRunE:           func(_ *cobra.Command, args []string) error { return noArgs("version", args) },
		RunE:              func(*cobra.Command, []string) error { return runVersion(env) },
	}
}

// versions is the answer of the verb version.
type versions struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	Faiss   string `json:"faiss"`
	Kernel  string `json:"kernel"`
}

func runVersion(env *environment) error {
	v := versions{version, commit(), runtime.Version(), faiss.Version(), kernel.Chosen().String()}
	return env.print(outputFlags{}, func(p *printer) error {
		if p.form == formTable || p.form == formTSV {
			fmt.Fprintf(p, "sheaf %s\n", v.Version)
		}
		return p.fields(v, []field{{"commit", v.Commit}, {"go", v.Go}, {"faiss", v.Faiss}, {"kernel", v.Kernel}})
	})
}

// revision is the commit that make has the linker write here.
var revision string

// commit returns the revision that the binary was built from, or "unknown" where
// it was built outside a checkout.
func commit() string {
	if revision != "" {
		return revision
	}
	revision, modified := "unknown", ""
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return revision
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "-dirty"
		}
	}
	return revision + modified
}

// noArgs returns a usage error for arguments of a verb that takes none.
func noArgs(verb string, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument, not %q", verb, args[0])
	}
	return nil
}
