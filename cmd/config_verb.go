package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/hint"
	"sheaf/internal/metadata"
	"sheaf/internal/publish"
	"sheaf/internal/seq"
)

func newConfigCmd(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "config VERB",
		Short: "Show and change settings",
		Long: `Show the settings with what they come from, and change those in the user's
configuration file, or in the one that --config names. A flag outranks the
environment, the environment outranks the file, and the file the default.` + exitStatus(0, 1, 2),
		Example: `  sheaf config list
  sheaf config set mode hybrid
  sheaf config get embedder
  sheaf config unset rpm`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return usagef("unknown verb %q of config: list, get, set, unset or path", args[0])
		},
	}
	for _, v := range []struct {
		use, short string
		args       int
		run        func(env *environment, c *cobra.Command, args []string) error
	}{
		{"list", "Print all settings, their values and where these come from", 0, listConfig},
		{"get KEY", "Print the value of a setting", 1, getConfig},
		{"set KEY VALUE", "Write a setting into the configuration file", 2, setConfig},
		{"unset KEY", "Remove a setting from the configuration file", 1, unsetConfig},
		{"path", "Print the path of the configuration file", 0, printConfigPath},
	} {
		one := &cobra.Command{
			Annotations:       takesManyStores,
			Use:               v.use,
			Short:             v.short,
			Long:              v.short + "." + exitStatus(0, 1, 2),
			Example:           "  sheaf config " + strings.NewReplacer("KEY", "mode", "VALUE", "hybrid").Replace(v.use),
			PersistentPreRunE: unconfigured, // a file that is wrong can be mended
			PreRunE: func(_ *cobra.Command, args []string) error {
				if len(args) != v.args {
					return usagef("it is sheaf config %s", v.use)
				}
				return env.validFormat()
			},
			RunE: func(c *cobra.Command, args []string) error { return v.run(env, c, args) },
		}
		if v.args > 0 {
			one.ValidArgs = settingKeys()
		}
		c.AddCommand(one)
	}
	return c
}

// configured is a setting in an answer.
type configured struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"` // a flag, a variable, a key of a file, or default
}

func (c configured) columns() []string { return []string{c.Key, c.Value, c.Origin} }
func (c configured) body() string      { return c.Value }

func (c configured) table(p *printer) {
	width := 0
	for _, key := range settingKeys() {
		width = max(width, len(key))
	}
	value := ""
	if c.Value != "" {
		value = p.styled(styleBold, visibleLine(c.Value)) + "  "
	}
	fmt.Fprintf(p, "%-*s  %s%s\n", width, c.Key, value, p.styled(styleDim, visibleLine(c.Origin)))
}

func listConfig(env *environment, c *cobra.Command, _ []string) error {
	if err := env.load(c); err != nil { // the colour is a setting too
		return err
	}
	inFile, err := readConfigFile(env.flags.configFile)
	if err != nil {
		return err
	}
	return env.print(outputFlags{}, func(p *printer) error {
		return list(p, "settings", func(yield func(configured, error) bool) {
			for _, s := range settings {
				if !yield(s.configured(c.Flags(), inFile)) {
					return
				}
			}
		})
	})
}

func getConfig(env *environment, c *cobra.Command, args []string) error {
	s, err := settingOf(args[0])
	if err != nil {
		return err
	}
	inFile, err := readConfigFile(env.flags.configFile)
	if err != nil {
		return err
	}
	found, err := s.configured(c.Flags(), inFile)
	switch {
	case err != nil:
		return err
	case found.Value == "":
		return hint.With(fmt.Errorf("%s is not set", s.key), "sheaf config set %s VALUE", s.key)
	case env.inJSON():
		return env.printObject(found)
	}
	return env.print(outputFlags{text: true}, func(p *printer) error {
		return list(p, "settings", seq.Of([]configured{found}))
	})
}

func settingOf(key string) (setting, error) {
	if i := slices.IndexFunc(settings, func(s setting) bool { return s.key == key }); i >= 0 {
		return settings[i], nil
	}
	return setting{}, hint.With(usagef("unknown key %q", key), "the keys are %s", strings.Join(settingKeys(), ", "))
}

func setConfig(env *environment, _ *cobra.Command, args []string) error {
	s, err := settingOf(args[0])
	if err != nil {
		return err
	}
	if err := s.set(&Config{}, args[1]); err != nil || args[1] == "" {
		return usagef("%s: %w", s.key, errors.Join(err, emptyValue(args[1])))
	}
	return env.editConfig(s.key, args[1])
}

func emptyValue(value string) error {
	if value == "" {
		return errors.New("the value is empty; sheaf config unset removes a setting")
	}
	return nil
}

func unsetConfig(env *environment, _ *cobra.Command, args []string) error {
	s, err := settingOf(args[0])
	if err != nil {
		return err
	}
	return env.editConfig(s.key, "")
}

func printConfigPath(env *environment, _ *cobra.Command, _ []string) error {
	path, err := env.configPath()
	if err != nil {
		return err
	}
	if env.inJSON() {
		return env.printObject(map[string]string{"path": path})
	}
	return env.print(outputFlags{}, func(p *printer) error {
		_, err := p.WriteString(path + "\n")
		return err
	})
}

// configPath returns the path of the file that settings are written to.
func (env *environment) configPath() (string, error) {
	path := env.flags.configFile
	if path == "" {
		path = configFile()
	}
	if path == "" {
		return "", hint.With(errors.New("there is no place for a configuration file: no home folder is known"), "name one with --config FILE")
	}
	return path, nil
}

// editConfig sets a key in the configuration file, or removes it for "". The rest of the file,
// comments among it, stays as it is.
func (env *environment) editConfig(key, value string) error {
	path, err := env.configPath()
	if err != nil {
		return err
	}
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parsed, err := parseConfig(path, before)
	if err != nil {
		return err
	}
	want := parsed.AllSettings()
	if _, set := want[key]; !set && value == "" {
		return nil
	}
	after := editLine(before, key, value)
	delete(want, key)
	if value != "" {
		want[key] = value
	}
	if got, err := parseConfig(path, after); err != nil || !reflect.DeepEqual(got.AllSettings(), want) {
		return fmt.Errorf("%q is written in a way that is not edited here: change %s by hand", path, key)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return publish.Write([]string{path}, func(files []*os.File) error {
		_, err := files[0].Write(after)
		return err
	})
}

// editLine replaces the line that sets a key, adds one, or removes it for "".
func editLine(content []byte, key, value string) []byte {
	lines := strings.SplitAfter(string(content), "\n")
	at := slices.IndexFunc(lines, func(line string) bool {
		name, _, ok := strings.Cut(line, "=")
		return ok && strings.Trim(strings.TrimSpace(name), `"'`) == key
	})
	set := ""
	if value != "" {
		set = key + " = " + string(metadata.Quote(value)) + "\n" // a string of JSON is one of TOML
	}
	switch {
	case at >= 0:
		lines[at] = set
	case len(content) > 0 && content[len(content)-1] != '\n':
		lines = append(lines, "\n", set)
	default:
		lines = append(lines, set)
	}
	return []byte(strings.Join(lines, ""))
}
