package cmd

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/embed"
	"sheaf/internal/model"
)

func newModelCmd(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "model VERB",
		Short: "Keep embedding models on this machine",
		Long: `Keep the models that the embedders minilm, multilingual and hf:NAME compute
with. They lie in $XDG_DATA_HOME/sheaf/models, a folder each; those that Python
has put into the Hugging Face cache are found as well. Each but multilingual is
an embedder in int8, too: its name with :int8 after it, such as minilm:int8.` + exitStatus(0, 1, 2, 5, 75),
		Example: `  sheaf model add minilm
  sheaf model list`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return usagef("unknown verb %q of model: add, list, remove or verify", args[0])
		},
	}
	c.AddCommand(newModelAddCmd(env), newModelListCmd(env), newModelRemoveCmd(env), newModelVerifyCmd(env))
	return c
}

// modelName returns the full name of a model, or "" for "".
func modelName(name string) (string, error) {
	name, _ = embed.CutInt8(name) // computed with the same files
	switch name {
	case "":
		return "", nil
	case "minilm":
		return embed.MiniLM, nil
	case "multilingual":
		return embed.USE, nil
	}
	full, err := embed.HubName(strings.TrimPrefix(name, "hf:"))
	if err != nil {
		return "", &usageError{err}
	}
	return full, nil
}

// modelInfo is a model in an answer.
type modelInfo struct {
	Name     string `json:"name"`
	Embedder string `json:"embedder"`
	Bytes    int64  `json:"bytes"`
	Own      bool   `json:"own"`
	Path     string `json:"path"`
}

func newModelInfo(m model.Model) modelInfo {
	return modelInfo{m.Name, embedderFor(m.Name), m.Bytes, m.Own, m.Dir}
}

// origin returns who keeps the model.
func (m modelInfo) origin() string {
	if m.Own {
		return "sheaf"
	}
	return "huggingface"
}

func (m modelInfo) columns() []string {
	return []string{m.Embedder, m.Name, strconv.FormatInt(m.Bytes, 10), m.origin(), m.Path}
}

func (m modelInfo) body() string { return m.Name }

func (m modelInfo) table(p *printer) {
	p.WriteString(p.styled(styleBold, visible(m.Embedder)) + "  " + megabytes(m.Bytes) + "  " + p.styled(styleCyan, visible(m.Path)) + "\n")
}

// model prints an answer that is one model.
func (p *printer) model(m model.Model) error {
	info := newModelInfo(m)
	return p.fields(info, []field{
		{"embedder", info.Embedder}, {"name", info.Name}, {"size", megabytes(info.Bytes)}, {"path", info.Path},
	})
}

func modelNames(args []string) ([]string, error) {
	names := make([]string, len(args))
	for i, arg := range args {
		name, err := modelName(arg)
		if err != nil {
			return nil, err
		}
		names[i] = name
	}
	return names, nil
}
