package loader

import (
	"fmt"
	"strings"
	"testing"
)

// An array of objects is records, in a .json file as in one that is called .jsonl.
func TestArray(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{"formatted", "[\n  {\n    \"text\": \"a\"\n  },\n  {\"id\": 7, \"text\": \"b\", \"n\": 1e400}\n]\n", "2 a {}|5 b7 {\"n\":1e400}"},
		{"in a line", "\n [{\"text\":\"a\"},{\"text\":\"b\"}]", "2 a {}|2 b {}"},
		{"empty", "[]", ""},
		{"bad elements", "[{\"text\":\"a\"},\n{},\n[],\n{\"text\":\"b\"}]", "1 a {}|line 2: field \"text\" is missing|line 3: not a JSON object|4 b {}"},
		{"mark", "\xef\xbb\xbf[{\"text\":\"a\"}]", "1 a {}"},
		{"cut", "[{\"text\":\"a\"},\n{\"text\":", "1 a {}|reading \"in\": after line 1: not JSON: unexpected EOF"},
		{"not closed", "[{\"text\":\"a\"}\n\n", "1 a {}|reading \"in\": after line 1: not JSON: EOF"},
		{"comma at the end", "[{\"text\":\"a\"},\n]", "1 a {}|reading \"in\": after line 1: not JSON: invalid character ']' looking for beginning of value"},
		{"two", "[{\"text\":\"a\"}]\n[{\"text\":\"b\"}]", "1 a {}|reading \"in\": line 2: more than one JSON array"},
	} {
		for _, f := range []Format{JSON, JSONL} {
			r := must(Open(t.Context(), from(f, test.in), ReadOptions{}))
			var got []string
			for rec, err := range r.Records() {
				line := fmt.Sprintf("%d %s%s %s", rec.Line, rec.Text, rec.ID, rec.Metadata)
				if err != nil {
					line = err.Error()
				}
				got = append(got, line)
			}
			if all := strings.Join(got, "|"); all != test.want {
				t.Errorf("%s as %s: %s, want %s", test.name, f, all, test.want)
			}
		}
	}
	if _, _, err := readAll(t, from(JSON, `{"text":"a"}`), ReadOptions{}); err == nil || !strings.Contains(err.Error(), "not a JSON array (--format text") {
		t.Error(err)
	}
}

// An element that never ends must not take the file into memory.
func TestArrayLongElement(t *testing.T) {
	t.Parallel()
	r := must(Open(t.Context(), from(JSON, `[{"text":"`+strings.Repeat("x", 1<<20)), ReadOptions{}))
	r.maxRecord = 1 << 16
	for _, err := range r.Records() {
		if err == nil || !strings.Contains(err.Error(), errLongRecord.Error()) || r.BytesRead() > 1<<18 {
			t.Errorf("%v after %d bytes", err, r.BytesRead())
		}
	}
}

// Objects that are formatted over several lines are one error; a line that was cut is one too, and the rest is read.
func TestJSONLFormatted(t *testing.T) {
	t.Parallel()
	recs, errs, err := readAll(t, from(JSONL, strings.Repeat("{\n  \"text\": \"a\"\n}\n", 1000)), ReadOptions{})
	if err == nil || !strings.Contains(err.Error(), errPretty.Error()) || len(recs)+len(errs) > 0 {
		t.Errorf("%d records, %d errors, %v", len(recs), len(errs), err)
	}
	for in, want := range map[string]int{"{\"text\":\n{\"text\":\"a\"}\n": 1, "{\"text\":": 0} {
		recs, errs, err = readAll(t, from(JSONL, in), ReadOptions{})
		if err != nil || len(recs) != want || len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "line 1: not JSON") {
			t.Errorf("%q: %v, %v, %v", in, recs, errs, err)
		}
	}
}

// Commas between the lines of JSONL are left out, with a remark.
func TestJSONLCommas(t *testing.T) {
	t.Parallel()
	r := must(Open(t.Context(), from(JSONL, "{\"text\":\"a\"},\r\n{\"text\":\"b\"} ,\n{\"text\":\"c\"}\n"), ReadOptions{}))
	texts := ""
	for rec, err := range r.Records() {
		texts += rec.Text
		if err != nil {
			t.Error(err)
		}
	}
	if remarks := r.Remarks(); texts != "abc" || len(remarks) != 1 || !strings.Contains(remarks[0], "commas") {
		t.Errorf("%q, remarks %q", texts, remarks)
	}
}

// A .json file is read as records or as a text by how it begins, unless WalkOptions.Format says which.
func TestJSONFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, test := range []struct {
		in   string
		told Format
		want Format
	}{
		{" [\n {\"text\":\"a\"}]", Auto, JSON},
		{"\xef\xbb\xbf[{}]", Auto, JSON},
		{"\xff\xfe[\x00{\x00}\x00]\x00", Auto, JSON}, // as PowerShell writes it
		{"\xff\xfe{\x00}\x00", Auto, Text},
		{"\xff\xfe[\x00\x00\xdc{\x00", Auto, Text},
		{`{"text":"a"}`, Auto, Text},
		{`["a"]`, Auto, Text},
		{`[]`, Auto, Text},
		{``, Auto, Text},
		{`[{"text":"a"}]`, Text, Text},
		{`{"text":"a"}`, JSON, JSON},
	} {
		file := dir + "/a.json"
		write(t, file, test.in)
		if src := findOne(t, file, WalkOptions{Format: test.told}); src.Format != test.want {
			t.Errorf("%q as %s: %s, want %s", test.in, test.told, src.Format, test.want)
		}
	}
	write(t, dir+"/a.json", "{"+strings.Repeat(" ", 100)+"}")
	for f := range Walk(t.Context(), []string{dir}, WalkOptions{MaxFileSize: 50}) {
		if f.Skip != "larger than 50 bytes" {
			t.Errorf("%+v", f)
		}
	}
}

// A file that the user names, as a format, is not judged by its bytes; those of a folder are.
func TestZeroBytesNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := dir + "/log.txt"
	write(t, file, "one\x00two")
	src := findOne(t, file, WalkOptions{Format: Text})
	if rec, err := readOne(t, src, ReadOptions{}); err != nil || rec.Text != "one\x00two" {
		t.Errorf("%q, %v", rec.Text, err)
	}
	for f := range Walk(t.Context(), []string{dir}, WalkOptions{Format: Text}) {
		if f.Skip != "binary" {
			t.Errorf("met in its folder: %+v", f)
		}
	}
	for f := range Walk(t.Context(), []string{file}, WalkOptions{}) {
		if f.Err == nil || !strings.HasPrefix(f.Err.Error(), "binary: --convert '*.txt=COMMAND'") {
			t.Errorf("named without a format: %+v", f)
		}
	}
	for f := range Walk(t.Context(), []string{file}, WalkOptions{Listed: 1}) {
		if f.Skip != "binary" {
			t.Errorf("listed: %+v", f)
		}
	}
}
