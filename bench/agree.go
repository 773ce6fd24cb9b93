package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
)

// scoreTolerance is how far a score may be from LangChain's.
const scoreTolerance = 1e-4

// questionsToArticles are asked of the articles by both.
var questionsToArticles = []string{
	question, "how do insects find a partner in the dark", "what makes bread rise", "finding the way by the stars",
	"why do tides come twice a day", "keeping time before quartz", "fire that comes out of mountains", "ice that flows",
	"who keeps bees and why", "a drink from leaves", "rotting kitchen waste into earth", "tying a rope so that it holds",
}

// answerHit is what both say of a document.
type answerHit struct {
	Text  string
	Score float64
}

// agree has LangChain, with HuggingFaceEmbeddings over the same weights, load a store that sheaf
// made with the transformer and exported, and compares the answers to questions.
func (m *modelBench) agree(ctx context.Context) error {
	if m.python == "" {
		return nil
	}
	dir, err := os.MkdirTemp(m.data, "agree-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	store, folder, asked := filepath.Join(dir, "store"), filepath.Join(dir, "langchain"), filepath.Join(dir, "questions.json")
	data, err := json.Marshal(questionsToArticles)
	if err != nil {
		return err
	}
	if err := os.WriteFile(asked, data, 0o666); err != nil {
		return err
	}
	here := "hf:" + m.model
	for _, args := range [][]string{
		{"ingest", "--quiet", "--store", store, "--embedder", here, filepath.Join("examples", "articles")},
		{"export", "--quiet", "--store", store, "--format", "langchain", folder},
	} {
		if err := quietly(ctx, m.sheaf, args...); err != nil {
			return err
		}
	}
	answer := exec.CommandContext(ctx, m.python, filepath.Join("bench", "langchain_peer.py"), m.model, folder, asked)
	answer.Stderr = os.Stderr
	out, err := answer.Output()
	if err != nil {
		return fmt.Errorf("asking LangChain: %w", err)
	}
	var theirs [][]answerHit
	if err := json.Unmarshal(out, &theirs); err != nil {
		return err
	}
	off := 0.0
	for i, q := range questionsToArticles {
		out, err := exec.CommandContext(ctx, m.sheaf, "search", "--json", "--store", store, "--embedder", here, q).Output()
		if err != nil {
			return fmt.Errorf("asking sheaf: %w", err)
		}
		var ours struct{ Hits []answerHit }
		if err := json.Unmarshal(out, &ours); err != nil {
			return err
		}
		worst, err := compareHits(ours.Hits, theirs[i])
		if err != nil {
			return fmt.Errorf("%q: %w", q, err)
		}
		off = max(off, worst)
	}
	fmt.Fprintf(m.out, "\nLangChain with HuggingFaceEmbeddings over the same weights and an exported store gives the same documents to %d questions, with scores within %.1e.\n",
		len(questionsToArticles), off)
	return nil
}

// compareHits returns the largest difference of scores.
func compareHits(ours, theirs []answerHit) (float64, error) {
	if len(ours) != len(theirs) || len(ours) == 0 {
		return 0, fmt.Errorf("%d hits, LangChain has %d", len(ours), len(theirs))
	}
	off := 0.0
	for i := range ours {
		if ours[i].Text != theirs[i].Text {
			return 0, fmt.Errorf("hit %d is %.60q, LangChain's is %.60q", i+1, ours[i].Text, theirs[i].Text)
		}
		off = max(off, math.Abs(ours[i].Score-theirs[i].Score))
	}
	if off > scoreTolerance {
		return off, fmt.Errorf("a score is off by %g", off)
	}
	return off, nil
}
