package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestAddVectors(t *testing.T) {
	t.Parallel()
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "new", "to")
	if err := os.WriteFile(from, []byte(`{"id": "a", "text": "known"}`+"\n"+`{"id": "b", "text": "new"}`+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	unknown, err := embeddedTexts{"known": json.RawMessage("[1,2]")}.add(from, to)
	if err != nil || unknown != 1 {
		t.Errorf("%d unknown, %v", unknown, err)
	}
	b, err := os.ReadFile(to)
	const want = `{"id":"a","text":"known","vector":[1,2]}` + "\n" + `{"id":"b","text":"new"}` + "\n"
	if err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
	if err := os.WriteFile(from, []byte(`{"id": `), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := (embeddedTexts{}).add(from, to); err == nil {
		t.Error("half a record passes")
	}
	if _, err := (embeddedTexts{}).add(from+"x", to); err == nil {
		t.Error("no file, and no error")
	}
}
