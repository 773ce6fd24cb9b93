package loader

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// from makes a source of bytes.
func from(f Format, data string) Source {
	return Source{Name: "in", Format: f, stdin: strings.NewReader(data)}
}

// readAll reads all records of a source, the errors of single records, and the error that ended it.
func readAll(t testing.TB, src Source, o ReadOptions) (recs []Record, errs []error, fatal error) {
	t.Helper()
	r, err := Open(t.Context(), src, o)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	for rec, err := range r.Records() {
		var bad *RecordError
		switch {
		case errors.As(err, &bad):
			errs = append(errs, err)
		case err != nil:
			fatal = err
		case fatal != nil:
			t.Error("a record after the end")
		default:
			recs = append(recs, rec)
		}
	}
	return recs, errs, fatal
}

func readOne(t testing.TB, src Source, o ReadOptions) (Record, error) {
	t.Helper()
	recs, errs, err := readAll(t, src, o)
	if err == nil && len(recs) != 1 || len(errs) > 0 {
		t.Fatalf("records %+v, errors %v", recs, errs)
	}
	if err != nil {
		return Record{}, err
	}
	return recs[0], nil
}

func TestReadText(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"", ""},
		{"one\ntwo\n", "one\ntwo\n"},
		{"one\r\ntwo\rthree\r\r\n\r", "one\ntwo\nthree\n\n\n"},
		{"\xef\xbb\xbfmark \ufeff inside", "mark \ufeff inside"},
		{strings.Repeat(" ", sniffSize) + "\x00 so late is text", strings.Repeat(" ", sniffSize) + "\x00 so late is text"},
	}
	for _, test := range tests {
		rec, err := readOne(t, from(Text, test.in), ReadOptions{})
		if err != nil || rec.Text != test.want || rec.Line != 0 || rec.ID != "" || rec.Metadata.String() != "{}" {
			t.Errorf("%q: %+v, %v", test.in, rec, err)
		}
	}
	if _, err := readOne(t, from(Text, "zero\x00"), ReadOptions{}); !errors.Is(err, ErrBinary) {
		t.Errorf("a zero byte: %v", err)
	}
}

func TestHashes(t *testing.T) {
	t.Parallel()
	for _, f := range []Format{Text, JSONL, CSV} {
		data := map[Format]string{
			Text: "a\r\nb", JSONL: "{\"text\":\"a\"}\n\n", CSV: "text\r\na\r\n\"b\"\"\"\r\n",
		}[f]
		file := filepath.Join(t.TempDir(), "in")
		write(t, file, data)
		src := findOne(t, file, WalkOptions{Format: f})
		r := must(Open(t.Context(), src, ReadOptions{}))
		if r.Hash() != nil {
			t.Errorf("%s: a hash before reading", f)
		}
		for _, err := range r.Records() {
			if err != nil {
				t.Error(err)
			}
		}
		want := sha256.Sum256([]byte(data))
		if !bytes.Equal(r.Hash(), want[:]) || r.BytesRead() != int64(len(data)) {
			t.Errorf("%s: hash %x of %d bytes, want %x of %d", f, r.Hash(), r.BytesRead(), want, len(data))
		}
		for range r.Records() {
			t.Errorf("%s: read twice", f)
		}
		if got, err := Hash(t.Context(), src); err != nil || !bytes.Equal(got, want[:]) {
			t.Errorf("%s: Hash %x, %v", f, got, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestHashOfPart(t *testing.T) {
	t.Parallel()
	for _, src := range []Source{
		from(JSONL, strings.Repeat("{\"text\":\"a\"}\n", 100_000)),
		from(CSV, "text\n"+strings.Repeat("a\n", 100_000)),
	} {
		r := must(Open(t.Context(), src, ReadOptions{}))
		n := 0
		for range r.Records() {
			n++
			break
		}
		if n != 1 || r.Hash() != nil {
			t.Errorf("%s: left after %d records, hash %x", src.Format, n, r.Hash())
		}
	}
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "a.txt")
	write(t, file, "four")
	src := findOne(t, file, WalkOptions{MaxFileSize: 4})
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("reading %q: no such file or directory", src.Name)
	if _, err := Open(t.Context(), src, ReadOptions{}); err == nil || err.Error() != want {
		t.Errorf("removed: %v, want %s", err, want)
	}
	if _, err := Hash(t.Context(), src); err == nil || err.Error() != want {
		t.Errorf("hash of removed: %v, want %s", err, want)
	}
	write(t, file, "fives")
	if _, err := readOne(t, src, ReadOptions{}); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "4 bytes") {
		t.Errorf("grown: %v", err)
	}
	for _, f := range []Format{Text, JSONL, CSV} {
		broken := Source{Name: "in", Format: f, stdin: io.MultiReader(strings.NewReader("text\n"), failing{})}
		if _, _, err := readAll(t, broken, ReadOptions{}); !errors.Is(err, errFailing) {
			t.Errorf("%s from a failing reader: %v", f, err)
		}
	}
	if _, err := Open(t.Context(), Source{Name: "stdin"}, ReadOptions{}); err == nil {
		t.Error("opened no standard input")
	}
	if _, err := Open(t.Context(), from(Text, ""), ReadOptions{Encoding: "nonsense"}); err == nil {
		t.Error("opened with an unknown encoding")
	}
	if _, err := Open(t.Context(), from(Text, ""), ReadOptions{TextFields: Fields{"id"}}); err == nil {
		t.Error("opened with text and id in one field")
	}
}

var errFailing = errors.New("failing")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errFailing }

func TestReadCancelled(t *testing.T) {
	t.Parallel()
	for _, f := range []Format{Text, JSONL, CSV} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r := must(Open(ctx, from(f, "text\n"), ReadOptions{}))
		n := 0
		for _, err := range r.Records() {
			if n++; !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", f, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d errors", f, n)
		}
		if _, err := Hash(ctx, from(f, "")); !errors.Is(err, context.Canceled) {
			t.Errorf("hash: %v", err)
		}
	}
}
