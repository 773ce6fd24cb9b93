package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sheaf/internal/embed/embedtest"
)

// What is embedded by a service, and how long that takes to answer.
const (
	serviceTexts      = 10_000
	serviceCharacters = 1000
	serviceDim        = 1536
	serviceRounds     = 5
	serviceLatency    = 100 * time.Millisecond
	serviceInput      = 500 * time.Microsecond // more for each input
)

// Bounds beside LangChain: at least for the time, at most for the memory.
const (
	serviceTimes = 6
	serviceShare = 0.2
)

// service measures an ingest through a service that takes its time, beside
// LangChain with the same texts and the same service.
func (b *bench) service(ctx context.Context) error {
	texts := filepath.Join(b.data, "service.jsonl")
	if err := makeRecords(texts, filepath.Join("examples", "articles")); err != nil {
		return err
	}
	server := embedtest.NewServer(embedtest.ServerOptions{
		Dim:     serviceDim,
		Latency: func(inputs int) time.Duration { return serviceLatency + time.Duration(inputs)*serviceInput },
	})
	defer server.Close()

	dir := filepath.Join(b.data, "serviced")
	names := []string{"sheaf"}
	contenders := []contender{afresh(dir, b.command("ingest", "--store", dir, "--quiet",
		"--embedder", "openai:text-embedding-3-small", "--base-url", server.URL, texts))}
	python, err := b.venv(ctx, "venv-service", "langchain_community, langchain_openai, faiss", "langchain-community", "langchain-openai", "faiss-cpu")
	var alone series
	if err != nil {
		fmt.Fprintf(b.out, "\nNo comparison with LangChain: %v\n", err)
	} else {
		names = append(names, "LangChain")
		contenders = append(contenders, b.langChain(python, server.URL, texts, &alone))
	}
	took, err := interleave(ctx, serviceRounds, contenders...)
	if err != nil {
		return err
	}
	if n, err := documents(ctx, dir); err != nil || n != serviceTexts {
		return errors.Join(err, fmt.Errorf("sheaf stored %d documents, not %d", n, serviceTexts))
	}
	rows := [][]string{{"program", "time", "÷ sheaf", "peak memory", "sheaf ÷ it"}}
	ours := took[0]
	for i, name := range names {
		row := []string{name, took[i].String(), "", megabytes(took[i].peak()), ""}
		if i > 0 {
			times, share := float64(took[i].median())/float64(ours.median()), float64(ours.peak())/float64(took[i].peak())
			row[2], row[4] = fmt.Sprintf("%.1f (%s)", times, reached(times, serviceTimes)), fmt.Sprintf("%.2f (%.2g at most: %s)", share, serviceShare, verdict(share/serviceShare))
		}
		rows = append(rows, row)
	}
	if len(alone) > 0 {
		alone = alone[1:] // the first round does not count
		rows = append(rows, []string{"its `from_texts` alone", alone.String(), fmt.Sprintf("%.1f", float64(alone.median())/float64(ours.median())), "", ""})
	}
	b.table(fmt.Sprintf("%d texts of %d characters through a service that takes %v and %v an input, dim %d:",
		serviceTexts, serviceCharacters, serviceLatency, serviceInput, serviceDim), rows)
	return nil
}

// afresh makes a contender of one that makes a store, which is not there before.
func afresh(dir string, make contender) contender {
	return func(ctx context.Context) (sample, error) {
		if err := os.RemoveAll(dir); err != nil {
			return sample{}, err
		}
		return make(ctx)
	}
}

// after makes a contender of one before which another runs, whose time does not count.
func after(first, measured contender) contender {
	return func(ctx context.Context) (sample, error) {
		if s, err := first(ctx); err != nil {
			return s, err
		}
		return measured(ctx)
	}
}

// langChain is the peer, from its start to its end. What its from_texts took is
// added to alone.
func (b *bench) langChain(python, url, texts string, alone *series) contender {
	folder, report := filepath.Join(b.data, "serviced-langchain"), filepath.Join(b.data, "took.json")
	run := afresh(folder, process(python, "-W", "ignore", filepath.Join("bench", "service_peer.py"), url, texts, folder, report))
	return func(ctx context.Context) (sample, error) {
		s, err := run(ctx)
		if err != nil {
			return s, err
		}
		data, err := os.ReadFile(report)
		if err != nil {
			return s, err
		}
		var took struct {
			Seconds float64
			Vectors int
		}
		err = json.Unmarshal(data, &took)
		if err == nil && took.Vectors != serviceTexts {
			err = fmt.Errorf("LangChain stored %d vectors, not %d", took.Vectors, serviceTexts)
		}
		*alone = append(*alone, sample{Wall: time.Duration(took.Seconds * float64(time.Second))})
		return s, err
	}
}

// makeRecords writes a file of records that all differ, with the words of the
// files in a folder.
func makeRecords(path, from string) error {
	words, err := wordsOf(from)
	if err != nil {
		return err
	}
	all := []rune(strings.Join(words, " "))
	var file bytes.Buffer
	records := json.NewEncoder(&file)
	for i := range serviceTexts {
		number := fmt.Sprintf("%05d ", i)
		at := i * serviceCharacters % (len(all) - serviceCharacters)
		text := number + string(all[at:at+serviceCharacters-len(number)])
		if err := records.Encode(map[string]string{"text": text}); err != nil {
			return err
		}
	}
	return writeOnce(path, file.Bytes())
}
