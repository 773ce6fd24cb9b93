package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// first measures one question, from the start of a process to its end.
func (m *modelBench) first(ctx context.Context) error {
	lines := filepath.Join(m.data, "lines.txt")
	if err := os.WriteFile(lines, []byte(strings.Join(append(m.texts["long"], m.texts["short"]...), "\n")+"\n"), 0o666); err != nil {
		return err
	}
	var names []string
	var one, many []contender
	add := func(sheaf, embedder string) {
		names = append(names, fmt.Sprintf("`%s embed --embedder %s`", filepath.Base(sheaf), embedder))
		one = append(one, process(sheaf, "embed", "--embedder", m.spec(embedder), question))
		many = append(many, process(sheaf, "embed", "--embedder", m.spec(embedder), "--lines", lines, "--binary", "f32"))
	}
	for _, sheaf := range m.before {
		add(sheaf, "minilm")
	}
	for _, e := range embedders {
		add(m.sheaf, e)
	}
	for _, e := range engines {
		if m.python != "" {
			names = append(names, e)
			one = append(one, process(m.python, peerScript, "first", e, m.model, m.onnx, question))
			many = append(many, process(m.python, peerScript, "all", e, m.model, m.onnx, m.file))
		}
	}
	took, err := interleave(ctx, m.rounds, one...)
	if err != nil {
		return err
	}
	filled, err := interleave(ctx, 1, many...)
	if err != nil {
		return err
	}
	rows := [][]string{{"program", "one question, start to end", "peak memory", "peak memory, many texts"}}
	for i, name := range names {
		rows = append(rows, []string{name, took[i].String(), megabytes(took[i].peak()), megabytes(filled[i].peak())})
	}
	m.table("A model's first vector:", rows)
	inFloat, inInt8 := len(m.before)+slices.Index(embedders, "minilm"), len(m.before)+slices.Index(embedders, "minilm:int8")
	m.atMost("`minilm`, one question", inMillis(took[inFloat].median()), inMillis(firstLimit), " ms")
	m.atMost("`minilm`, peak memory of many texts", float64(filled[inFloat].peak())/1e6, modelPeak/1e6, " MB")
	for i, name := range names[:inFloat+1] {
		if i < len(m.before) || i == inFloat {
			m.atMost("`minilm:int8` ÷ "+name+", one question", quotient(took[inInt8], took[i]), 1, "")
			m.atMost("the same, peak memory of many texts", float64(filled[inInt8].peak())/float64(filled[i].peak()), int8Memory, "")
		}
	}
	return m.rerank(ctx)
}

// rerankTexts is how many texts of a question are judged.
const rerankTexts = 50

// rerank measures one question whose best hits a model judges, in a store of the project's
// documentation and the articles.
func (m *modelBench) rerank(ctx context.Context) error {
	store := filepath.Join(m.data, "judged")
	if err := os.RemoveAll(store); err != nil {
		return err
	}
	if err := quietly(ctx, m.sheaf, "ingest", "--quiet", "--store", store, "--embedder", "builtin", "docs", filepath.Join("examples", "articles")); err != nil {
		return err
	}
	asked := []string{"search", "--store", store, "--json", "--mode", "hybrid", question}
	judges := []string{"minilm:int8", "minilm"}
	contenders := []contender{m.command(asked...)}
	for _, judge := range judges {
		contenders = append(contenders, m.command(append(asked, "--rerank", fmt.Sprintf("%s:%d", m.spec(judge), rerankTexts))...))
	}
	took, err := interleave(ctx, m.rounds, contenders...)
	if err != nil {
		return err
	}
	size, err := m.meanSize(ctx, append(asked, "-k", fmt.Sprint(rerankTexts)))
	if err != nil {
		return err
	}
	rows := [][]string{{"judge", "one question, start to end", "peak memory"}, {"none", took[0].String(), megabytes(took[0].peak())}}
	for i, judge := range judges {
		rows = append(rows, []string{"`" + judge + "`", took[i+1].String(), megabytes(took[i+1].peak())})
	}
	m.table(fmt.Sprintf("A question by hybrid whose %d best hits are judged, of %d characters in the mean:", rerankTexts, size), rows)
	m.atMost(fmt.Sprintf("`--rerank minilm:int8:%d`, one question", rerankTexts), inMillis(took[1].median()), inMillis(rerankLimit), " ms")
	return nil
}

// meanSize is how many characters a hit has.
func (m *modelBench) meanSize(ctx context.Context, search []string) (int, error) {
	out, err := exec.CommandContext(ctx, m.sheaf, search...).Output()
	if err != nil {
		return 0, err
	}
	var answer struct{ Hits []answerHit }
	if err := json.Unmarshal(out, &answer); err != nil {
		return 0, err
	}
	if len(answer.Hits) != rerankTexts {
		return 0, fmt.Errorf("%d hits, not %d", len(answer.Hits), rerankTexts)
	}
	sum := 0
	for _, h := range answer.Hits {
		sum += len([]rune(h.Text))
	}
	return sum / len(answer.Hits), nil
}

// processes measures whole processes that embed the long texts, by this build and by earlier ones,
// which knew nothing but float32.
func (m *modelBench) processes(ctx context.Context) error {
	if len(m.before) == 0 {
		return nil
	}
	lines := filepath.Join(m.data, "long.txt")
	if err := os.WriteFile(lines, []byte(strings.Join(m.texts["long"], "\n")+"\n"), 0o666); err != nil {
		return err
	}
	var names []string
	var contenders []contender
	add := func(sheaf, embedder string) {
		names = append(names, fmt.Sprintf("`%s embed --embedder %s`", filepath.Base(sheaf), embedder))
		contenders = append(contenders, process(sheaf, "embed", "--embedder", m.spec(embedder), "--lines", lines, "--binary", "f32"))
	}
	add(m.sheaf, "minilm:int8")
	add(m.sheaf, "minilm")
	for _, sheaf := range m.before {
		add(sheaf, "minilm")
	}
	took, err := interleave(ctx, m.rounds, contenders...)
	if err != nil {
		return err
	}
	rows := [][]string{{"program", "time", "texts a second"}}
	for i, name := range names {
		rows = append(rows, []string{name, took[i].String(), fmt.Sprintf("%.1f", perSecond(longTexts, took[i].median()))})
		if i > 0 {
			m.atLeast(names[0]+" ÷ "+name+", whole processes", quotient(took[i], took[0]), int8Times, "")
		}
	}
	m.table(fmt.Sprintf("%d texts of %d characters, from start to end, %d threads:", longTexts, longCharacters, runtime.GOMAXPROCS(0)), rows)
	return nil
}

// ingests measures how fast English text becomes a store by each of the built-in models.
func (m *modelBench) ingests(ctx context.Context) error {
	tree, dir := filepath.Join(m.data, "tree"), filepath.Join(m.data, "ingested")
	size, err := makeTree(tree, filepath.Join("examples", "articles"))
	if err != nil {
		return err
	}
	names := []string{"builtin", "builtin:1", "builtin:multilingual"}
	var contenders []contender
	for _, name := range names {
		contenders = append(contenders, afresh(dir, m.command("ingest", "--store", dir, "--quiet", "--embedder", name, tree)))
	}
	took, err := interleave(ctx, m.rounds, contenders...)
	if err != nil {
		return err
	}
	chunks, err := documents(ctx, dir)
	if err != nil {
		return err
	}
	rows := [][]string{{"embedder", "time", "chunks a second", "peak memory"}}
	for i, name := range names {
		rows = append(rows, []string{"`" + name + "`", took[i].String(), fmt.Sprintf("%.0f", perSecond(int(chunks), took[i].median())), megabytes(took[i].peak())})
	}
	m.table(fmt.Sprintf("`sheaf ingest` of %s, %d chunks:", megabytes(size), chunks), rows)
	m.atMost("`builtin` ÷ `builtin:1`, time of an ingest", quotient(took[0], took[1]), firstTime, "")
	m.atLeast("`builtin:multilingual` ÷ `builtin`, chunks a second of an ingest", quotient(took[0], took[2]), multilingualShare, "")
	return nil
}

// repeats is how often an embedder is asked in a measurement: the built-in models take too little
// time to be measured once.
func repeats(embedder string) int {
	if strings.HasPrefix(embedder, "builtin") {
		return 50
	}
	return 1
}

// repeated makes a contender of a function of this process that runs n times, of which one is told.
func repeated(n int, f func(context.Context) error) contender {
	all := timed(func(ctx context.Context) error {
		for range n {
			if err := f(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	return func(ctx context.Context) (sample, error) {
		s, err := all(ctx)
		s.Wall /= time.Duration(n)
		return s, err
	}
}

// quotient is how many times as long as other s takes, by the medians.
func quotient(s, other series) float64 { return float64(s.median()) / float64(other.median()) }
