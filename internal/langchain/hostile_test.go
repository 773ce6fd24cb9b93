package langchain_test

import (
	"errors"
	"testing"

	"sheaf/internal/langchain"
	"sheaf/internal/langchain/langchaintest"
)

// TestHostile reads every hostile file; cmd does it again in a process of its
// own, with what it costs measured, and with the types of index that take the
// Faiss library.
func TestHostile(t *testing.T) {
	t.Parallel()
	dir, all := langchaintest.Hostiles(t)
	for _, h := range all {
		t.Run(h.File, func(t *testing.T) {
			t.Parallel()
			err := readAll(t, h.Place(t, dir), h.Kind == "bytes")
			var format *langchain.FormatError
			switch {
			case err == nil && h.Outcome == "refuse":
				t.Errorf("accepted: %s", h.Why)
			case err != nil && (h.Outcome == "accept" || !errors.As(err, &format)):
				t.Errorf("%s: %v", h.Why, err)
			}
		})
	}
}

func readAll(t *testing.T, path string, blob bool) (err error) {
	var s *langchain.Store
	if blob {
		s, err = langchain.OpenBytes(t.Context(), path, langchain.Options{})
	} else {
		s, err = langchain.OpenFolder(t.Context(), path, "index", langchain.Options{})
	}
	if err != nil {
		return err
	}
	defer s.Close()
	for _, err := range s.Documents(t.Context()) {
		if err != nil {
			return err
		}
	}
	return nil
}
