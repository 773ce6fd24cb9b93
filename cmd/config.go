package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/loader"
	"sheaf/internal/provider"
	"sheaf/internal/rerank"
)

// Config holds the settings. A flag outranks the environment, the environment
// outranks the configuration file, and the file outranks the default.
type Config struct {
	Store       string   // the last of Stores
	Stores      []string // all that are named
	Embedder    string
	BaseURL     string
	APIKey      string // from OPENAI_API_KEY and nowhere else
	APIKeyFile  string
	AuthHeader  string
	ExtraBody   string
	Workers     int // 0: not set
	RPM, TPM    int // 0: no limit
	Color       string
	Mode        engine.Mode
	Rerank      rerank.Spec
	RerankURL   string
	RerankKey   string // from SHEAF_RERANK_API_KEY and nowhere else
	RerankFile  string // that holds the key
	LockTimeout time.Duration
	Convert     []loader.Conversion

	// EmbedderFlag is set where Embedder comes from the flag. Otherwise it is a
	// preference for new stores.
	EmbedderFlag bool
	// ModeFlag, RerankFlag and StoreFlag are set where Mode, Rerank and Stores come from the flag.
	ModeFlag, RerankFlag, StoreFlag bool
}

// defaultStore is the default of the setting store.
const defaultStore = ".sheaf"

// setting is a value that a flag, the environment or the configuration file sets.
type setting struct {
	key, def string
	help     string // of the flag, with the name of the value in backquotes
	env      string // a second variable, which SHEAF_KEY outranks; "" for none
	many     bool   // the flag can be repeated; elsewhere its values are lines
	set      func(c *Config, value string) error
}

// settings is the table of all settings, from which docs/config.md is generated.
var settings = []setting{
	{key: "store", def: defaultStore, many: true, help: "the `DIR` that holds the store, or the URL of one in PostgreSQL or Weaviate",
		set: func(c *Config, v string) error {
			if c.Stores = linesOf(v); len(c.Stores) == 0 {
				return errors.New("is empty")
			}
			c.Store = c.Stores[len(c.Stores)-1]
			return nil
		}},
	{key: "embedder", help: "what turns text into vectors: " + strings.Replace(provider.Usage(), "MODEL", "`MODEL`", 1) + " (default for a new store: " + provider.Default + ", or " + provider.Multilingual + " for texts that are not English)",
		set: func(c *Config, v string) (err error) { c.Embedder, err = provider.Canonical(v); return err }},
	{key: "base-url", env: "OPENAI_BASE_URL", help: "`URL` of the OpenAI-compatible service",
		set: func(c *Config, v string) error { c.BaseURL = v; return nil }},
	{key: "api-key-file", help: "`FILE` that holds the service's key, instead of OPENAI_API_KEY",
		set: func(c *Config, v string) error { c.APIKeyFile = v; return nil }},
	{key: "auth-header", help: "`HEADER` that holds the service's key by itself (default: Authorization, as Bearer; api-key at Azure)",
		set: func(c *Config, v string) error { c.AuthHeader = v; return nil }},
	{key: "extra-body", help: "`JSON` object whose members are added to each request to the service",
		set: func(c *Config, v string) error { c.ExtraBody = v; return nil }},
	{key: "workers", help: "embed with `N` workers at once (default: as many as suit the embedder)",
		set: func(c *Config, v string) error { return setCount(&c.Workers, v, 1) }},
	{key: "rpm", help: "send at most `N` requests a minute",
		set: func(c *Config, v string) error { return setCount(&c.RPM, v, 1) }},
	{key: "tpm", help: "send at most `N` tokens a minute",
		set: func(c *Config, v string) error { return setCount(&c.TPM, v, 1) }},
	{key: "color", def: "auto", help: "colour the answer `WHEN`: auto, always or never",
		set: func(c *Config, v string) error { return setChoice(&c.Color, v, colors) }},
	{key: "mode", help: "find by `MODE`: vector (meaning), words, or hybrid (both; the default where the store has words)",
		set: func(c *Config, v string) (err error) { c.Mode, err = engine.ParseMode(v); return err }},
	{key: "rerank", help: "judge the hits again by `MODEL[:N]`: " + rerank.Usage() + "; N hits are judged (" + strconv.Itoa(rerank.DefaultDepth) + "), and the k best by the judge are the answer",
		set: func(c *Config, v string) (err error) { c.Rerank, err = rerank.Parse(v); return err }},
	{key: "convert", many: true, help: "make text of the files that match by a command: `GLOB=COMMAND`, which gets the file on stdin, or its path for {} (repeatable)",
		set: func(c *Config, v string) error { return setConversions(c, v) }},
	{key: "rerank-url", help: "`URL` of the service that reranks; requests go to URL/rerank",
		set: func(c *Config, v string) error { c.RerankURL = v; return nil }},
	{key: "rerank-api-key-file", help: "`FILE` that holds that service's key, instead of SHEAF_RERANK_API_KEY",
		set: func(c *Config, v string) error { c.RerankFile = v; return nil }},
	{key: "lock-timeout", def: "10s", help: "wait this `DURATION` for another writer",
		set: func(c *Config, v string) error { return setDuration(&c.LockTimeout, v) }},
}

var colors = []string{"auto", "always", "never"}

func setCount(to *int, value string, least int) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < least {
		return fmt.Errorf("%q is not a whole number from %d", value, least)
	}
	*to = n
	return nil
}

// linesOf returns the values of a setting that can have many, a line each.
func linesOf(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == '\n' })
}

func setConversions(c *Config, value string) error {
	c.Convert = nil
	for _, line := range linesOf(value) {
		conversion, err := loader.ParseConversion(line)
		if err != nil {
			return err
		}
		c.Convert = append(c.Convert, conversion)
	}
	return nil
}

func setChoice(to *string, value string, choices []string) error {
	if !slices.Contains(choices, value) {
		return fmt.Errorf("%q is none of %s", value, strings.Join(choices, ", "))
	}
	*to = value
	return nil
}

// oneOf lists choices as a sentence does: "a, b or c".
func oneOf(choices []string) string {
	last := len(choices) - 1
	if last == 0 {
		return choices[0]
	}
	return strings.Join(choices[:last], ", ") + " or " + choices[last]
}

func setDuration(to *time.Duration, value string) error {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration such as 10s or 2m", value)
	}
	*to = d
	return nil
}

func (s setting) variable() string {
	return "SHEAF_" + strings.ToUpper(strings.ReplaceAll(s.key, "-", "_"))
}

// addSettings declares the flags of the settings with these keys.
func addSettings(flags *pflag.FlagSet, keys ...string) {
	for _, key := range keys {
		i := slices.IndexFunc(settings, func(s setting) bool { return s.key == key })
		short := ""
		if key == "store" {
			short = "s"
		}
		if settings[i].many {
			flags.VarP(&manyValues{text: settings[i].def}, key, short, settings[i].help)
			continue
		}
		flags.StringP(key, short, settings[i].def, settings[i].help)
	}
}

// manyValues is the value of a flag that can be repeated: a line for each.
type manyValues struct {
	text  string
	given bool
}

// Set adds a value. The first replaces the default.
func (m *manyValues) Set(value string) error {
	switch {
	case value == "" || strings.Contains(value, "\n"):
		return errors.New("must be a line of text")
	case m.given:
		m.text += "\n"
	default:
		m.text, m.given = "", true
	}
	m.text += value
	return nil
}

// String returns the values as lines.
func (m *manyValues) String() string { return m.text }

// Type returns the name of the type in help and completions.
func (m *manyValues) Type() string { return "string" }

// loadConfig reads the settings. flags are those of the verb; file is the
// configuration file of --config, or "" for the user's own, which need not exist.
func loadConfig(flags *pflag.FlagSet, file string) (Config, error) {
	inFile, err := readConfigFile(file)
	if err != nil {
		return Config{}, err
	}
	c := Config{APIKey: os.Getenv("OPENAI_API_KEY"), RerankKey: os.Getenv("SHEAF_RERANK_API_KEY")}
	for _, s := range settings {
		if _, _, err := s.read(&c, flags, inFile); err != nil {
			return Config{}, err
		}
	}
	c.EmbedderFlag, c.ModeFlag, c.RerankFlag = flags.Changed("embedder"), flags.Changed("mode"), flags.Changed("rerank")
	c.StoreFlag = flags.Changed("store")
	if c.APIKey != "" && !named(flags, "api-key-file") {
		c.APIKeyFile = "" // the variable outranks the configuration file
	}
	if c.RerankKey != "" && !named(flags, "rerank-api-key-file") {
		c.RerankFile = ""
	}
	return c, nil
}

// read sets c to the value of the setting, and returns it with where it comes from.
func (s setting) read(c *Config, flags *pflag.FlagSet, inFile *viper.Viper) (value, origin string, err error) {
	value, origin, err = s.find(flags, inFile)
	if err == nil && value == "" && s.def != "" {
		err = errors.New("is empty")
	}
	if err == nil && value != "" {
		err = s.set(c, value)
	}
	if err != nil {
		err = usagef("%s: %w", origin, err)
	}
	return value, origin, err
}

// named reports whether a flag or a variable sets the setting.
func named(flags *pflag.FlagSet, key string) bool {
	return flags.Changed(key) || os.Getenv(setting{key: key}.variable()) != ""
}

// configured returns a setting as the flags, the environment and the file give it.
func (s setting) configured(flags *pflag.FlagSet, inFile *viper.Viper) (configured, error) {
	value, origin, err := s.read(&Config{}, flags, inFile)
	if origin == s.key {
		origin = "default"
	}
	return configured{s.key, value, origin}, err
}

// find returns the value of the setting and where it comes from. An empty variable
// counts as not set. inFile is nil where there is no configuration file.
func (s setting) find(flags *pflag.FlagSet, inFile *viper.Viper) (value, origin string, err error) {
	if flags.Changed(s.key) {
		return flags.Lookup(s.key).Value.String(), "--" + s.key, nil
	}
	for _, name := range []string{s.variable(), s.env} {
		if value := os.Getenv(name); value != "" {
			return value, name, nil
		}
	}
	if inFile != nil && inFile.InConfig(s.key) {
		value, err := s.plain(inFile.Get(s.key))
		return value, fmt.Sprintf("%q: %s", inFile.ConfigFileUsed(), s.key), err
	}
	return s.def, s.key, nil
}

// plain returns a value of the configuration as text: a list as lines, where there can be many. Tables
// and other lists are errors.
func (s setting) plain(value any) (string, error) {
	switch value := value.(type) {
	case string:
		return value, nil
	case int64, int, bool, float64:
		return fmt.Sprint(value), nil
	case []any:
		if s.many {
			lines := make([]string, len(value))
			for i, v := range value {
				lines[i] = fmt.Sprint(v)
			}
			return strings.Join(lines, "\n"), nil
		}
	}
	return "", errors.New("a table or a list is not a value")
}

// readConfigFile returns nil where the user has no configuration file.
func readConfigFile(file string) (*viper.Viper, error) {
	named := file != ""
	if !named {
		file = configFile()
	}
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil, nil
	}
	if err != nil {
		return nil, usagef("reading the configuration %q: %w", file, err)
	}
	v, err := parseConfig(file, content)
	if err != nil {
		return nil, err
	}
	for _, key := range v.AllKeys() {
		if !slices.ContainsFunc(settings, func(s setting) bool { return s.key == key }) {
			return nil, hint.With(usagef("%q: unknown key %q", file, key), "the keys are %s", strings.Join(settingKeys(), ", "))
		}
	}
	return v, nil
}

func settingKeys() []string {
	keys := make([]string, len(settings))
	for i, s := range settings {
		keys[i] = s.key
	}
	return keys
}

// configFile returns the path of the user's configuration file. None in the
// current directory is read: a folder of somebody else's making must not decide
// where texts are sent.
func configFile() string {
	base := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		base = filepath.Join(home, ".config")
	}
	return filepath.Join(base, "sheaf", "config.toml")
}

// parseConfig reads the content of a configuration file.
func parseConfig(file string, content []byte) (*viper.Viper, error) {
	v := viper.New()
	v.SetConfigFile(file)
	v.SetConfigType("toml")
	content = bytes.TrimPrefix(content, []byte("\ufeff")) // as some editors of Windows write
	if err := v.ReadConfig(bytes.NewReader(content)); err != nil {
		return nil, usagef("reading the configuration %q: %w", file, err)
	}
	return v, nil
}

// WriteConfigDoc writes docs/config.md.
func WriteConfigDoc(w io.Writer) error {
	var b strings.Builder
	b.WriteString(configDocHead)
	for _, s := range settings {
		help := strings.ReplaceAll(s.help, "`", "")
		variables := "`" + s.variable() + "`"
		if s.env != "" {
			variables += ", `" + s.env + "`"
		}
		def := ""
		if s.def != "" {
			def = "`" + s.def + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.key, variables, def, help)
	}
	b.WriteString(configDocTail)
	_, err := io.WriteString(w, b.String())
	return err
}

const configDocHead = `# Settings

A few settings can be given by flag, by environment variable or in a file, in this order of
precedence; everything else is a flag of its verb. The flag of a setting is its key behind two dashes.

The file is ` + "`$XDG_CONFIG_HOME/sheaf/config.toml`" + ` (` + "`~/.config/sheaf/config.toml`" + ` where the variable is not
set), or the one that ` + "`--config FILE`" + ` names; ` + "`sheaf config`" + ` shows and changes it. A file in the current directory is never read, and a key
that is not in this table is an error, so that a typing mistake is noticed.

| key | environment | default | what it says |
| --- | --- | --- | --- |
`

const configDocTail = `
An empty variable counts as not set.

Keys are never flags and never in this file: ` + "`OPENAI_API_KEY`" + ` holds the key of the service that
embeds, or ` + "`api-key-file`" + ` names a file that does; ` + "`SHEAF_RERANK_API_KEY`" + ` and ` + "`rerank-api-key-file`" + `
are for the service that reranks. ` + "`NO_COLOR`" + ` turns colour off. ` + "`FAISS_NO_AVX2=1`" + ` and
` + "`FAISS_OPT_LEVEL`" + ` choose slower kernels.

` + "`embedder`" + ` in the environment or in the file applies to new stores. A store that is there keeps the embedder
that it was made with; the setting then only permits its equal.

` + "```toml" + `
store = "/srv/notes/.sheaf"  # several, for verbs that read: ["/srv/notes/.sheaf", "/srv/mail/.sheaf"]
embedder = "openai:text-embedding-3-small"
base-url = "http://127.0.0.1:8080/v1"
api-key-file = "/run/secrets/openai"
lock-timeout = "1m"
` + "```" + `
`
