package cmd

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/exchange"
	"sheaf/internal/metadata"
)

// document is a document in the answer of get and list.
type document struct {
	exchange.Record
	Store string `json:"store,omitempty"`

	path string // of the file, from the current folder, for answers that are not JSON
}

func newDocument(d engine.Document) document {
	return document{Record: exchange.NewRecord(d), Store: d.Store}
}

// place is where the text is: the path of the file, where it is known, else the source.
func (d document) place() string { return cmp.Or(d.path, d.Source) }

func (d document) columns() []string {
	return withStore([]string{d.ID, d.place(), line(d.StartLine), d.Text}, d.Store)
}

// withStore appends the store of what is in an answer from several.
func withStore(columns []string, store string) []string {
	if store != "" {
		columns = append(columns, store)
	}
	return columns
}

func (d document) body() string { return d.Text }

func (d document) table(p *printer) {
	p.heading(withStore([]string{p.styled(styleBold, visibleLine(d.ID))}, visibleLine(d.Store)), d.place(), d.StartLine)
	p.passage(filled(d.Text, d.Source))
}

// hit is a document in the answer of a search.
type hit struct {
	Rank      int             `json:"rank"`
	ID        string          `json:"id"`
	Score     number          `json:"score"`
	Relevance number          `json:"relevance"`
	Words     *number         `json:"words,omitempty"`
	Fused     *number         `json:"fused,omitempty"`
	Rerank    *number         `json:"rerank,omitempty"`
	Text      string          `json:"text"`
	Metadata  metadata.Object `json:"metadata"`
	Source    string          `json:"source"`
	Path      string          `json:"path,omitempty"` // of the file, from the current folder
	Store     string          `json:"store,omitempty"`
	StartLine int             `json:"start_line,omitempty"`
	EndLine   int             `json:"end_line,omitempty"`
	Vector    []float32       `json:"vector,omitempty"`
	Context   *surroundings   `json:"context,omitempty"`
	Explain   *hitExplanation `json:"explain,omitempty"`

	repeats int // the rank of an earlier hit with the same text, or 0
}

func newHit(h engine.Hit) hit {
	return hit{
		Rank: h.Rank, ID: h.ID, Score: number(h.Score), Relevance: number(h.Relevance),
		Words: known(float64(h.Words)), Fused: known(h.Fused), Rerank: judged(h.Rerank),
		Text: h.Text, Metadata: h.Metadata, Source: h.Source, Store: h.Store, StartLine: h.StartLine, EndLine: h.EndLine,
		Vector: h.Vector, Explain: newHitExplanation(h),
	}
}

// known returns a figure, nil for 0, which stands for none.
func known(x float64) *number {
	if x == 0 {
		return nil
	}
	n := number(x)
	return &n
}

// judged returns the score of a judge, nil where there was none.
func judged(score *float32) *number {
	if score == nil {
		return nil
	}
	n := number(*score)
	return &n
}

// batchHit is a hit of a query of a batch, for templates.
type batchHit struct {
	hit
	QueryID string `json:"query_id"`
	Query   string `json:"query,omitempty"`
}

func newHits(found []engine.Hit) []hit {
	hits := make([]hit, len(found)) // never nil: nothing found is [] in JSON
	for i, h := range found {
		hits[i] = newHit(h)
	}
	return hits
}

// markRepeated marks the hits whose texts an earlier one has. Documents without a text repeat nothing.
func markRepeated(hits []hit) {
	ranks := map[string]int{}
	for i, h := range hits {
		if h.Text == "" {
			continue
		}
		if hits[i].repeats = ranks[h.Text]; hits[i].repeats == 0 {
			ranks[h.Text] = h.Rank
		}
	}
}

func (h hit) columns() []string {
	return withStore([]string{strconv.Itoa(h.Rank), h.score(), h.ID, h.place(), line(h.StartLine), h.Text}, h.Store)
}

// place is where the text is: the path of the file, where it is known, else the source.
func (h hit) place() string { return cmp.Or(h.Path, h.Source) }

// score is the score as text; "" where there is none, because words alone were asked for.
func (h hit) score() string {
	if math.IsNaN(float64(h.Score)) {
		return ""
	}
	return h.Score.String()
}

func (h hit) body() string { return h.Context.around(h.Text) }

func (h hit) table(p *printer) {
	parts := []string{p.styled(styleBold, strconv.Itoa(h.Rank))}
	for _, f := range h.figures(p.verbose, p.picked) {
		parts = append(parts, f.name+" "+p.styled(styleGreen, f.value))
	}
	p.heading(withStore(parts, visibleLine(h.Store)), h.place(), h.StartLine)
	if h.Explain != nil {
		p.explanation("   ", h.Explain.lines(h.Fused))
	}
	if h.repeats > 0 && h.Context == nil {
		p.WriteString(strings.Repeat(" ", passageIndent) + p.styled(styleDim, fmt.Sprintf("the same text as hit %d", h.repeats)) + "\n\n")
		return
	}
	h.Context.show(p, filled(h.Text, h.Source))
}

// figures are those that are shown on a terminal: what orders the hits, unless they are in the order in which
// MMR picked them, then the relevance, and if it is verbose all others that there are.
func (h hit) figures(verbose, picked bool) (shown []field) {
	add := func(name string, x number, digits int) {
		if !math.IsNaN(float64(x)) {
			shown = append(shown, field{name, strconv.FormatFloat(float64(x), 'f', digits, 64)})
		}
	}
	fused := h.Fused != nil && !wordsFirst(h.Fused)
	switch {
	case h.Rerank != nil:
		add("rerank", *h.Rerank, 4)
	case picked:
	case fused:
		add("fused", *h.Fused, 2)
	case h.Words != nil:
		add("words", *h.Words, 2)
	}
	add("relevance", h.Relevance, 2)
	if !verbose {
		return shown
	}
	add("score", h.Score, 4)
	if fused && (h.Rerank != nil || picked) {
		add("fused", *h.Fused, 2)
	}
	if h.Words != nil && (fused || h.Rerank != nil || picked) {
		add("words", *h.Words, 2)
	}
	return shown
}

// wordsFirst reports whether a fused score is that of a document which its words alone put before others, by
// [engine.WordsAlone]. It is no figure for people.
func wordsFirst(fused *number) bool {
	const highest = 1000 // of others: some ten deviations and the weight of words, about as much
	return fused != nil && *fused > highest
}

// heading writes what stands above a passage: some parts, then source:line. A part for which the
// line has no room begins the next one.
func (p *printer) heading(parts []string, source string, startLine int) {
	place := visibleLine(source)
	if startLine > 0 {
		place += ":" + strconv.Itoa(startLine)
	}
	used := 0
	for i, part := range append(parts, p.styled(styleCyan, place)) {
		between, width := "  ", columnsOf(part)
		if i == 0 {
			between = ""
		} else if used+len(between)+width > p.width {
			between, used = "\n"+strings.Repeat(" ", passageIndent), 1 // of the line's end, which takes no column
		}
		used += len(between) + width
		p.WriteString(between + part)
	}
	p.WriteByte('\n')
}

// line returns a line number as text, or "" for 0, which is an unknown one.
func line(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// megabytes returns n bytes as text: "1.5 MB".
func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// count returns a number of things as text: "1 document", "2 documents".
func count[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
