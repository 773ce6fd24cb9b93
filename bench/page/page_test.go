package page

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	const begin = "<!-- a test writes from here -->\n"
	file := filepath.Join(t.TempDir(), "page.md")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	put("before\n" + begin + "old\n" + end + "after\n" + end)
	for range 2 {
		if err := Write(file, "a test", Table([][]string{{"set", "builtin"}, {"defs", ".604"}})); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if want := "before\n" + begin + "| set | builtin |\n| --- | --- |\n| defs | .604 |\n" + end + "after\n" + end; string(got) != want || err != nil {
			t.Errorf("%s, %v\nwant\n%s", got, err, want)
		}
	}
	for _, text := range []string{"", begin, end + begin} {
		put(text)
		if err := Write(file, "a test", "new"); err == nil {
			t.Errorf("%q has a place for a text", text)
		}
		if got, err := os.ReadFile(file); string(got) != text || err != nil {
			t.Errorf("%q became %q, %v", text, got, err)
		}
	}
	if err := Write(filepath.Join(t.TempDir(), "none.md"), "a test", ""); err == nil {
		t.Error("a page that is not there was written")
	}
}
