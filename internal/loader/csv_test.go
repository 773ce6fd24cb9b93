package loader

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sheaf/internal/metadata"
)

func TestCSV(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		detect   bool
		want     []Record
	}{
		{"no row", "", false, nil},
		{"header alone", "text,a\n", false, nil},
		{"text alone", "text\na\nb", false, []Record{{Text: "a", Line: 2}, {Text: "b", Line: 3}}},
		{"id and vector", "vector,id,text\n\"[1, 2.5]\",007,a\n1 2,,b\n,x,c\n", false, []Record{
			{Text: "a", ID: "007", Vector: []float32{1, 2.5}, Line: 2},
			{Text: "b", Vector: []float32{1, 2}, Line: 3},
			{Text: "c", ID: "x", Line: 4}}},
		{"quotes", "\"text\",\"a \"\"b\"\"\"\r\n\"one\r\ntwo\",\"<c,\"\nx,y\r\n", false, []Record{
			{Text: "one\ntwo", Metadata: object(`{"a \"b\"":"<c,"}`), Line: 2},
			{Text: "x", Metadata: object(`{"a \"b\"":"y"}`), Line: 4}}},
		{"blank lines", "text\n\n\na\n\nb\n", false, []Record{{Text: "a", Line: 4}, {Text: "b", Line: 6}}},
		{"strings", "z,text,a\n1,x,\n", false, []Record{{Text: "x", Metadata: object(`{"z":"1","a":""}`), Line: 2}}},
		{"types", "text,a,b,c,d,e,f,g,h\n1,12345678901234567890,-1.50,True,FALSE,,007,1e5,1 \n", true, []Record{
			{Text: "1", Metadata: object(`{"a":12345678901234567890,"b":-1.50,"c":true,"d":false,"e":null,"f":"007","g":1e5,"h":"1 "}`), Line: 2}}},
		{"no types", "text,a,b,c\nx,NaN,null,+1\n", true, []Record{{Text: "x", Metadata: object(`{"a":"NaN","b":"null","c":"+1"}`), Line: 2}}},
		{"plain columns", "text,source,metadata\nx,s,{}\n", false, []Record{{Text: "x", Metadata: object(`{"source":"s","metadata":"{}"}`), Line: 2}}},
	}
	for _, test := range tests {
		got, errs, err := readAll(t, from(CSV, test.in), ReadOptions{DetectTypes: test.detect})
		if diff := cmp.Diff(test.want, got); err != nil || len(errs) > 0 || diff != "" {
			t.Errorf("%s: %v, %v\n%s", test.name, errs, err, diff)
		}
	}
}

// Tables as programs and people write them are read, and what was changed is a remark.
func TestCSVIrregular(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want, remark string }{
		{"semicolons", "a;text\n1,5;x;\n", `{"a":"1,5"} x 2`, `its cells are taken to be separated by ';'`},
		{"tabs", "text\ta\nx, y\t2\n", `{"a":"2"} x, y 2`, `its cells are taken to be separated by '\t'`},
		{"commas first", "text,a;b\nx,1\n", `{"a;b":"1"} x 2`, ""},
		{"sep line", "sep=|\r\na|text\r\n1|x\r\n", `{"a":"1"} x 3`, ""},
		{"no name", ",text\n7,x\n", `{"column 1":"7"} x 2`, `columns without a name of their own are called "column 1"`},
		{"comma at the ends", "text,a,\nx,1,\n", `{"a":"1"} x 2`, `called "column 3"`},
		{"comma at the ends of rows", "text,a\nx,1,,\n", `{"a":"1"} x 2`, ""},
		{"repeated names", "text,a,a,text\nx,1,2,3\n", `{"a":"1","column 3":"2","column 4":"3"} x 2`, `called "column 3", "column 4"`},
		{"taken names", "text,column 3,\nx,1,2\n", `{"column 3":"1","column 3'":"2"} x 2`, `called "column 3'"`},
		{"blanks around names", "id, text ,a\n7,x,1\n", `{"a":"1"} x 2`, ""},
		{"bars", "a|text\n1|x\n", `{"a":"1"} x 2`, `'|'`},
		{"cells left out at the end", "text,a,b\nx,1\n", `{"a":"1","b":""} x 2`, "1 rows have fewer cells than the header has columns: the others count as empty"},
		{"carriage returns", "text,a\rx,1\r", `{"a":"1"} x 2`, ""},
		{"utf-16", encode(t, "utf-16le", "a;text\n1;x\n"), `{"a":"1"} x 2`, `';'`},
	}
	for _, test := range tests {
		r := must(Open(t.Context(), from(CSV, test.in), ReadOptions{}))
		var got []string
		for rec, err := range r.Records() {
			got = append(got, fmt.Sprintf("%s %s %d", rec.Metadata, rec.Text, rec.Line))
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
		}
		if strings.Join(got, "\n") != test.want {
			t.Errorf("%s: %q, want %s", test.name, got, test.want)
		}
		if remarks := strings.Join(r.Remarks(), "\n"); !strings.HasSuffix(remarks, test.remark) || test.remark == "" && remarks != "" {
			t.Errorf("%s: remarks %q, want %q", test.name, remarks, test.remark)
		}
	}
}

// Each name of a header is looked at once: searching all for each would take hours.
func TestCSVManyColumns(t *testing.T) {
	t.Parallel()
	var header strings.Builder
	for i := range 500_000 {
		fmt.Fprintf(&header, "%d,", i)
	}
	in := header.String() + "text\n" + strings.Repeat(",", 500_000) + "x\n"
	if rec, err := readOne(t, from(CSV, in), ReadOptions{}); err != nil || rec.Text != "x" {
		t.Errorf("%q, %v", rec.Text, err)
	}
}

func TestTSV(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/rows.TSV"
	write(t, file, "text\ta\n5\" disk\t\"quo\tted\"\n")
	got, err := readOne(t, findOne(t, file, WalkOptions{}), ReadOptions{})
	want := Record{Text: `5" disk`, Metadata: object(`{"a":"quo\tted"}`), Line: 2}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestCSVBadRecords(t *testing.T) {
	t.Parallel()
	tests := []struct{ row, want string }{
		{"a,b,c", "3 cells for 2 columns"},
		{`a,b"c`, `column 4: bare " in non-quoted-field`},
		{`a,"b"c`, `column 5: extraneous or missing " in quoted-field`},
		{"caf\xe9,1", `column "text" is not UTF-8`},
		{"a,[1", `column "vector": a malformed vector: the closing bracket is missing`},
		{"a,1 x", `column "vector": a malformed vector: number 2 is "x"`},
		{"a,NaN", `column "vector": a malformed vector: number 1 is NaN`},
		{"a,0x1p3", `column "vector": a malformed vector: number 1 is "0x1p3"`},
		{"a,1e39", `column "vector": a malformed vector: number 1 is "1e39", too large for a float32`},
	}
	// Past the bytes that the encoding is told from.
	in := "text,vector\n" + strings.Repeat("a,1\n", headSize/4)
	start := strings.Count(in, "\n")
	for _, test := range tests {
		in += "\"two\nlines\",1\n" + test.row + "\n"
	}
	recs, errs, err := readAll(t, from(CSV, in), ReadOptions{})
	if err != nil || len(errs) != len(tests) || len(recs) != start-1+len(tests) {
		t.Fatalf("%d records, %v, %v", len(recs), errs, err)
	}
	for i, test := range tests {
		if want := fmt.Sprintf("line %d: %s", start+3*i+3, test.want); errs[i].Error() != want {
			t.Errorf("%q: %v, want %s", test.row, errs[i], want)
		}
		if rec := recs[start-1+i]; rec.Line != start+3*i+1 || rec.Text != "two\nlines" {
			t.Errorf("record %+v", rec)
		}
	}
}

// A quote that is not closed says how many lines it takes with it.
func TestCSVSwallowedLines(t *testing.T) {
	t.Parallel()
	const many = `extraneous or missing " in quoted-field: the 3 lines that begin here are not read`
	for _, test := range []struct{ in, want string }{
		{"text,a\nx,1\n\"y,2\nz,3\nz,4\n", "line 3: " + many},
		{"sep=;\ntext;a\nx;1\n\"y;2\nz;3\nz\"w;4\n", "line 4: " + many},
	} {
		recs, errs, err := readAll(t, from(CSV, test.in), ReadOptions{})
		if err != nil || len(recs) != 1 || len(errs) != 1 || errs[0].Error() != test.want {
			t.Errorf("%q: %v, %v, %v, want %s", test.in, recs, errs, err, test.want)
		}
	}
}

// A row without its text fails alone.
func TestCSVRowWithoutText(t *testing.T) {
	t.Parallel()
	recs, errs, err := readAll(t, from(CSV, "a,text\nx\ny,z\n"), ReadOptions{})
	if err != nil || len(recs) != 1 || len(errs) != 1 || errs[0].Error() != "line 2: 1 cells for 2 columns" {
		t.Errorf("%v, %v, %v", recs, errs, err)
	}
}

func TestCSVBadFiles(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"a,b\n1,2\n", `no field "text" or "page_content" (it has "a", "b"): --text-field names`},
		{strings.Repeat("a,", 30) + "b", `"a", "a" and 11 more)`},
		{"text,\"a\n", `extraneous or missing " in quoted-field`},
		{"text\n" + strings.Repeat(french, 5) + "\xff\xfe\n", "no other encoding"},
	}
	for _, test := range tests {
		recs, errs, err := readAll(t, from(CSV, test.in), ReadOptions{})
		if err == nil || !strings.Contains(err.Error(), test.want) || len(recs)+len(errs) > 0 {
			t.Errorf("%.20q: %v, %v, %v; want %s", test.in, recs, errs, err, test.want)
		}
	}
	if _, _, err := readAll(t, from(CSV, "text,caf\xe9\n"), ReadOptions{Encoding: "utf-8"}); err == nil ||
		!strings.Contains(err.Error(), "column 2 of the header is not UTF-8") {
		t.Error(err)
	}
}

func TestCSVEncodings(t *testing.T) {
	t.Parallel()
	in := "text,name\n" + strings.TrimSpace(french) + ",é\n"
	for _, test := range []struct{ force, mark, encoding string }{
		{"", "", "utf-8"},
		{"", "\xef\xbb\xbf", "utf-8"},
		{"", "\xff\xfe", "utf-16le"},
		{"", "", "windows-1252"},
		{"windows-1252", "", "windows-1252"},
	} {
		rec, err := readOne(t, from(CSV, test.mark+encode(t, test.encoding, in)), ReadOptions{Encoding: test.force})
		if err != nil || rec.Text != strings.TrimSpace(french) || rec.Metadata.String() != `{"name":"é"}` || rec.Line != 2 {
			t.Errorf("%+v: %+v, %v", test, rec, err)
		}
	}
	// A character that the sample cuts is no reason to doubt UTF-8.
	cut := "text\n" + strings.Repeat("x", headSize-6) + "é\n"
	if rec, err := readOne(t, from(CSV, cut), ReadOptions{}); err != nil || !strings.HasSuffix(rec.Text, "xé") {
		t.Errorf("cut: %v", err)
	}
}

// A quote that is never closed must not take the rest of the file into memory.
func TestCSVOpenQuote(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	r := must(Open(t.Context(), from(CSV, ""), ReadOptions{}))
	r.maxRecord = limit
	endless := &io.LimitedReader{R: blanks{}, N: 100 * limit}
	r.raw.in = io.MultiReader(strings.NewReader("text\na\n\"open"), endless)
	n := 0
	var last error
	for _, err := range r.Records() {
		n, last = n+1, err
	}
	if n != 2 || !errors.Is(last, errLongRow) || endless.N < 98*limit {
		t.Errorf("%d results, %v, %d bytes left", n, last, endless.N)
	}
}

func TestCSVRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`[a-z"',;\n é日]{1,8}`)
		var in bytes.Buffer
		w := csv.NewWriter(&in)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		rows := [][]string{{"text", "id", "other"}}
		var want []Record
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			rec := Record{Text: cell.Draw(t, "text"), ID: cell.Draw(t, "id")}
			other := cell.Draw(t, "other")
			rec.Metadata = object(`{"other":` + string(metadata.Quote(other)) + `}`)
			rows = append(rows, []string{rec.Text, rec.ID, other})
			want = append(want, rec)
		}
		if err := w.WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		r := must(Open(t.Context(), from(CSV, in.String()), ReadOptions{}))
		var got []Record
		line := 2
		for rec, err := range r.Records() {
			if err != nil {
				t.Fatal(err)
			}
			if rec.Line != line {
				t.Errorf("record on line %d, want %d", rec.Line, line)
			}
			line += 1 + strings.Count(rec.Text+rec.ID+rec.Metadata.String(), "\n") + strings.Count(rec.Metadata.String(), `\n`)
			rec.Line = 0
			got = append(got, rec)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q:\n%s", in.String(), diff)
		}
	})
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("text,id,vector,m\na,1,1 2,\"x\ny\"\n,,,\n"), false, true)
	f.Add([]byte("\xef\xbb\xbftext\ta\r\n\"b\"\t5\" c"), true, false)
	f.Add([]byte("text\n\"a\n\nb\n"), false, false)
	f.Fuzz(func(t *testing.T, data []byte, tabs, detect bool) {
		src := from(CSV, string(data))
		if tabs {
			src.Name = "in.tsv"
		}
		recs, _, _ := readAll(t, src, ReadOptions{DetectTypes: detect})
		last := 1
		for _, rec := range recs {
			if rec.Line <= last {
				t.Errorf("line %d after %d", rec.Line, last)
			}
			last = rec.Line
			if checkObject(rec.Metadata.JSON()) != nil {
				t.Errorf("metadata %q", rec.Metadata)
			}
		}
	})
}
