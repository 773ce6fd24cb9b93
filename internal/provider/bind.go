package provider

import (
	"fmt"
	"strings"

	"sheaf/internal/embed"
)

// A store that asks its embedder for vectors of another length than the model's own says so
// at the beginning of the embedder's fingerprint: its questions must ask for it too, and the
// length alone does not tell.
const askedDim = "dimensions=%d"

// Fingerprint returns what a store remembers of the embedder's data, where dim numbers were
// asked for; 0: the model's own number.
func Fingerprint(id embed.Identity, dim int) string {
	if dim == 0 || !Of(id.Provider).AnyDim {
		return id.Fingerprint
	}
	return strings.TrimRight(fmt.Sprintf(askedDim, dim)+" "+id.Fingerprint, " ")
}

// AsksForDim reports whether the embedder with the fingerprint is asked for dim numbers.
func AsksForDim(fingerprint string, dim int) bool {
	first, _, _ := strings.Cut(fingerprint, " ")
	return first == fmt.Sprintf(askedDim, dim)
}

// Trusted reports whether a store may name the embedder spec without the user doing so.
func Trusted(spec string) bool {
	_, model, _ := strings.Cut(spec, ":")
	trusted := Of(spec).Trusted
	return trusted != nil && trusted(model)
}

// Names reports whether given names the embedder bound. A bare provider names any model of
// it, and the folder of a model may have moved: its content is compared by the fingerprint.
func Names(given, bound string) bool {
	return given == bound || !strings.Contains(given, ":") && strings.HasPrefix(bound, given+":") || AreFolders(given, bound)
}

// AreFolders reports whether both embedders are models in a folder.
func AreFolders(a, b string) bool { return isFolder(a) && isFolder(b) }

func isFolder(spec string) bool {
	model, isHF := strings.CutPrefix(spec, "hf:")
	return isHF && embed.IsFolder(model)
}
