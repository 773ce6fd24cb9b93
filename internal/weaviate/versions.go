package weaviate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
)

// An object is written once. A document that gets other metadata or lines keeps its number, and so its
// place in the order of the store, and is written anew as another version. The state tells which
// documents have which version, and a commit is what turns from the one to the other.

// version is some documents by one of their versions.
type version struct {
	Version uint32  `json:"version"`
	Numbers numbers `json:"numbers"`
}

// versions has each version at most once, and none without documents.
type versions []version

// of is the version of a document.
func (v versions) of(number uint32) uint32 {
	for _, one := range v {
		if one.Numbers.Contains(number) {
			return one.Version
		}
	}
	return 0
}

// with returns the versions with some documents more in one.
func (v versions) with(n uint32, documents *roaring.Bitmap) versions {
	if documents.IsEmpty() {
		return v
	}
	v = slices.Clone(v)
	for i := range v {
		if v[i].Version == n {
			v[i].Numbers = numbers{roaring.Or(v[i].Numbers.Bitmap, documents)}
			return v
		}
	}
	return append(v, version{n, numbers{documents.Clone()}})
}

// without returns the versions without some documents, and those by the versions that they had: those
// that are not in v by version 0.
func (v versions) without(documents *roaring.Bitmap) (left, taken versions) {
	plain := documents.Clone()
	for _, one := range v {
		taken = taken.with(one.Version, roaring.And(one.Numbers.Bitmap, documents))
		left = left.with(one.Version, roaring.AndNot(one.Numbers.Bitmap, documents))
		plain.AndNot(one.Numbers.Bitmap)
	}
	return left, taken.with(0, plain)
}

// idOf is the id on the server of a version of a document. The server lists objects in the
// order of ids.
func idOf(number, version uint32) string {
	return fmt.Sprintf("%08x-0000-0000-0000-%012x", number, version)
}

// parseID reads what idOf made.
func parseID(id string) (number, version uint32, err error) {
	n, err1 := strconv.ParseUint(id[:min(8, len(id))], 16, 32)
	v, err2 := strconv.ParseUint(id[strings.LastIndexByte(id, '-')+1:], 16, 32)
	if err1 != nil || err2 != nil || id != idOf(uint32(n), uint32(v)) {
		return 0, 0, fmt.Errorf("an object of the collection has the id %q, which is none of sheaf's", id)
	}
	return uint32(n), uint32(v), nil
}

// ids are those of documents as the state has them.
func (s *state) ids(documents []uint32) []string {
	ids := make([]string, len(documents))
	for i, n := range documents {
		ids[i] = idOf(n, s.Moved.of(n))
	}
	return ids
}

// current reports whether an object is of the version that the state has of the document.
func (s *state) current(r *row) bool { return s.Moved.of(r.number) == r.version }

// has reports whether an object is a document of the state.
func (s *state) has(r *row) bool { return s.Documents.Contains(r.number) && s.current(r) }
