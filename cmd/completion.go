package cmd

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

type completionOptions struct{ shell string }

func newCompletionCmd(env *environment) *cobra.Command {
	var o completionOptions
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print the completion script of a shell",
		Long: `Print the script that teaches a shell to complete sheaf's verbs, flags and
values: bash, zsh, fish or powershell. Source it, or put it where the shell
looks for completions. That of bash needs the package bash-completion.` + exitStatus(0, 2),
		Example: `  sheaf completion bash > sheaf.bash
  sheaf completion zsh > _sheaf`,
		PersistentPreRunE: unconfigured,
		ValidArgs:         shells,
		PreRunE:           func(_ *cobra.Command, args []string) error { return o.validate(args) },
		RunE:              func(c *cobra.Command, _ []string) error { return runCompletion(c.Root(), env, o) },
	}
}

func (o *completionOptions) validate(args []string) error {
	if len(args) != 1 {
		return usagef("completion takes one shell: %s", strings.Join(shells, ", "))
	}
	o.shell = args[0]
	if !slices.Contains(shells, o.shell) {
		return usagef("unknown shell %q: %s", o.shell, strings.Join(shells, ", "))
	}
	return nil
}

func runCompletion(root *cobra.Command, env *environment, o completionOptions) error {
	return WriteCompletion(root, env.streams.Out, o.shell)
}

// WriteCompletion writes the completion script of a shell.
func WriteCompletion(root *cobra.Command, w io.Writer, shell string) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(w, true)
	case "zsh":
		return root.GenZshCompletion(w)
	case "fish":
		return root.GenFishCompletion(w, true)
	default:
		return root.GenPowerShellCompletionWithDesc(w)
	}
}

// complete sets the values that shells complete for a flag of c.
func complete(c *cobra.Command, flag string, values ...string) {
	// The only error is a flag that does not exist, which a test finds.
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
