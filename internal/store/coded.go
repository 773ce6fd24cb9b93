package store

import (
	"os"

	"sheaf/internal/codes"
)

// codesKind is the kind of the sidecar that holds codes of the vectors, which a search
// reads in their place.
const codesKind = "codes"

// coded are the codes of a state's first rows: those that its database names.
type coded struct {
	number int64 // in the name of the file; 0: there is none
	rows   int64
}

// codesOrigin is what the codes of a state are made of.
func (st *state) codesOrigin() codes.Origin {
	return codes.Origin{Store: st.id, Index: st.indexFile, Dim: st.facts.Dim}
}

// coded returns what the database says about codes. A row that no writer has written
// counts as none.
func (t *tx) coded() (c coded, err error) {
	if c.number, c.rows, err = t.sidecar(codesKind); err == nil && (c.number < 1 || c.rows < 1 || c.rows > t.rows) {
		c = coded{}
	}
	return c, err
}

// openCodes opens the codes of a state for a search; nil where there are none that fit
// it, and the vectors have to be read.
func (s *Store) openCodes(t *tx) *codes.File {
	c, err := t.coded()
	if err != nil || c.number == 0 {
		return nil
	}
	file, err := codes.Open(s.sidecarPath(codesKind, c.number), t.codesOrigin(), c.rows, os.O_RDONLY)
	if err != nil {
		return nil
	}
	return file
}
