package engine

import (
	"bytes"
	"fmt"

	"github.com/google/uuid"
)

// OnConflict says what becomes of a document whose id the store has with other
// text or metadata, and of a source of which the store has other chunks.
type OnConflict string

// The policies. The unit of a source's conflict is the source: all its
// documents stay as they are, or all become the newcomer's.
const (
	OnConflictFail    OnConflict = "fail"    // nothing is merged: *ConflictError
	OnConflictSkip    OnConflict = "skip"    // the store's own stays
	OnConflictReplace OnConflict = "replace" // the newcomer takes its place
	OnConflictNewID   OnConflict = "new-id"  // both stay; a taken id becomes one derived from the document
)

// ParseOnConflict reads a policy as users write it.
func ParseOnConflict(s string) (OnConflict, error) {
	switch o := OnConflict(s); o {
	case OnConflictFail, OnConflictSkip, OnConflictReplace, OnConflictNewID:
		return o, nil
	}
	return "", fmt.Errorf("unknown policy %q: fail, skip, replace or new-id", s)
}

// Merged counts the documents of a merge or an import.
type Merged struct {
	Added    int64 // new in the store
	Skipped  int64 // given and not taken: the store has them, or has others
	Replaced int64 // of the store, gone in favour of those that were added
}

// idNamespace is that of ids made for documents whose own was taken. It must never change.
var idNamespace = uuid.MustParse("1f3d8d0e-52a8-4a53-8a33-0d5f2f0d9a57")

// RenamedID is the id of a document under OnConflictNewID where its own is taken.
func RenamedID(d *Document) string {
	return uuid.NewSHA1(idNamespace, bytes.Join([][]byte{[]byte(d.ID), []byte(d.Text), d.Metadata.JSON()}, []byte{0})).String()
}
