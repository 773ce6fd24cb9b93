package loader

import (
	"strings"
	"testing"
)

func TestFrontMatter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want, text string }{
		{"yaml", "---\ntitle: \"A: b\"\ndate: 2024-01-02\ntags: [x, y]\nweight: 10\ndraft: true\nnone:\n---\n# Heading\n",
			`{"title":"A: b","date":"2024-01-02","tags":["x","y"],"weight":10,"draft":true,"none":null}`, "# Heading\n"},
		{"order and nesting", "---\r\nz:\r\n  b: {c: 1.50}\r\n  2024: yes\r\na:\r\n- - 0x1F\r\n  - 1_000\r\n- .nan\r\n...\r\nText",
			`{"z":{"b":{"c":1.50},"2024":"yes"},"a":[["0x1F","1_000"],".nan"]}`, "Text"},
		{"numbers and words", "---\nn: 12345678901234567890123\nzip: 01234\nt: True\nf: FALSE\nz: ~\n---\n",
			`{"n":12345678901234567890123,"zip":"01234","t":true,"f":false,"z":null}`, ""},
		{"lines", "---\ntext: |\n  one\n  two\n---  \nx", `{"text":"one\ntwo\n"}`, "x"},
		{"repeated keys", "---\na: 1\na: 2\n---\nx", `{"a":2}`, "x"},
		{"comments alone", "---\n# nothing\n---\nx", `{}`, "x"},
		{"empty", "---\n---\nx", `{}`, "x"},
		{"toml", "+++\ntitle = 'A'\ndate = 2024-01-02\nat = 2024-01-02T03:04:05Z\nb = [1, 2.5]\n[params]\nk = true\n+++\nx",
			`{"at":"2024-01-02T03:04:05Z","b":[1,2.5],"date":"2024-01-02","params":{"k":true},"title":"A"}`, "x"},
		{"not closed", "---\na: 1\n", `{}`, "---\na: 1\n"},
		{"a rule", "---\nA paragraph.\n\n---\nx", `{}`, "---\nA paragraph.\n\n---\nx"},
		{"not at the beginning", "\n---\na: 1\n---\n", `{}`, "\n---\na: 1\n---\n"},
		{"longer than front matter", "---\n" + strings.Repeat("a: 1\n", maxFrontMatter/4) + "---\n", `{}`, ""},
		{"nothing", "", `{}`, ""},
	} {
		src := from(Text, test.in)
		src.Name = "a.MD"
		rec, err := readOne(t, src, ReadOptions{})
		if err != nil || rec.Metadata.String() != test.want || test.text != "" && rec.Text != test.text {
			t.Errorf("%s: %s %q, %v", test.name, rec.Metadata, rec.Text, err)
		}
		if whole := strings.ReplaceAll(test.in, "\r\n", "\n"); rec.SkippedRunes != len(whole)-len(rec.Text) || rec.SkippedLines != strings.Count(whole[:rec.SkippedRunes], "\n") {
			t.Errorf("%s: skipped %d lines, %d characters", test.name, rec.SkippedLines, rec.SkippedRunes)
		}
	}
}

// What is meant to be front matter and cannot be read stays in the text, and is told.
func TestFrontMatterBad(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"---\na: b: c\n---\nx":                                                        "not metadata in YAML, so it stays in the text: yaml:",
		"---\na: &a [1]\nb: *a\n---\nx":                                               "line 2: aliases are not supported",
		"---\n? [1, 2]\n: x\n---\nx":                                                  "line 1: a key that is no text",
		"---\na: " + strings.Repeat("[", 200) + "\n---\nx":                            "YAML",
		"---\na: " + strings.Repeat("[", 150) + strings.Repeat("]", 150) + "\n---\nx": "nested deeper than 100",
		"+++\na = \n+++\nx":                                                           "not metadata in TOML, so it stays in the text: toml:",
		"+++\na = nan\n+++\nx":                                                        `"a": json: unsupported value: NaN`,
	} {
		src := from(Text, in)
		src.Name = "a.md"
		r := must(Open(t.Context(), src, ReadOptions{}))
		for rec, err := range r.Records() {
			if err != nil || rec.Text != in || rec.Metadata.String() != "{}" || rec.SkippedLines != 0 {
				t.Errorf("%.40q: %+v, %v", in, rec, err)
			}
		}
		if remarks := strings.Join(r.Remarks(), "\n"); !strings.Contains(remarks, want) {
			t.Errorf("%.40q: remarks %q, want %q", in, remarks, want)
		}
	}
}

// Only Markdown has front matter, and only where the user does not want it as text.
func TestFrontMatterAsText(t *testing.T) {
	t.Parallel()
	const in = "---\na: 1\n---\nx"
	for name, o := range map[string]ReadOptions{"a.txt": {}, "a.md": {FrontMatter: FrontText}} {
		src := from(Text, in)
		src.Name = name
		if rec, err := readOne(t, src, o); err != nil || rec.Text != in || rec.Metadata.String() != "{}" {
			t.Errorf("%s: %+v, %v", name, rec, err)
		}
	}
}

func FuzzFrontMatter(f *testing.F) {
	f.Add("---\na: [1, {b: c}]\n---\nx")
	f.Add("+++\na = 1\n[b]\nc = 2024-01-02\n+++\n")
	f.Add("---\n<<: {a: 1}\n? x\n---\n")
	f.Fuzz(func(t *testing.T, in string) {
		src := from(Text, in)
		src.Name = "a.md"
		r := must(Open(t.Context(), src, ReadOptions{Encoding: "utf-8"}))
		for rec, err := range r.Records() {
			if _, bad := rec.Metadata.Members(); err == nil && (bad != nil || !strings.HasSuffix(strings.ReplaceAll(strings.ReplaceAll(in, "\r\n", "\n"), "\r", "\n"), rec.Text)) {
				t.Errorf("%q: metadata %s, text %q, %v", in, rec.Metadata, rec.Text, bad)
			}
		}
	})
}
