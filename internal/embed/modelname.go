package embed

import (
	"fmt"
	"path/filepath"
	"strings"
)

// MiniLM is the model that "minilm" stands for, by its name on the Hugging Face hub.
const MiniLM = "sentence-transformers/all-MiniLM-L6-v2"

// IsFolder tells the two kinds of hf:MODEL apart by their form alone: a folder begins with
// a slash, "./" or "../"; anything else is a name on the hub.
func IsFolder(model string) bool {
	return filepath.IsAbs(model) || model == "." || model == ".." || strings.HasPrefix(model, "./") || strings.HasPrefix(model, "../")
}

// HubName completes a name on the hub, OWNER/NAME or NAME alone, whose owner is then
// sentence-transformers, as in Python.
func HubName(name string) (string, error) {
	owner, base, found := strings.Cut(name, "/")
	if !found {
		owner, base = "sentence-transformers", name
	}
	if !isHubPart(owner) || !isHubPart(base) {
		return "", fmt.Errorf("%q is no name of a model, OWNER/NAME; a folder is written ./%s", name, name)
	}
	return owner + "/" + base, nil
}

// isHubPart holds that a part of a name is one of the hub's and a file's at once.
func isHubPart(part string) bool {
	const most = 96 // on the hub
	for _, c := range part {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.", c) {
			return false
		}
	}
	return part != "" && len(part) <= most && part[0] != '.' && part[0] != '-' && !strings.Contains(part, "--") && !strings.Contains(part, "..")
}

// Canonical returns the name by which an embedder calls itself, of one that a user gave: the
// folder of a model becomes an absolute path, its name on the hub whole. A name that is no
// embedder's stays as it is.
func Canonical(spec string) (string, error) {
	model, isHF := strings.CutPrefix(spec, "hf:")
	switch {
	case !isHF || model == "":
		return spec, nil
	case IsFolder(model):
		dir, err := filepath.Abs(model)
		return "hf:" + dir, err
	}
	name, err := HubName(model)
	if err != nil {
		return "", err
	}
	if name == MiniLM {
		return "minilm", nil
	}
	return "hf:" + name, nil
}
