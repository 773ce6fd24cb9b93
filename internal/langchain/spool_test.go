package langchain_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/langchain"
	"sheaf/internal/langchain/langchaintest"
	"sheaf/internal/pickle"
)

// TestExpansion: documents that share what they are made of are refused when they
// would take many times the size of the pickle, unless the caller allows it.
func TestExpansion(t *testing.T) {
	t.Parallel()
	keys := map[string]int{}
	for i := range 20_000 {
		keys[fmt.Sprintf("key %d", i)] = i
	}
	metadata, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{
		"a text":          langchaintest.Shared(t, 2000, strings.Repeat("x", 1<<20), []byte("{}")),
		"a short text":    langchaintest.Shared(t, 2000, strings.Repeat("x", 40_000), []byte("{}")),
		"metadata":        langchaintest.Shared(t, 2000, "", metadata),
		"shared by texts": sharedText(t, 2000, strings.Repeat("x", 40_000)),
	} {
		var expansion *langchain.ExpansionError
		var format *langchain.FormatError
		o := langchain.Options{TextsOnly: true}
		if _, err := langchain.OpenFolder(t.Context(), dir, "index", o); !errors.As(err, &expansion) || !errors.As(err, &format) {
			t.Errorf("%s: %v, want an ExpansionError", name, err)
		}
		o.Expansion = 10_000
		s, err := langchain.OpenFolder(t.Context(), dir, "index", o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.Len() != 2000 {
			t.Errorf("%s: %d documents", name, s.Len())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// sharedText writes a store of n documents whose text is one in the pickle.
func sharedText(t *testing.T, n int, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var stream strings.Builder
	fmt.Fprintf(&stream, "V%s\np0\n0clangchain_community.docstore.in_memory\nInMemoryDocstore\n)\x81}V_dict\n}(", text)
	for i := range n {
		fmt.Fprintf(&stream, "I%d\nclangchain.schema\nDocument\n)\x81}V__dict__\n}Vpage_content\ng0\nssb", i)
	}
	stream.WriteString("usb}(")
	for i := range n {
		fmt.Fprintf(&stream, "I%d\nI%d\n", i, i)
	}
	stream.WriteString("u\x86.")
	if err := os.WriteFile(langchain.DocumentsFile(dir, "index"), []byte(stream.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestSpoolFails: an import that cannot write its temporary file does not call the
// pickle damaged.
func TestSpoolFails(t *testing.T) {
	dir := langchaintest.Shared(t, 1, "text", []byte("{}"))
	t.Setenv("TMPDIR", filepath.Join(dir, "missing"))
	_, err := langchain.OpenFolder(t.Context(), dir, "index", langchain.Options{})
	if bad := (*langchain.FormatError)(nil); !errors.Is(err, os.ErrNotExist) || errors.As(err, &bad) {
		t.Errorf("%v, want one about the missing folder", err)
	}
}

// TestOnUnknown: a value of a class that is not known ends the import, or takes its
// document along, or becomes a text.
func TestOnUnknown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const document = "clangchain.schema\nDocument\n)\x81}V__dict__\n}(Vpage_content\nVtext\nVmetadata\n}Vcolor\n%ssusb"
	stream := "clangchain_community.docstore.in_memory\nInMemoryDocstore\n)\x81}V_dict\n}(Va\n" + fmt.Sprintf(document, "K\x01") +
		"Vb\n" + fmt.Sprintf(document, "capp\nColor\nK\x02K\x03\x86R") + "usb}(I0\nVa\nI1\nVb\nI2\nVa\nu\x86."
	if err := os.WriteFile(langchain.DocumentsFile(dir, "index"), []byte(stream), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what         langchain.OnUnknown
		want, remark string
	}{
		{"", "", ""}, {langchain.FailUnknown, "", ""},
		{langchain.SkipUnknown, `a{"color":1} a#2{"color":1} `, `1 document has values of a class that is not known, "app.Color": it was left out`},
		{langchain.TextUnknown, `a{"color":1} b{"color":"app.Color(2, 3)"} a#2{"color":1} `, `1 document has values of a class that is not known, "app.Color": it was read as text`},
	} {
		s, err := langchain.OpenFolder(t.Context(), dir, "index", langchain.Options{TextsOnly: true, OnUnknown: tt.what})
		if tt.want == "" {
			if unknown := (*pickle.UnknownClassError)(nil); !errors.As(err, &unknown) || unknown.Name != "app.Color" {
				t.Errorf("%q: %v, want an UnknownClassError", tt.what, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		got := ""
		for _, d := range collect(t, s) {
			got += d.ID + string(d.Metadata) + " "
		}
		if got != tt.want || !slices.Contains(s.Remarks(), tt.remark) {
			t.Errorf("%q: %s, %q, want %s, %q", tt.what, got, s.Remarks(), tt.want, tt.remark)
		}
	}
}

// TestEnums: a member of an enum is read as its value, whatever the enum, and that is said.
func TestEnums(t *testing.T) {
	t.Parallel()
	const document = "clangchain.schema\nDocument\n)\x81}V__dict__\n}(Vpage_content\nVtext\nVmetadata\n}Vcolor\n%ssusb"
	stream := "clangchain_community.docstore.in_memory\nInMemoryDocstore\n)\x81}V_dict\n}(Va\n" + fmt.Sprintf(document, "capp\nColor\nK\x02\x85R") +
		"Vb\n" + fmt.Sprintf(document, "capp.kinds\nElement.Kind\nVtitle\n\x85R") + "usb}(I0\nVa\nI1\nVb\nu\x86."
	dir := t.TempDir()
	if err := os.WriteFile(langchain.DocumentsFile(dir, "index"), []byte(stream), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := langchain.OpenFolder(t.Context(), dir, "index", langchain.Options{TextsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	docs := collect(t, s)
	if len(docs) != 2 || string(docs[0].Metadata) != `{"color":2}` || string(docs[1].Metadata) != `{"color":"title"}` {
		t.Errorf("%+v", docs)
	}
	if want := `2 documents have members of enums that are not known, such as "app.Color": their values stand in their place`; !slices.Contains(s.Remarks(), want) {
		t.Errorf("%q, want %q", s.Remarks(), want)
	}
}
