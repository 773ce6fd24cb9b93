package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/provider"
	"sheaf/internal/store"
	"sheaf/internal/vector"
)

// What a one-shot search by codes may take of one without them.
const (
	realLarge   = 0.27
	realMiddle  = 0.45
	randomLarge = 0.38
	codesGrowth = 0.28 // of the bytes of the vectors
	codesPeak   = 60e6
)

// kinds of vectors: of text, or random directions, which tell codes nothing.
var vectorKinds = []struct {
	name, embedder string
	limits         map[int]float64 // by the number of documents
}{
	{"minilm", "minilm", map[int]float64{middle: realMiddle, large: realLarge}},
	{"builtin", "builtin", map[int]float64{middle: realMiddle, large: realLarge}},
	{"random", "", map[int]float64{large: randomLarge}},
}

// codes compares searches of stores with codes with searches of the same stores without.
func (b *bench) codes(ctx context.Context) error {
	rows := [][]string{{"vectors", "documents", "with codes", "without", "÷", "peak memory", "codes ÷ vectors"}}
	for _, sheaf := range b.before {
		rows[0] = append(rows[0], filepath.Base(sheaf), "÷")
	}
	for _, kind := range vectorKinds {
		g, err := b.generator(ctx, kind.embedder)
		if err != nil {
			return err
		}
		for _, n := range []int{middle, large} {
			row, err := b.codesOf(ctx, kind.name, g, n, kind.limits[n])
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
	}
	b.table("Search, one query, k = 10, one-shot, by codes and by the vectors themselves:", rows)
	return nil
}

func (b *bench) codesOf(ctx context.Context, name string, g *generator, n int, limit float64) ([]string, error) {
	dir := filepath.Join(b.data, "codes-"+name+"-"+strconv.Itoa(n))
	if err := g.store(ctx, dir, n); err != nil {
		return nil, err
	}
	growth, err := codesShare(dir)
	if err != nil {
		return nil, err
	}
	plain, remove, err := withoutCodes(dir)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.data, "query."+name)
	if err := os.WriteFile(file, vector.Bytes(g.query()), 0o666); err != nil {
		return nil, err
	}
	ask := func(sheaf, dir string) contender {
		return process(sheaf, "search-vector", "--store", dir, "-k", "10", "--json", "--binary", "f32", "@"+file)
	}
	contenders := []contender{ask(b.sheaf, dir), ask(b.sheaf, plain)}
	for _, sheaf := range b.before {
		older, err := b.storeOf(ctx, sheaf, dir)
		if err != nil {
			return nil, errors.Join(err, remove())
		}
		contenders = append(contenders, ask(sheaf, older))
	}
	took, err := interleave(ctx, b.rounds, contenders...)
	if err := errors.Join(err, remove()); err != nil {
		return nil, err
	}
	plainLimit := limit
	if len(b.before) > 0 {
		plainLimit = 0 // the limit is of an older binary's time, for which a store without codes stands in
	}
	row := []string{
		name, strconv.Itoa(n), took[0].String(), took[1].String(), shareOf(took[0], took[1], plainLimit),
		fmt.Sprintf("%s (%s)", megabytes(took[0].peak()), verdict(float64(took[0].peak())/codesPeak)),
		fmt.Sprintf("%.3f (%s)", growth, verdict(growth/codesGrowth)),
	}
	for _, s := range took[2:] {
		row = append(row, s.String(), shareOf(took[0], s, limit))
	}
	return row, nil
}

// storeOf gives the store that an earlier build makes of the documents of another, where
// that was not done yet. A folder of LangChain's is what all builds read.
func (b *bench) storeOf(ctx context.Context, sheaf, dir string) (older string, err error) {
	older = dir + "-" + filepath.Base(sheaf)
	if store.Is(older) {
		return older, nil
	}
	folder, err := os.MkdirTemp(b.data, "folder")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	exported := filepath.Join(folder, "exported")
	if err := quietly(ctx, b.sheaf, "export", "--quiet", "--store", dir, "--format", "langchain", exported); err != nil {
		return "", err
	}
	return older, quietly(ctx, sheaf, "import", "--quiet", "--store", older, exported)
}

// codesShare is how large the codes of a store are beside its vectors.
func codesShare(dir string) (float64, error) {
	index, err := indexFile(dir)
	if err != nil {
		return 0, err
	}
	var sizes [2]int64
	for i, pattern := range []string{index, filepath.Join(dir, "codes.*.sidecar")} {
		found, err := filepath.Glob(pattern)
		if err == nil && len(found) != 1 {
			err = fmt.Errorf("%d files are %q, not one", len(found), pattern)
		}
		if err != nil {
			return 0, err
		}
		info, err := os.Stat(found[0])
		if err != nil {
			return 0, err
		}
		sizes[i] = info.Size()
	}
	return float64(sizes[1]) / float64(sizes[0]), nil
}

// withoutCodes makes a store of the same files but for the codes.
func withoutCodes(dir string) (plain string, remove func() error, err error) {
	if plain, err = os.MkdirTemp(filepath.Dir(dir), "plain"); err != nil {
		return "", nil, err
	}
	remove = func() error { return os.RemoveAll(plain) }
	for _, pattern := range []string{"index.*.faiss", "sheaf.db"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		for _, path := range found {
			err = errors.Join(err, os.Link(path, filepath.Join(plain, filepath.Base(path))))
		}
		if err != nil {
			return "", nil, errors.Join(err, remove())
		}
	}
	return plain, remove, nil
}

// generator makes vectors like those of texts: a row is a mixture of the vectors of two of
// them, with some noise, of length 1. Without texts it is random.
type generator struct {
	dim   int
	texts []float32 // vectors
}

// What is embedded: so many pieces of Go's own source, of so many bytes, of which one in
// questions is a query and in no row.
const (
	realTexts   = 4000
	realBytes   = 500
	realNoise   = 0.15 // of a row's length
	realQueries = 40
)

func (b *bench) generator(ctx context.Context, embedder string) (*generator, error) {
	if embedder == "" {
		return &generator{dim: dim}, nil
	}
	kept := filepath.Join(b.data, "texts-"+embedder+".f32")
	if raw, err := os.ReadFile(kept); err == nil {
		return &generator{len(raw) / vector.Size / realTexts, vector.FromBytes(raw)}, nil
	}
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	texts, err := sourceTexts(filepath.Join(strings.TrimSpace(string(root)), "src"))
	if err != nil {
		return nil, err
	}
	name := embedder
	if name == "minilm" {
		models := filepath.Join(b.data, "models")
		if err := quietly(ctx, "make", "--silent", "real-model", "MODELS="+models); err != nil {
			return nil, err
		}
		name = "hf:" + filepath.Join(models, "sheaf", "models", filepath.FromSlash(embed.MiniLM))
	}
	e, err := provider.New(name, embed.Options{})
	if err != nil {
		return nil, err
	}
	g := &generator{}
	for len(texts) > 0 {
		result, err := e.Embed(ctx, texts[:min(100, len(texts))])
		if err != nil {
			return nil, err
		}
		for _, x := range result.Vectors {
			g.dim = len(x)
			g.texts = append(g.texts, x...)
		}
		texts = texts[len(result.Vectors):]
	}
	return g, os.WriteFile(kept, vector.Bytes(g.texts), 0o666)
}

// sourceTexts cuts files of source code into pieces.
func sourceTexts(dir string) (texts []string, err error) {
	enough := errors.New("enough")
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		raw, err := os.ReadFile(path)
		for ; err == nil && len(raw) >= realBytes; raw = raw[realBytes:] {
			texts = append(texts, string(bytes.ToValidUTF8(raw[:realBytes], nil)))
			if len(texts) == realTexts {
				return enough
			}
		}
		return err
	})
	if errors.Is(err, enough) {
		return texts, nil
	}
	return nil, errors.Join(err, fmt.Errorf("%q has only %d pieces of text", dir, len(texts)))
}

// query is the vector of a text that is in no row.
func (g *generator) query() []float32 {
	if g.texts == nil {
		return queries(1)
	}
	return g.texts[:g.dim]
}

// fill makes a function that fills one row after another.
func (g *generator) fill() func([]float32) {
	if g.texts == nil {
		return newVectors(0).fill
	}
	random := rand.New(rand.NewPCG(1, uint64(g.dim)))
	texts := len(g.texts)/g.dim - realQueries
	return func(x []float32) {
		a := g.texts[(realQueries+random.IntN(texts))*g.dim:][:g.dim]
		b := g.texts[(realQueries+random.IntN(texts))*g.dim:][:g.dim]
		share, noise := random.Float32(), realNoise/math.Sqrt(float64(g.dim))
		for i := range x {
			x[i] = share*a[i] + (1-share)*b[i] + float32(noise*random.NormFloat64())
		}
		vector.Normalize(x)
	}
}

// store makes a store of n rows at dir, where it is missing.
func (g *generator) store(ctx context.Context, dir string, n int) error {
	if store.Is(dir) {
		return nil
	}
	fmt.Fprintf(os.Stderr, "bench: making %s\n", dir)
	w, err := store.Create(ctx, dir, engine.Facts{Dim: g.dim, Metric: engine.L2}, engine.Options{})
	if err != nil {
		return err
	}
	docs := make([]engine.Document, n)
	for i := range docs {
		docs[i] = document(i)
	}
	fill, x := g.fill(), make([]float32, g.dim)
	source := engine.Source{Key: "synthetic", Name: "synthetic"}
	r, err := w.Replace(ctx, source)
	for i := 0; err == nil && i < n; i++ {
		fill(x)
		err = r.Add(ctx, docs[i], x, engine.Given)
	}
	if err == nil {
		r.Done(source)
		err = w.Commit(ctx)
	}
	return errors.Join(err, w.Close())
}
