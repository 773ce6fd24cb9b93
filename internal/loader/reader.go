package loader

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/transform"

	"sheaf/internal/metadata"
	"sheaf/internal/program"
)

// ReadOptions say how the bytes of a source become records.
type ReadOptions struct {
	// Encoding is the encoding of the source; "" detects it (JSONL is UTF-8 then, or what its byte order mark says).
	Encoding string

	// TextFields hold the text of a record, which are joined by line breaks; without any it is "text", or "page_content".
	TextFields  Fields `json:"TextField"`
	IDField     string // "" means "id"
	VectorField string // "" means "vector"

	// DetectTypes reads CSV cells as JSON scalars where they look like one, empty ones as null; otherwise all are
	// strings.
	DetectTypes bool
	// FrontMatter is FrontText where the front matter of Markdown files stays in the text; else it is metadata.
	FrontMatter string `json:",omitempty"`
	// Delimiter is the character that separates the cells of CSV; "" finds it.
	Delimiter string `json:",omitempty"`
}

// Reader streams the records of one source. It is not safe for concurrent use.
type Reader struct {
	src  Source
	read func(*Reader, func(Record, error) bool) error
	opts ReadOptions
	raw  *rawReader
	used bool

	remarks   []string
	maxRecord int // in bytes
}

// Open opens a source for reading. The caller must close the reader. Reading fails with the error of ctx when ctx
// is done.
func Open(ctx context.Context, src Source, o ReadOptions) (*Reader, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Encoding != "" {
		if err := ValidEncoding(o.Encoding); err != nil {
			return nil, err
		}
	}
	f, err := findFormat(src.Format)
	if err != nil {
		return nil, readError(src.Name, err)
	}
	raw, err := openRaw(ctx, src)
	if err == nil && src.Convert != "" {
		err = raw.convert(src)
	}
	if err != nil {
		return nil, readError(src.Name, err)
	}
	return &Reader{src: src, read: f.read, opts: o, raw: raw, maxRecord: maxRecord}, nil
}

// Records yields the records in the order of the source. A text file has one, even when it is empty, or one a page where
// form feeds separate its pages. A record
// that cannot be read is yielded as a [*RecordError] and reading goes on; any other error is the last thing yielded.
// The records can be read only once.
func (r *Reader) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if r.used {
			return
		}
		r.used = true
		if err := r.read(r, yield); err != nil && !errors.Is(err, errStopped) {
			yield(Record{}, readError(r.src.Name, err))
		}
	}
}

// errStopped ends reading when the caller wants no more records.
var errStopped = errors.New("stopped")

// Hash returns the SHA-256 of the source's raw bytes, nil until Records has come to the end of the source.
func (r *Reader) Hash() []byte {
	if !r.raw.ended {
		return nil
	}
	return r.raw.hash.Sum(nil)
}

// Remarks returns what users should know of how the source is read, such as an encoding that was guessed. They are
// complete when all records were read.
func (r *Reader) Remarks() []string { return r.remarks }

func (r *Reader) remark(format string, args ...any) {
	r.remarks = append(r.remarks, fmt.Sprintf(format, args...))
}

// BytesRead returns how many bytes of the source were read so far.
func (r *Reader) BytesRead() int64 { return r.raw.read }

// Close closes the source. Standard input stays open.
func (r *Reader) Close() error { return r.raw.Close() }

// Hash returns the SHA-256 of the raw bytes of a source, which it reads.
func Hash(ctx context.Context, src Source) ([]byte, error) {
	raw, err := openRaw(ctx, src)
	if err == nil {
		_, err = io.Copy(io.Discard, raw)
		err = errors.Join(err, raw.Close())
	}
	if err != nil {
		return nil, readError(src.Name, err)
	}
	return raw.hash.Sum(nil), nil
}

// text reads the records of a text file.
func (r *Reader) text(yield func(Record, error) bool) error {
	data, err := r.whole()
	if err != nil {
		return err
	}
	text, err := r.decode(data)
	if err != nil {
		return err
	}
	rec := Record{Text: string(universalNewlines(text))}
	r.takeFrontMatter(&rec)
	return yieldPages(rec, yield)
}

// yieldPages yields the pages of a text, which form feeds separate or end, each with its number as
// metadata; without form feeds the text as it is.
func yieldPages(rec Record, yield func(Record, error) bool) error {
	if !strings.Contains(rec.Text, "\f") {
		yield(rec, nil)
		return nil
	}
	members, err := rec.Metadata.Members()
	if err != nil {
		return err
	}
	pages := strings.Split(rec.Text, "\f")
	if last := len(pages) - 1; strings.TrimSpace(pages[last]) == "" {
		pages = pages[:last]
	}
	for i, text := range pages {
		var b metadata.Builder
		for _, m := range members {
			b.Set(m.Key, m.Value)
		}
		b.Set("page", strconv.AppendInt(nil, int64(i+1), 10))
		rec.Text, rec.Metadata = text, b.Object()
		if !yield(rec, nil) {
			return nil
		}
		rec.SkippedLines += strings.Count(text, "\n")
		rec.SkippedRunes += utf8.RuneCountInString(text) + 1
	}
	return nil
}

// whole returns the bytes of a source that is one text.
func (r *Reader) whole() ([]byte, error) {
	var from io.Reader = r.raw
	if r.src.limit > 0 {
		from = io.LimitReader(from, r.src.limit+1)
	}
	data, err := io.ReadAll(from)
	if err == nil && r.src.limit > 0 && int64(len(data)) > r.src.limit {
		err = fmt.Errorf("%w: more than %s", ErrTooLarge, formatSize(r.src.limit))
	}
	return data, err
}

func (r *Reader) decode(data []byte) ([]byte, error) {
	if !r.src.judged && isBinary(data[:min(len(data), sniffSize)], r.opts.Encoding) {
		return nil, ErrBinary
	}
	if r.opts.Encoding != "" {
		c, err := forcedCharset(r.opts.Encoding, data)
		if err != nil {
			return nil, err
		}
		return c.decode(data, false)
	}
	c, err := detectCharset(data, true)
	if err != nil {
		return nil, err
	}
	r.remarkGuess(c)
	return c.decode(data, true)
}

func (r *Reader) remarkGuess(c charset) {
	if c.uncertain {
		r.remark("read as %s, which is a guess: --encoding names what it is", c.name)
	}
}

// headSize is how many bytes at the beginning of a record file tell its encoding.
const headSize = 64 << 10

// records returns the stream of a record file as UTF-8, in an encoding that is detected when detect is true. A file
// in UTF-8 is not checked, so that a wrong byte fails one record and not the file.
func (r *Reader) records(detect bool) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r.raw, headSize)
	// An error of the reader comes again with the first record.
	head, _ := in.Peek(headSize)
	c, err := r.recordCharset(head, detect)
	if err != nil {
		return nil, err
	}
	r.remarkGuess(c)
	if _, err := in.Discard(c.bom); err != nil {
		return nil, err
	}
	if c.enc == nil {
		return in, nil
	}
	return bufio.NewReaderSize(transform.NewReader(in, newDecoder(c, r.opts.Encoding == "")), headSize), nil
}

func (r *Reader) recordCharset(head []byte, detect bool) (charset, error) {
	if r.opts.Encoding != "" {
		return forcedCharset(r.opts.Encoding, head)
	}
	if detect {
		return detectCharset(head, len(head) < headSize)
	}
	if c, found := findBOM(head); found {
		return c, nil
	}
	return charset{name: "utf-8"}, nil
}

// rawReader reads the bytes of a source, hashes them, and stops when its context is done.
type rawReader struct {
	ctx   context.Context
	in    io.Reader
	close func() error
	hash  hash.Hash // of the file, also where what is read was made of it
	read  int64
	ended bool

	converted string // the command that made what is read of the file; "": none
	blank     bool   // the file is not empty, and the command has printed nothing that shows
}

// convert reads the file to its end, for the hash, and then has its text read instead.
func (r *rawReader) convert(src Source) error {
	_, err := io.Copy(io.Discard, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	text, err := program.Convert(r.ctx, src.Convert, src.Path)
	if err != nil {
		return err
	}
	r.in, r.close, r.converted, r.blank = text, text.Close, src.Convert, r.read > 0
	r.read, r.ended = 0, false
	return nil
}

func openRaw(ctx context.Context, src Source) (*rawReader, error) {
	raw := &rawReader{ctx: ctx, in: src.stdin, close: func() error { return nil }, hash: sha256.New()}
	if src.Path == "" {
		if src.stdin == nil {
			return nil, errors.New("there is no standard input")
		}
		return raw, nil
	}
	f, err := os.Open(src.Path)
	if err != nil {
		return nil, err
	}
	raw.in, raw.close = f, f.Close
	return raw, nil
}

func (r *rawReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.in.Read(p)
	if r.converted == "" {
		r.hash.Write(p[:n])
	}
	r.blank = r.blank && !bytes.ContainsFunc(p[:n], shows)
	if err == io.EOF && r.blank { // else the texts of a file would go without a word
		err = &program.Error{Command: r.converted, Err: errors.New("it printed no text")}
	}
	r.read += int64(n)
	r.ended = err == io.EOF
	return n, err
}

// shows reports whether a character is seen, unlike white space, a byte order mark or a zero.
func shows(c rune) bool {
	return !unicode.IsSpace(c) && !unicode.IsControl(c) && !unicode.Is(unicode.Cf, c)
}

// Close closes the file.
func (r *rawReader) Close() error { return r.close() }
