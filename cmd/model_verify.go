package cmd

import (
	"errors"

	"github.com/spf13/cobra"

	"sheaf/internal/hint"
)

func newModelVerifyCmd(env *environment) *cobra.Command {
	var names []string
	return &cobra.Command{
		Annotations: takesManyStores,
		Use:         "verify [NAME...]",
		Short:       "Compare models with their checksums",
		Long: `Read every file of the models, all that are here where none is named, and
compare it with the checksum that was recorded when it was added.` + exitStatus(0, 1, 2),
		Example: `  sheaf model verify
  sheaf model verify minilm`,
		PreRunE: func(_ *cobra.Command, args []string) (err error) {
			names, err = modelNames(args)
			return err
		},
		RunE: func(*cobra.Command, []string) error { return runModelVerify(env, names) },
	}
}

func runModelVerify(env *environment, names []string) error {
	l := env.library()
	models, err := l.List()
	if len(names) > 0 {
		models = nil
	}
	for _, name := range names {
		m, findErr := l.Find(name)
		models, err = append(models, m), errors.Join(err, findErr)
	}
	if err != nil {
		return err
	}
	var problems []error
	for _, m := range models {
		if err := l.Verify(m); err != nil {
			problems = append(problems, err)
			continue
		}
		env.say("model %q is as it was", m.Name)
	}
	if len(problems) > 0 {
		return hint.With(errors.Join(problems...), "sheaf model remove, then sheaf model add, brings a damaged model back")
	}
	return nil
}
