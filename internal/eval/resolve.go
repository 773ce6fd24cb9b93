package eval

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
)

// Store is what the documents of labels are looked up in.
type Store interface {
	Get(ctx context.Context, ids []string, withVectors bool) (docs []engine.Document, missing []string, err error)
	Documents(ctx context.Context, o engine.ListOptions) iter.Seq2[engine.Document, error]
}

// Level says what is ranked.
type Level string

// The levels. At that of sources the best place of each source counts, once.
const (
	ByDocument Level = "document"
	BySource   Level = "source"
)

// Judgement is what a question expects, in the names of the store.
type Judgement struct {
	level    Level
	grades   map[string]int // of the ids or sources that are relevant, or judged not to be
	expected []expectation
	Stale    []string // labels that name nothing in the store

	expectsNothing bool // the answer should be empty
}

// expectation is a label that something relevant goes by.
type expectation struct {
	name string
	keys []string // any of which fulfils it
}

// place is where a document is.
type place struct{ id, source string }

// label is a label that is looked up.
type label struct {
	name        string
	text        string   // of "text:…", blanks folded
	sources     []string // of a source, a glob or lines
	first, last int      // lines, 0 for a whole source
	found       map[place]bool
	whole       bool // names sources and not documents in them
}

// Resolve finds out what the labels of the questions name. called returns the names of
// the store's sources that a text stands for. An empty level becomes BySource where a
// label names sources, else ByDocument.
func Resolve(ctx context.Context, s Store, called func(text string) []string, questions []Question, level Level) ([]Judgement, Level, error) {
	labels := map[string]*label{}
	for _, q := range questions {
		for _, l := range q.Labels {
			labels[l.Name] = &label{name: l.Name, found: map[place]bool{}}
		}
	}
	if err := findIDs(ctx, s, labels); err != nil {
		return nil, level, err
	}
	for _, l := range labels {
		if l.parse(called); l.whole {
			level = cmp.Or(level, BySource)
		}
	}
	level = cmp.Or(level, ByDocument)
	if err := findDocuments(ctx, s, labels, level); err != nil {
		return nil, level, err
	}
	judged := make([]Judgement, len(questions))
	for i := range questions {
		judged[i] = judge(&questions[i], labels, level)
	}
	return judged, level, nil
}

// idBlock is how many documents are read by their ids at once.
const idBlock = 1000

// findIDs finds the documents of labels that are ids.
func findIDs(ctx context.Context, s Store, labels map[string]*label) error {
	byID := map[string][]*label{}
	for _, l := range labels {
		if !strings.HasPrefix(l.name, "text:") {
			id := strings.TrimPrefix(l.name, "id:")
			byID[id] = append(byID[id], l)
		}
	}
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(byID)), idBlock) {
		docs, _, err := s.Get(ctx, ids, false)
		if err != nil {
			return err
		}
		for _, d := range docs {
			for _, l := range byID[d.ID] {
				l.found[place{d.ID, d.Source}] = true
			}
		}
	}
	return nil
}

// parse says what a label names that is no id.
func (l *label) parse(called func(text string) []string) {
	if len(l.found) > 0 || strings.HasPrefix(l.name, "id:") {
		return
	}
	if text, ok := strings.CutPrefix(l.name, "text:"); ok {
		l.text = fold(text)
		return
	}
	if l.sources = called(l.name); len(l.sources) > 0 {
		l.whole = true
		return
	}
	if source, first, last, ok := parseLines(l.name); ok {
		l.sources, l.first, l.last = called(source), first, last
	}
}

// parseLines divides SOURCE:LINE[-LINE].
func parseLines(name string) (source string, first, last int, ok bool) {
	i := strings.LastIndexByte(name, ':')
	if i < 0 {
		return "", 0, 0, false
	}
	from, to, ranged := strings.Cut(name[i+1:], "-")
	if !ranged {
		to = from
	}
	first, firstErr := strconv.Atoi(from)
	last, lastErr := strconv.Atoi(to)
	return name[:i], first, last, firstErr == nil && lastErr == nil && first > 0 && first <= last
}

// fold writes each run of white space as one blank.
func fold(text string) string { return strings.Join(strings.Fields(text), " ") }

// findDocuments finds the documents of labels that are no ids, in one pass over the
// sources that they name, or over all documents where one is a text.
func findDocuments(ctx context.Context, s Store, labels map[string]*label, level Level) error {
	bySource, texts := wanted(labels, level)
	if len(bySource) == 0 && len(texts) == 0 {
		return nil
	}
	o := engine.ListOptions{Brief: len(texts) == 0}
	if o.Brief {
		var err error
		if o.Filter, err = ofSources(slices.Sorted(maps.Keys(bySource))); err != nil {
			return err
		}
	}
	for d, err := range s.Documents(ctx, o) {
		if err != nil {
			return err
		}
		at := place{d.ID, d.Source}
		bySource[d.Source].find(at, d.StartLine, max(d.StartLine, d.EndLine))
		if len(texts) == 0 {
			continue
		}
		text := fold(d.Text)
		for _, l := range texts {
			if strings.Contains(text, l.text) {
				l.found[at] = true
			}
		}
	}
	return nil
}

// wanted returns the labels whose documents are looked for: by source, and by text.
// A label of whole sources has what it names at the level of sources.
func wanted(labels map[string]*label, level Level) (bySource map[string]*passages, texts []*label) {
	bySource = map[string]*passages{}
	for _, l := range labels {
		if l.text != "" {
			texts = append(texts, l)
		}
		for _, source := range l.sources {
			if l.whole && level == BySource {
				l.found[place{"", source}] = true
				continue
			}
			if bySource[source] == nil {
				bySource[source] = &passages{}
			}
			bySource[source].labels = append(bySource[source].labels, l)
		}
	}
	for _, p := range bySource {
		p.sort()
	}
	return bySource, texts
}

// passages are the labels of a source: those of lines, by their first line, behind
// those of the whole source, whose first line is 0.
type passages struct {
	labels []*label
	last   []int // the highest last line of the labels up to here; of a whole source it is infinite
}

func (p *passages) sort() {
	slices.SortFunc(p.labels, func(a, b *label) int { return cmp.Compare(a.first, b.first) })
	highest := 0
	for _, l := range p.labels {
		if l.first == 0 {
			l.last = math.MaxInt
		}
		highest = max(highest, l.last)
		p.last = append(p.last, highest)
	}
}

// find notes a document under the labels whose lines it has, of which it has those
// from first to last. A document that has no known lines, 0, is that of a whole
// source alone.
func (p *passages) find(at place, first, last int) {
	if p == nil {
		return
	}
	end, _ := slices.BinarySearchFunc(p.labels, last+1, func(l *label, line int) int { return cmp.Compare(l.first, line) })
	for i := end - 1; i >= 0 && p.last[i] >= first; i-- {
		if l := p.labels[i]; l.last >= first {
			l.found[at] = true
		}
	}
}

// ofSources returns the filter for the documents of sources.
func ofSources(names []string) (*filter.Filter, error) {
	expr, err := json.Marshal(map[string]any{filter.SourceKey: map[string]any{"$in": names}})
	if err != nil {
		return nil, fmt.Errorf("the sources of labels: %w", err)
	}
	return filter.Parse(string(expr))
}

// judge returns what a question expects. Of several grades of one document or source
// the highest counts.
func judge(q *Question, labels map[string]*label, level Level) Judgement {
	j := Judgement{level: level, grades: map[string]int{}, expectsNothing: len(q.Labels) == 0}
	for _, wanted := range q.Labels {
		found := labels[wanted.Name].found
		if len(found) == 0 {
			j.Stale = append(j.Stale, wanted.Name)
			continue
		}
		e := expectation{name: wanted.Name}
		for at := range found {
			key := level.key(at.id, at.source)
			if grade, known := j.grades[key]; !known || grade < wanted.Grade {
				j.grades[key] = wanted.Grade
			}
			e.keys = append(e.keys, key)
		}
		if wanted.Grade > 0 {
			j.expected = append(j.expected, e)
		}
	}
	return j
}

// key returns what a document is ranked as.
func (l Level) key(id, source string) string {
	if l == BySource {
		return source
	}
	return id
}

// IsStale reports whether a question has labels and none of them names anything.
func (j *Judgement) IsStale() bool { return len(j.Stale) > 0 && len(j.grades) == 0 }

// NothingResolved returns a label, if there are any and none names anything.
func NothingResolved(judged []Judgement) (label string) {
	for i := range judged {
		if len(judged[i].grades) > 0 {
			return ""
		}
		if len(judged[i].Stale) > 0 && label == "" {
			label = judged[i].Stale[0]
		}
	}
	return label
}
