package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"sheaf/internal/embed"
	"sheaf/internal/provider"
	"sheaf/internal/vector"
)

// Real text is that of the files below a folder: paragraphs of source code and prose, cut where
// they are long. Some projects, one in aside, are left out; the first sentence of a comment in
// their files is a question. So no question is a row, nor like one because the project repeats it.
const (
	passageLeast = 40 // bytes
	passageMost  = 500
	aside        = 16
	askedLeast   = 30
	askedMost    = 200
	embedded     = 1000 // texts at once
)

// approximateText compares over the vectors that the built-in model gives a million passages of
// the Go modules of this machine, or of the folder of -text.
func (b *bench) approximateText(ctx context.Context) error {
	return b.compareLists(ctx, "text", func(ctx context.Context, dir string) error {
		root := b.text
		if root == "" {
			out, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
			if err != nil {
				return err
			}
			root = strings.TrimSpace(string(out))
		}
		e, err := provider.New("builtin", embed.Options{})
		if err != nil {
			return err
		}
		p := newPassages(root)
		if err := p.walk(); err != nil {
			return err
		}
		return errors.Join(p.ask(ctx, e, dir), p.write(ctx, e, filepath.Join(dir, "matrix")))
	})
}

// passages reads the files of a folder in a random order, which is the same every time.
type passages struct {
	root  string
	files []string
	seed  maphash.Seed
	seen  map[uint64]bool
}

func newPassages(root string) *passages {
	return &passages{root: root, seed: maphash.MakeSeed(), seen: map[uint64]bool{}}
}

func (p *passages) walk() error {
	err := filepath.WalkDir(p.root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && slices.Contains([]string{".go", ".md", ".txt"}, filepath.Ext(path)) {
			p.files = append(p.files, path)
		}
		return err
	})
	rand.New(rand.NewPCG(9, 9)).Shuffle(len(p.files), func(i, j int) { p.files[i], p.files[j] = p.files[j], p.files[i] })
	return err
}

// heldOut reports whether the project of a file is left out: the first two folders, without a
// version.
func (p *passages) heldOut(path string) bool {
	relative, err := filepath.Rel(p.root, path)
	parts := strings.SplitN(filepath.ToSlash(relative), "/", 3)
	project, _, _ := strings.Cut(strings.Join(parts[:min(2, len(parts))], "/"), "@")
	sum := 0
	for _, c := range []byte(project) {
		sum = sum*31 + int(c)
	}
	return err == nil && uint(sum)%aside == 0
}

var sentence = regexp.MustCompile(`(?m)^// ([A-Z][^\n]*(?:\n// [^\n]+)*?[.?])(?:\s|$)`)

// ask writes the questions, one a file at most.
func (p *passages) ask(ctx context.Context, e embed.Embedder, dir string) error {
	const n = choosingQuestions + judgingQuestions
	var questions []string
	for _, path := range p.files {
		if len(questions) == n {
			break
		}
		if !p.heldOut(path) || filepath.Ext(path) != ".go" {
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, match := range sentence.FindAllSubmatch(raw, -1) {
			question := strings.ReplaceAll(string(match[1]), "\n// ", " ")
			if len(question) < askedLeast || len(question) > askedMost || p.before([]byte(question)) {
				continue
			}
			questions = append(questions, question)
			break
		}
	}
	if len(questions) < n {
		return fmt.Errorf("%q has only %d comments that can be questions, not %d", p.root, len(questions), n)
	}
	vectors, err := embed.Vectors(ctx, e, questions)
	if err != nil {
		return err
	}
	return writeAsked(dir, slices.Concat(vectors...), len(vectors[0]))
}

// before reports whether a text came before, and keeps it.
func (p *passages) before(text []byte) bool {
	key := maphash.Bytes(p.seed, text)
	known := p.seen[key]
	p.seen[key] = true
	return known
}

// write writes the vectors of a million passages, no two of which are the same text.
func (p *passages) write(ctx context.Context, e embed.Embedder, dir string) error {
	return errors.Join(os.MkdirAll(dir, 0o777), writing(dir+"/vectors.npy", func(rows io.Writer) error {
		return writing(dir+"/vectors.jsonl", func(lines io.Writer) error {
			w := &passageWriter{rows: rows, lines: lines, e: e}
			for _, path := range p.files {
				if p.heldOut(path) {
					continue
				}
				raw, err := os.ReadFile(path)
				if err == nil {
					err = w.add(ctx, p.of(raw))
				}
				if err != nil || w.n == large {
					return err
				}
			}
			return fmt.Errorf("%q has only %d passages of text, not %d", p.root, w.n, large)
		})
	}))
}

// of cuts a file into passages that did not come before.
func (p *passages) of(raw []byte) (texts []string) {
	if !utf8.Valid(raw) {
		return nil
	}
	for paragraph := range bytes.SplitSeq(raw, []byte("\n\n")) {
		for len(paragraph) >= passageLeast {
			piece := paragraph
			if len(piece) > passageMost {
				piece = piece[:passageMost]
				if end := bytes.LastIndexByte(piece, '\n'); end >= passageLeast {
					piece = piece[:end]
				}
			}
			paragraph = paragraph[len(piece):]
			if text := bytes.TrimSpace(bytes.ToValidUTF8(piece, nil)); len(text) >= passageLeast && !p.before(text) {
				texts = append(texts, string(text))
			}
		}
	}
	return texts
}

// passageWriter writes vectors of texts, many at once.
type passageWriter struct {
	rows, lines io.Writer
	e           embed.Embedder
	waiting     []string
	n           int
}

func (w *passageWriter) add(ctx context.Context, texts []string) error {
	w.waiting = append(w.waiting, texts...)
	for len(w.waiting) >= embedded && w.n < large {
		vectors, err := embed.Vectors(ctx, w.e, w.waiting[:embedded])
		if err != nil {
			return err
		}
		if w.n == 0 {
			_, err = w.rows.Write(vector.NpyHeader(large, len(vectors[0])))
		}
		for _, x := range vectors {
			if err == nil {
				_, err = w.rows.Write(vector.Bytes(x))
			}
			if err == nil {
				_, err = fmt.Fprintf(w.lines, `{"id":"row-%d","text":""}`+"\n", w.n)
			}
			w.n++
		}
		if err != nil {
			return err
		}
		w.waiting = append(w.waiting[:0], w.waiting[embedded:]...)
	}
	return nil
}
