package embed

import (
	"fmt"
	"path/filepath"
	"strings"
)

// MiniLM is the model that "minilm" stands for, by its name on the Hugging Face hub.
const MiniLM = "sentence-transformers/all-MiniLM-L6-v2"

// Int8 is what follows the name of a model, after a colon, to compute with it in int8.
const Int8 = "int8"

// CutInt8 returns the MODEL of "hf:MODEL" without ":int8", and whether that was there.
func CutInt8(model string) (name string, int8 bool) { return strings.CutSuffix(model, ":"+Int8) }

// IsFolder reports whether the MODEL of "hf:MODEL" is a folder, which begins with a slash, "./"
// or "../". Anything else is a name on the hub.
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

// isHubPart reports whether part can be the owner or the name of a model on the hub. It is
// then also safe as the name of a file.
func isHubPart(part string) bool {
	const maxLen = 96 // the hub's own limit
	for _, c := range part {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.", c) {
			return false
		}
	}
	return part != "" && len(part) <= maxLen && part[0] != '.' && part[0] != '-' && !strings.Contains(part, "--") && !strings.Contains(part, "..")
}

// CanonicalHF returns the name by which the embedder of a model calls itself: with an
// absolute path to its folder, or its whole name on the hub.
func CanonicalHF(model string) (string, error) {
	name, int8 := CutInt8(model)
	spec, err := canonicalHF(name)
	if int8 {
		spec += ":" + Int8
	}
	return spec, err
}

func canonicalHF(model string) (string, error) {
	if IsFolder(model) {
		dir, err := filepath.Abs(model)
		return "hf:" + dir, err
	}
	name, err := HubName(model)
	switch {
	case err != nil:
		return "", err
	case name == MiniLM:
		return "minilm", nil
	case name == USE:
		return "multilingual", nil
	}
	return "hf:" + name, nil
}
