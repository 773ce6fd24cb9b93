package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sheaf/internal/embed"
	"sheaf/internal/kernel"
	"sheaf/internal/provider"
)

// Bounds of the models: at most for a question from start to end, at most for the memory of an
// ingest, at least for the throughput beside another.
const (
	firstLimit        = 40 * time.Millisecond
	rerankLimit       = 600 * time.Millisecond
	modelPeak         = 150e6
	modelTolerance    = 1e-5
	int8Cosine        = 0.99 // at least, between the vectors of int8 and float32
	int8Memory        = 0.5  // at most, of what float32 takes
	int8Times         = 2.3  // at least, of the throughput of float32
	firstTime         = 1.5  // at most, of the time of the first version of builtin
	multilingualShare = 0.6  // at least, of the throughput of builtin
)

// What is embedded.
const (
	question        = "why does old paper turn yellow"
	longCharacters  = 1000
	shortCharacters = 100
	longTexts       = 32
	shortTexts      = 320
)

// engines are the peers, as bench/model_peer.py knows them.
var engines = []string{"onnxruntime", "sentence-transformers", onnxInt8}

const onnxInt8 = "onnxruntime-int8" // dynamic quantisation, as ONNX Runtime does it by default

// embedders are sheaf's own contenders.
var embedders = []string{"builtin", "builtin:1", "builtin:multilingual", "minilm", "minilm:int8", "multilingual"}

// ratios are how many times the throughput of another an embedder is to reach.
var ratios = []struct {
	ours, other string
	least       float64
}{
	{"minilm", "onnxruntime", 1}, {"minilm", "sentence-transformers", 1.2},
	{"minilm:int8", "minilm", int8Times}, {"minilm:int8", "onnxruntime", 2.5}, {"minilm:int8", onnxInt8, 1.7},
	{"multilingual", "minilm", 2},
	{"builtin", "builtin:1", 1 / firstTime}, {"builtin:multilingual", "builtin", multilingualShare},
}

// loads are what is embedded, and by how many threads.
var loads = []struct {
	name    string // of the list in the file of texts
	title   string
	threads int
}{
	{"long", "1,000 characters, 1 thread", 1}, {"long", "1,000 characters, 2 threads", 2},
	{"short", "100 characters, 1 thread", 1}, {"short", "100 characters, 2 threads", 2},
}

// modelBench is what the measurements of the transformer share.
type modelBench struct {
	*bench
	model, python, onnx, file string
	texts                     map[string][]string
}

// withModel calls measure with what it needs.
func withModel(measure func(*modelBench, context.Context) error) func(*bench, context.Context) error {
	return func(b *bench, ctx context.Context) error {
		m := &modelBench{bench: b, onnx: filepath.Join(b.data, "models", "minilm.onnx"), file: filepath.Join(b.data, "texts.json")}
		if err := m.prepare(ctx); err != nil {
			return err
		}
		return measure(m, ctx)
	}
}

// prepare gets the model, the texts and the peers. Where there is no Python, sheaf is
// measured alone, which is said.
func (m *modelBench) prepare(ctx context.Context) (err error) {
	m.model = filepath.Join(m.data, "models", "sheaf", "models", filepath.FromSlash(embed.MiniLM))
	if err := quietly(ctx, "make", "--silent", "real-model", "MODELS="+filepath.Join(m.data, "models")); err != nil {
		return err
	}
	if m.texts, err = modelTexts(filepath.Join("examples", "articles")); err != nil {
		return err
	}
	data, err := json.Marshal(m.texts)
	if err != nil {
		return err
	}
	if err := os.WriteFile(m.file, data, 0o666); err != nil {
		return err
	}
	m.python, err = m.venv(ctx, "venv-models", "sentence_transformers, onnxruntime, onnx, onnxscript, langchain_community, langchain_huggingface, faiss",
		"--requirement", filepath.Join("bench", "model_requirements.txt"))
	if err != nil {
		fmt.Fprintf(m.out, "\nNo comparison with Python: %v\n", err)
		return nil
	}
	if _, err := os.Stat(m.onnx); err != nil {
		if err := quietly(ctx, m.python, peerScript, "export", m.model, m.onnx); err != nil {
			return err
		}
	}
	return quietly(ctx, m.python, peerScript, "quantise", m.onnx)
}

// spec returns the name by which an embedder is made here.
func (m *modelBench) spec(embedder string) string {
	if numbers, found := strings.CutPrefix(embedder, "minilm"); found {
		return "hf:" + m.model + numbers
	}
	if embedder == "multilingual" {
		return "hf:" + filepath.Join(m.data, "models", "sheaf", "models", filepath.FromSlash(embed.USE))
	}
	return embedder
}

var peerScript = filepath.Join("bench", "model_peer.py")

// quietly runs a command that has nothing to say unless it goes wrong.
func quietly(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// modelTexts cuts real text into pieces of two lengths.
func modelTexts(dir string) (map[string][]string, error) {
	words, err := wordsOf(dir)
	if err != nil {
		return nil, err
	}
	text := []rune(strings.Join(words, " "))
	cut := func(size, n int) (pieces []string) {
		for i := range n {
			at := i * size % (len(text) - size)
			pieces = append(pieces, string(text[at:at+size]))
		}
		return pieces
	}
	return map[string][]string{"long": cut(longCharacters, longTexts), "short": cut(shortCharacters, shortTexts)}, nil
}

// throughput measures many texts within running processes.
func (m *modelBench) throughput(ctx context.Context) error {
	peers, err := m.startModelPeers(ctx)
	if err != nil {
		return err
	}
	defer stopPeers(peers)
	rows := [][]string{{"texts"}}
	for _, e := range embedders {
		rows = append(rows, []string{"`" + e + "`"})
	}
	for _, p := range peers {
		rows = append(rows, []string{p.name})
	}
	for _, r := range ratios {
		if contenderOf(r.other, len(peers)) >= 0 {
			rows = append(rows, []string{r.ours + " ÷ " + r.other})
		}
	}
	for _, load := range loads {
		rows[0] = append(rows[0], load.title)
		cells, err := m.load(ctx, peers, load.name, load.threads)
		if err != nil {
			return err
		}
		for i, cell := range cells {
			rows[i+1] = append(rows[i+1], cell)
		}
	}
	m.table("Texts a second (the built-in models compute in one thread):", rows)
	if err := m.processes(ctx); err != nil {
		return err
	}
	return m.ingests(ctx)
}

// contenderOf returns the place of a contender, the peers after the embedders, or -1.
func contenderOf(name string, peers int) int {
	return slices.Index(slices.Concat(embedders, engines[:peers]), name)
}

// load measures one list of texts: each embedder, each peer, and what is to be compared.
func (m *modelBench) load(ctx context.Context, peers []*peer, list string, threads int) ([]string, error) {
	texts := m.texts[list]
	first := map[string][]float32{}
	var contenders []contender
	for _, name := range embedders {
		e, err := provider.New(m.spec(name), embed.Options{Workers: threads, Kernel: kernel.Chosen().String()})
		if err != nil {
			return nil, err
		}
		contenders = append(contenders, repeated(repeats(name), func(ctx context.Context) error {
			vectors, err := embed.Vectors(ctx, e, texts)
			if err == nil {
				first[name] = vectors[0]
			}
			return err
		}))
	}
	for _, p := range peers {
		contenders = append(contenders, p.encode(list, threads))
	}
	took, err := interleave(ctx, m.rounds, contenders...)
	if err != nil {
		return nil, err
	}
	var cells []string
	for _, s := range took {
		cells = append(cells, fmt.Sprintf("%.1f (%.1f)", perSecond(len(texts), s.median()), perSecond(len(texts), s.fastest())))
	}
	for i, p := range peers {
		if off := distance(first["minilm"], p.first); engines[i] != onnxInt8 && off > modelTolerance {
			return nil, fmt.Errorf("%s has another vector, off by %g", p.name, off)
		}
	}
	if cosine := product(first["minilm"], first["minilm:int8"]); !(cosine > int8Cosine) {
		return nil, fmt.Errorf("minilm:int8 has another vector, with the cosine %g", cosine)
	}
	for _, r := range ratios {
		if other := contenderOf(r.other, len(peers)); other >= 0 {
			times := float64(took[other].median()) / float64(took[contenderOf(r.ours, 0)].median())
			cells = append(cells, fmt.Sprintf("%.2f (%s)", times, reached(times, r.least)))
			if list == "long" && threads == 2 {
				m.atLeast(fmt.Sprintf("`%s` ÷ `%s`, texts of 1,000 characters a second, 2 threads", r.ours, r.other), times, r.least, "")
			}
		}
	}
	return cells, nil
}

// product is the inner product of two vectors, their cosine if they have length 1.
func product(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

// reached says how a figure stands to what it must be at least.
func reached(got, least float64) string {
	word := "reached"
	if got < least {
		word = "missed"
	}
	return fmt.Sprintf("%.3g %s", least, word)
}

// distance is the largest difference between two vectors.
func distance(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	most := 0.0
	for i := range a {
		most = max(most, math.Abs(float64(a[i]-b[i])))
	}
	return most
}

func (m *modelBench) startModelPeers(ctx context.Context) ([]*peer, error) {
	var peers []*peer
	for _, e := range engines {
		if m.python == "" {
			break
		}
		p, err := launch(exec.CommandContext(ctx, m.python, peerScript, "serve", e, m.model, m.onnx, m.file))
		if err == nil {
			var hello struct{ Version string }
			if err = p.receive(&hello); err == nil {
				p.name = e + " " + hello.Version
				peers = append(peers, p)
				continue
			}
			err = errors.Join(err, p.stop())
		}
		stopPeers(peers)
		return nil, err
	}
	return peers, nil
}

// encode has the peer embed a list of texts.
func (p *peer) encode(list string, threads int) contender {
	return func(context.Context) (s sample, err error) {
		if _, err := fmt.Fprintln(p.in, list, threads); err != nil {
			return s, err
		}
		var answer struct {
			Seconds float64
			First   []float32
		}
		if err := p.receive(&answer); err != nil {
			return s, err
		}
		p.first = answer.First
		return sample{Wall: time.Duration(answer.Seconds * float64(time.Second))}, nil
	}
}
