package cmd

import (
	"fmt"
	"strings"

	"sheaf/internal/engine"
)

// queryExplanation is how the words of a query were weighed.
type queryExplanation struct {
	Words       []weighedWord `json:"words"`
	Coverage    number        `json:"coverage"`
	Identifiers number        `json:"identifiers"`
	*fusion
}

// fusion is how words and meaning were fused.
type fusion struct {
	Weight    number `json:"weight"`
	Best      number `json:"best"`
	Mean      number `json:"mean"`
	Deviation number `json:"deviation"`
}

type weighedWord struct {
	Word   string `json:"word"`
	Weight number `json:"weight"`
}

// hitExplanation is why a document was found.
type hitExplanation struct {
	Vector *vectorExplanation `json:"vector,omitempty"`
	Words  *wordsExplanation  `json:"words,omitempty"`
}

type vectorExplanation struct {
	Rank  int     `json:"rank,omitempty"`
	Score number  `json:"score"`
	Z     *number `json:"z,omitempty"`
}

type wordsExplanation struct {
	Rank  int           `json:"rank"`
	Score number        `json:"score"`
	Words []weighedWord `json:"words"`
	Adds  *number       `json:"adds,omitempty"`
}

func newWeighedWords(words []engine.WeighedWord) []weighedWord {
	all := make([]weighedWord, len(words))
	for i, w := range words {
		all[i] = weighedWord{w.Word, number(w.Weight)}
	}
	return all
}

// newQueryExplanation returns what the explanations of hits share, nil where they have
// nothing.
func newQueryExplanation(found []engine.Hit) *queryExplanation {
	if len(found) == 0 || found[0].Explanation == nil || found[0].Explanation.Query == nil {
		return nil
	}
	of := found[0].Explanation.Query
	e := &queryExplanation{Words: newWeighedWords(of.Words)}
	if w := of.Terms.Weight; w > 0 {
		e.Coverage, e.Identifiers = number(of.Terms.Covered/w), number(of.Terms.Identifiers/w)
	}
	if f := of.Fusion; f != (engine.Fusion{}) {
		e.fusion = &fusion{number(f.Weight), number(f.Best), number(f.Mean), number(f.Deviation)}
	}
	return e
}

func newHitExplanation(h engine.Hit) *hitExplanation {
	of := h.Explanation
	if of == nil {
		return nil
	}
	e := &hitExplanation{Vector: &vectorExplanation{Rank: of.VectorRank, Score: number(h.Score)}}
	if of.WordsRank > 0 {
		e.Words = &wordsExplanation{Rank: of.WordsRank, Score: number(h.Words), Words: newWeighedWords(of.Words)}
	}
	if of.Query != nil && of.Query.Fusion != (engine.Fusion{}) {
		z, adds := number(of.Deviations), number(h.FusedWords)
		e.Vector.Z = &z
		if e.Words != nil {
			e.Words.Adds = &adds
		}
	}
	return e
}

// sum writes figures of words as they add up: "tide 4.10 + moon 3.11".
func sum(words []weighedWord) string {
	parts := make([]string, len(words))
	for i, w := range words {
		parts[i] = fmt.Sprintf("%s %.2f", visibleLine(w.Word), float64(w.Weight))
	}
	return strings.Join(parts, " + ")
}

// lines are the explanation of a query for people.
func (e *queryExplanation) lines() []string {
	lines := []string{
		"words asked for, the rarer the heavier: " + sum(e.Words),
		fmt.Sprintf("of this weight the document with most has %.0f %%; identifiers are %.0f %%", 100*float64(e.Coverage), 100*float64(e.Identifiers)),
	}
	switch {
	case e.fusion == nil:
	case e.Weight >= engine.WordsAlone:
		lines = append(lines, "so whatever has one of the words comes before what has none: the model does not know the script of the question")
	default:
		lines = append(lines,
			fmt.Sprintf("so words add up to %.2f to a document's fused score, all of it to the best by words (%.2f)", float64(e.Weight), float64(e.Best)),
			fmt.Sprintf("meaning adds 1 for each %.4f that its similarity is above the mean of %.4f", float64(e.Deviation), float64(e.Mean)))
	}
	return lines
}

// lines are the explanation of a hit for people. fused is nil where words and meaning are not.
func (e *hitExplanation) lines(fused *number) []string {
	rank := "-"
	if e.Vector.Rank > 0 {
		rank = fmt.Sprint(e.Vector.Rank)
	}
	lines := []string{fmt.Sprintf("meaning: rank %s, score %.4f", rank, float64(e.Vector.Score))}
	if e.Words != nil {
		lines = append(lines, fmt.Sprintf("words: rank %d, %.2f = %s", e.Words.Rank, float64(e.Words.Score), sum(e.Words.Words)))
	}
	if fused == nil || e.Vector.Z == nil || wordsFirst(fused) {
		return lines
	}
	by := fmt.Sprintf("%.2f by meaning", float64(*e.Vector.Z))
	if e.Words != nil {
		by += fmt.Sprintf(" + %.2f by words", float64(*e.Words.Adds))
	}
	return append(lines, fmt.Sprintf("fused: %s = %.2f", by, float64(*fused)))
}

// explanation writes lines of an explanation on a terminal; what a line has no room for is indented further.
func (p *printer) explanation(indent string, lines []string) {
	for _, l := range lines {
		before := indent
		for _, part := range wrap(l, max(p.width-len(indent)-2, 1)) {
			p.WriteString(before + p.styled(styleDim, part) + "\n")
			before = indent + "  "
		}
	}
}
