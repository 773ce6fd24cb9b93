package cmd

import (
	"github.com/spf13/cobra"

	"sheaf/internal/seq"
)

func newModelListCmd(env *environment) *cobra.Command {
	return &cobra.Command{
		Annotations: takesManyStores,
		Use:         "list",
		Short:       "Print the models on this machine",
		Long: `Print the models that are here: the embedder that uses each, its name, size,
whose it is (sheaf, or huggingface for its cache) and its folder.` + exitStatus(0, 1, 2),
		Example: `  sheaf model list
  sheaf model list --json`,
		PreRunE: func(_ *cobra.Command, args []string) error { return noArgs("model list", args) },
		RunE:    func(*cobra.Command, []string) error { return runModelList(env) },
	}
}

func runModelList(env *environment) error {
	all, err := env.library().List()
	if err != nil {
		return err
	}
	if err := env.validFormat(); err != nil {
		return err
	}
	if len(all) == 0 && !env.inJSON() {
		env.say("no model is here beside those in the program: sheaf model add NAME gets one, such as minilm")
	}
	return env.print(outputFlags{}, func(p *printer) error { return list(p, "models", seq.Map(seq.Of(all), newModelInfo)) })
}
