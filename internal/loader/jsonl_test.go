package loader

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sheaf/internal/metadata"
)

func object(text string) metadata.Object { return metadata.Raw([]byte(text)) }

func TestJSONL(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		want     Record
	}{
		{"text alone", `{"text":"a"}`, Record{Text: "a"}},
		{"empty text", `{"text":""}`, Record{}},
		{"escapes", `{"t\u0065xt":"\u00e9\n\ud83d\ude42\"\\"}`, Record{Text: "é\n🙂\"\\"}},
		{"blanks", " \t{ \"text\" :\t\"a\" , \"id\" : \"b\" } \r", Record{Text: "a", ID: "b"}},
		{"id", `{"id":"x","text":"a"}`, Record{Text: "a", ID: "x"}},
		{"number as id", `{"id":12345678901234567890,"text":"a"}`, Record{Text: "a", ID: "12345678901234567890"}},
		{"number as id, verbatim", `{"id":-1.50e3,"text":"a"}`, Record{Text: "a", ID: "-1.50e3"}},
		{"nothing as id", `{"id":null,"text":"a","metadata":null,"vector":null}`, Record{Text: "a"}},
		{"vector", `{"text":"a","vector":[1, -2.5e-1 ,0]}`, Record{Text: "a", Vector: []float32{1, -0.25, 0}}},
		{"metadata verbatim", `{"text":"a","metadata":{"z": 12345678901234567890123, "\u00e4":{"y": [1.0, {"x":"<\u00e9>"}]}, "n":null}}`,
			Record{Text: "a", Metadata: object(`{"z":12345678901234567890123,"ä":{"y":[1.0,{"x":"<\u00e9>"}]},"n":null}`)}},
		{"empty metadata", `{"text":"a","metadata":{}}`, Record{Text: "a"}},
		{"other keys", `{"b":1,"text":"x","a":"<2>"}`, Record{Text: "x", Metadata: object(`{"b":1,"a":"<2>"}`)}},
		{"metadata outranks other keys", `{"b":1,"c":2,"text":"x","metadata":{"d":3,"b":4}}`,
			Record{Text: "x", Metadata: object(`{"d":3,"b":4,"c":2}`)}},
		{"repeated keys", `{"text":"x","text":"y","id":[],"id":"i","a":1,"b":2,"a":3,"metadata":{"c":1,"c":2}}`,
			Record{Text: "y", ID: "i", Metadata: object(`{"c":2,"a":3,"b":2}`)}},
		{"as sheaf lists", `{"id":"i","text":"x","metadata":{"source":"m"},"source":"s","start_line":3,"end_line":4,"vector":[1]}`,
			Record{ID: "i", Text: "x", Metadata: object(`{"source":"m"}`), Source: "s", StartLine: 3, EndLine: 4, Vector: []float32{1}}},
		{"as sheaf lists without metadata", `{"text":"x","metadata":{},"source":"s"}`, Record{Text: "x", Source: "s"}},
		{"source of others", `{"text":"x","source":"s","start_line":3}`,
			Record{Text: "x", Metadata: object(`{"source":"s","start_line":3}`), Source: "s", StartLine: 3}},
		{"no fields by type", `{"text":"x","metadata":{},"source":{"u":1},"start_line":0,"end_line":1.5}`,
			Record{Text: "x", Metadata: object(`{"source":{"u":1},"start_line":0,"end_line":1.5}`)}},
		{"brackets in strings", `{"text":"}\"]{","metadata":{"k}":"]\\"},"l":[["]",{"m":"}"}]]}`,
			Record{Text: `}"]{`, Metadata: object(`{"k}":"]\\","l":[["]",{"m":"}"}]]}`)}},
	}
	for _, test := range tests {
		test.want.Line = 1
		got, err := readOne(t, from(JSONL, test.in), ReadOptions{})
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", test.name, err, diff)
		}
	}
}

func TestJSONLFieldNames(t *testing.T) {
	t.Parallel()
	in := `{"body":"b","text":"t","key":7,"id":8,"emb":[1],"vector":"v","source":"s"}`
	got, err := readOne(t, from(JSONL, in), ReadOptions{TextFields: Fields{"source"}, IDField: "key", VectorField: "emb"})
	want := Record{Text: "s", ID: "7", Vector: []float32{1}, Line: 1,
		Metadata: object(`{"body":"b","text":"t","id":8,"vector":"v"}`)}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// Every bad line fails alone and under its own number.
func TestJSONLBadRecords(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{`{"text":"a"`, "not JSON: unexpected end of JSON input at column 11"},
		{`{"text":"a"} x`, "not JSON: invalid character 'x' after top-level value at column 14"},
		{`{"text":NaN}`, "not JSON: invalid character 'N' looking for beginning of value at column 9"},
		{strings.Repeat("[", 20000), "not JSON: invalid character '[' exceeded max depth at column 10001"},
		{`["text"]`, "not a JSON object"},
		{`"text"`, "not a JSON object"},
		{"{\"text\":\"caf\xe9\"}", "not UTF-8: invalid byte 0xe9 at column 13 (--encoding names another)"},
		{`{}`, `field "text" is missing`},
		{`{"Text":"a"}`, `field "text" is missing`},
		{`{"text":null}`, `field "text" is not a string`},
		{`{"text":5}`, `field "text" is not a string`},
		{`{"text":"a\\\ud83d\ude00\ud800b"}`, `field "text" has half of a surrogate pair, which is no character`},
		{`{"text":"\ude00"}`, `field "text" has half of a surrogate pair, which is no character`},
		{`{"text":"\ud800\u0041"}`, `field "text" has half of a surrogate pair, which is no character`},
		{`{"text":"a","id":"\ud800"}`, `field "id" has half of a surrogate pair, which is no character`},
		{`{"text":"a","id":true}`, `field "id" is neither a string nor a number`},
		{`{"text":"a","id":{}}`, `field "id" is neither a string nor a number`},
		{`{"text":"a","metadata":[]}`, `field "metadata" is not an object`},
		{`{"text":"a","vector":"1"}`, `field "vector": a malformed vector: it is not an array of numbers`},
		{`{"text":"a","vector":[]}`, `field "vector": an empty vector`},
		{`{"text":"a","vector":[1,null]}`, `field "vector": a malformed vector: number 2 is "null"`},
		{`{"text":"a","vector":["1"]}`, `field "vector": a malformed vector: number 1 is "\"1\""`},
		{`{"text":"a","vector":[[1]]}`, `field "vector": a malformed vector: number 1 is "[1]"`},
		{`{"text":"a","vector":[1e39]}`, `field "vector": a malformed vector: number 1 is "1e39", too large for a float32`},
	}
	var in strings.Builder
	for _, test := range tests {
		in.WriteString("{\"text\":\"good\"}\n  \r\n" + test.in + "\n")
	}
	recs, errs, err := readAll(t, from(JSONL, in.String()), ReadOptions{})
	if err != nil || len(recs) != len(tests) || len(errs) != len(tests) {
		t.Fatalf("%d records, %d errors, %v", len(recs), len(errs), err)
	}
	for i, test := range tests {
		if want := fmt.Sprintf("line %d: %s", 3*i+3, test.want); errs[i].Error() != want {
			t.Errorf("%.40s: %v, want %s", test.in, errs[i], want)
		}
		if recs[i].Line != 3*i+1 {
			t.Errorf("record %d on line %d", i, recs[i].Line)
		}
	}
}

func TestRecordErrorUnwraps(t *testing.T) {
	t.Parallel()
	if err := error(&RecordError{Line: 1, Err: errLongRecord}); !errors.Is(err, errLongRecord) {
		t.Error(err)
	}
}

func TestJSONLEncodings(t *testing.T) {
	t.Parallel()
	in := "{\"text\":\"é\"}\n{\"text\":\"日本\"}"
	tests := []struct{ name, in string }{
		{"", in},
		{"", "\xef\xbb\xbf" + in},
		{"", "\xff\xfe" + encode(t, "utf-16le", in)},
		{"utf-8", "\xef\xbb\xbf" + in},
		{"utf-16be", encode(t, "utf-16be", in)},
		{"shift_jis", encode(t, "shift_jis", strings.Replace(in, "é", "猫", 1))},
	}
	for _, test := range tests {
		recs, errs, err := readAll(t, from(JSONL, test.in), ReadOptions{Encoding: test.name})
		if err != nil || len(errs) > 0 || len(recs) != 2 || recs[1].Text != "日本" || recs[1].Line != 2 {
			t.Errorf("%s %.10q: %+v, %v, %v", test.name, test.in, recs, errs, err)
		}
	}
	for _, in := range []string{"", "\n\n", "\xef\xbb\xbf", " \n\t"} {
		if recs, errs, err := readAll(t, from(JSONL, in), ReadOptions{}); err != nil || len(recs)+len(errs) > 0 {
			t.Errorf("%q: %v, %v, %v", in, recs, errs, err)
		}
	}
	// Where a wrong byte of another encoding ends is not known: it ends the source, behind the records before it.
	wrong := strings.Repeat("{\"text\":\"a\"}\n", 20_000) + "{\"text\":\"\xff\"}"
	recs, _, err := readAll(t, from(JSONL, wrong), ReadOptions{Encoding: "shift_jis"})
	var encodingErr *EncodingError
	if !errors.As(err, &encodingErr) || encodingErr.Offset != int64(len(wrong)-3) || len(recs) == 0 {
		t.Errorf("%d records, %v", len(recs), err)
	}
}

func TestLineReader(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{5, 16, 40, 100} {
		var in strings.Builder
		var want []string
		for n := range 60 {
			line := strings.Repeat("x", n)
			in.WriteString(line + "\n")
			want = append(want, line)
		}
		in.WriteString("end")
		want = append(want, "end")
		l := lineReader{in: bufio.NewReaderSize(strings.NewReader(in.String()), 16), limit: limit}
		for i, line := range want {
			got, err := l.next()
			if len(line) >= limit && line != "end" {
				if err != errLongRecord {
					t.Errorf("limit %d: line of %d: %q, %v", limit, len(line), got, err)
				}
			} else if err != nil || string(got) != line {
				t.Errorf("limit %d: line of %d: %q, %v", limit, len(line), got, err)
			}
			if l.number != i+1 {
				t.Errorf("line %d is number %d", i+1, l.number)
			}
		}
		if _, err := l.next(); err != io.EOF {
			t.Errorf("behind the end: %v", err)
		}
	}
}

func TestJSONLLongLine(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	r := must(Open(t.Context(), from(JSONL, ""), ReadOptions{}))
	r.maxRecord = limit
	r.raw.in = io.MultiReader(strings.NewReader("{\"text\":\"a\"}\n"), io.LimitReader(blanks{}, 2*limit),
		strings.NewReader("\n{\"text\":\"b\"}"))
	var got []string
	for rec, err := range r.Records() {
		got = append(got, fmt.Sprint(rec.Line, rec.Text, err))
	}
	want := []string{"1a<nil>", "0line 2: record longer than 64 MiB", "3b<nil>"}
	if !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// What is written comes back, in order and with every number as it was.
func TestJSONLRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var want []Record
		var in bytes.Buffer
		for range rapid.IntRange(0, 5).Draw(t, "records") {
			rec := Record{
				ID:   rapid.String().Draw(t, "id"),
				Text: rapid.String().Draw(t, "text"),
			}
			for range rapid.IntRange(0, 3).Draw(t, "dim") {
				rec.Vector = append(rec.Vector, rapid.Float32Range(-math.MaxFloat32, math.MaxFloat32).Draw(t, "x"))
			}
			if meta := rapid.MapOf(rapid.String(), rapid.Int64()).Draw(t, "metadata"); len(meta) > 0 {
				rec.Metadata = must(metadata.Parse(marshal(t, meta)))
			}
			in.Write(marshal(t, map[string]any{"id": rec.ID, "text": rec.Text, "vector": rec.Vector, "metadata": rec.Metadata}))
			in.WriteString(rapid.SampledFrom([]string{"\n", "\r\n", "\n\n", " \n"}).Draw(t, "end"))
			want = append(want, rec)
		}
		r := must(Open(t.Context(), from(JSONL, in.String()), ReadOptions{}))
		var got []Record
		for rec, err := range r.Records() {
			if err != nil {
				t.Fatal(err)
			}
			rec.Line = 0
			got = append(got, rec)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q:\n%s", in.String(), diff)
		}
	})
}

func marshal(t *rapid.T, v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The parser agrees with encoding/json about what an object holds.
func FuzzJSONL(f *testing.F) {
	f.Add([]byte(`{"text":"a","id":1,"vector":[1,2e3],"metadata":{"a":[{}]},"x":null}`))
	f.Add([]byte("{\"text\":\"\\ud800\", \"\\u0061\" :{ \"b\":\"\\\"}\"} }\n\n[]"))
	f.Add([]byte("\xff\xfe{\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		recs, errs, err := readAll(t, from(JSONL, string(data)), ReadOptions{})
		var wrong *EncodingError
		if err != nil && !errors.As(err, &wrong) {
			t.Fatal(err)
		}
		lines := bytes.Split(data, []byte("\n"))
		if _, marked := findBOM(data); marked || err != nil {
			return
		}
		last := 0
		for _, rec := range recs {
			if rec.Line <= last || rec.Line > len(lines) {
				t.Fatalf("line %d after %d of %d", rec.Line, last, len(lines))
			}
			last = rec.Line
			checkRecord(t, rec, lines[rec.Line-1])
		}
		for _, err := range errs {
			var bad *RecordError
			errors.As(err, &bad)
			if bytes.Equal(bytes.TrimSpace(lines[bad.Line-1]), []byte(`{"text":""}`)) {
				t.Error(err)
			}
		}
	})
}

func checkRecord(t *testing.T, rec Record, line []byte) {
	t.Helper()
	var want map[string]json.RawMessage
	if err := json.Unmarshal(line, &want); err != nil {
		t.Fatalf("%q is a record, but %v", line, err)
	}
	var text string
	if err := json.Unmarshal(want["text"], &text); err != nil || text != rec.Text {
		t.Errorf("%q: text %q, want %q", line, rec.Text, text)
	}
	var meta, own map[string]any
	if err := json.Unmarshal(rec.Metadata.JSON(), &meta); err != nil {
		t.Errorf("%q: metadata %q: %v", line, rec.Metadata, err)
	}
	if json.Unmarshal(want["metadata"], &own) != nil {
		return
	}
	for k, v := range own {
		if diff := cmp.Diff(v, meta[k]); diff != "" {
			t.Errorf("%q: metadata %q: %s", line, k, diff)
		}
	}
}

func BenchmarkJSONL(b *testing.B) {
	line := fmt.Sprintf("{\"id\":\"doc-1\",\"text\":%q,\"metadata\":{\"source\":\"a.txt\",\"page\":3,\"lang\":\"en\"}}\n",
		strings.Repeat(strings.TrimSpace(english)+" ", 15))
	vector := strings.Replace(line, "}}", "},\"vector\":["+strings.Repeat("0.012345678,", 383)+"1]}", 1)
	for _, bench := range []struct{ name, line string }{{"text", line}, {"vector", vector}} {
		b.Run(bench.name, func(b *testing.B) {
			data := strings.Repeat(bench.line, 4<<20/len(bench.line))
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				recs, errs, err := readAll(b, from(JSONL, data), ReadOptions{})
				if len(recs) == 0 || len(errs) > 0 || err != nil {
					b.Fatal(errs, err)
				}
			}
		})
	}
}
