package cmd

import (
	"github.com/spf13/cobra"
)

func newModelRemoveCmd(env *environment) *cobra.Command {
	var names []string
	return &cobra.Command{
		Annotations: takesManyStores,
		Use:         "remove NAME...",
		Short:       "Delete models that sheaf has added",
		Long: `Delete models of sheaf's own folder. Stores that were made with them stay, and
can be asked by text again once the same model is back.` + exitStatus(0, 1, 2),
		Example: `  sheaf model remove minilm`,
		PreRunE: func(_ *cobra.Command, args []string) (err error) {
			names, err = modelNames(args)
			if err == nil && len(names) == 0 {
				err = usagef("model remove takes the names of models")
			}
			return err
		},
		RunE: func(*cobra.Command, []string) error { return runModelRemove(env, names) },
	}
}

func runModelRemove(env *environment, names []string) error {
	for _, name := range names {
		if err := env.library().Remove(name); err != nil {
			return err
		}
	}
	return nil
}
