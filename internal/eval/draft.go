package eval

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"

	"sheaf/internal/engine"
)

// Draft is a question made out of a document, for a human to put into the words of
// those who will ask. Text is what answers it; reading it as a question ignores that.
type Draft struct {
	ID     string   `json:"id"`
	Query  string   `json:"query"`
	Expect []string `json:"expect"`
	Text   string   `json:"text"`
}

// NewDrafts makes n questions out of documents that are drawn at random, each with
// the same chance, in the order of the store; fewer where it has not so many. The
// same seed draws the same documents of the same store.
func NewDrafts(ctx context.Context, s Store, o engine.ListOptions, n int, seed uint64) ([]Draft, error) {
	type drawn struct {
		place int
		doc   engine.Document
	}
	var sample []drawn // a reservoir: each document displaces one with the chance n in as many as there were
	source, seen := rand.New(rand.NewPCG(seed, 0)), 0
	for d, err := range s.Documents(ctx, o) {
		if err != nil {
			return nil, err
		}
		if draftQuery(d.Text) == "" {
			continue
		}
		seen++
		if len(sample) < n {
			sample = append(sample, drawn{seen, d})
		} else if i := source.IntN(seen); i < n {
			sample[i] = drawn{seen, d}
		}
	}
	slices.SortFunc(sample, func(a, b drawn) int { return a.place - b.place })
	drafts := make([]Draft, len(sample))
	for i, x := range sample {
		drafts[i] = Draft{fmt.Sprint(i + 1), draftQuery(x.doc.Text), []string{labelOf(x.doc)}, x.doc.Text}
	}
	return drafts, nil
}

// labelOf returns the label that names a document and lasts longest: its lines, else its id.
func labelOf(d engine.Document) string {
	switch {
	case d.StartLine == 0 || d.Source == "":
		return "id:" + d.ID
	case d.EndLine <= d.StartLine:
		return fmt.Sprintf("%s:%d", d.Source, d.StartLine)
	}
	return fmt.Sprintf("%s:%d-%d", d.Source, d.StartLine, d.EndLine)
}

// draftRunes is how long a drafted question is at most.
const draftRunes = 120

// draftQuery returns the beginning of the first line of a text that has a letter:
// its first sentence, without the marks of Markdown. It is "" where there is none.
func draftQuery(text string) string {
	for line := range strings.Lines(text) {
		line = fold(strings.TrimLeft(line, "#>*-+| \t"))
		if !strings.ContainsFunc(line, unicode.IsLetter) {
			continue
		}
		sentence, _, _ := strings.Cut(line, ". ")
		runes := []rune(strings.TrimRight(sentence, ". "))
		if len(runes) <= draftRunes {
			return string(runes)
		}
		cut := string(runes[:draftRunes])
		if blank := strings.LastIndexByte(cut, ' '); blank > 0 {
			cut = cut[:blank]
		}
		return cut
	}
	return ""
}
