package eval

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"sheaf/internal/question"
)

// Qrels are judgements in the order in which the questions were first judged.
type Qrels struct {
	ids    []string
	labels map[string][]Label
}

// ReadQrels reads judgements: QUESTION ITERATION DOCUMENT GRADE with blanks between,
// as trec_eval does, or QUESTION DOCUMENT GRADE with tabs between, as in BEIR, whose
// first line names the columns. Errors: *SyntaxError.
func ReadQrels(r io.Reader) (*Qrels, error) {
	qrels := &Qrels{labels: map[string][]Label{}}
	err := eachLine(skipMark(r), "qrels", func(n int, line string) error {
		fields := strings.Fields(line)
		if strings.Count(line, "\t") >= 2 {
			fields = strings.Split(line, "\t")
		}
		last := len(fields) - 1
		if len(fields) != 3 && len(fields) != 4 {
			return &SyntaxError{"qrels", n, fmt.Sprintf("%d fields, not 4 (question, iteration, document, grade) or 3 (question, document, grade)", len(fields))}
		}
		grade, err := strconv.Atoi(strings.TrimSpace(fields[last]))
		id, document := strings.TrimSpace(fields[0]), strings.TrimSpace(fields[last-1])
		switch {
		case n == 1 && len(fields) == 3 && !isNumber(fields[last]):
			return nil // names of columns
		case err != nil:
			return &SyntaxError{"qrels", n, fmt.Sprintf("the grade is %.40q, not a whole number", fields[last])}
		case checkGrade(grade) != nil:
			return &SyntaxError{"qrels", n, checkGrade(grade).Error()}
		case id == "" || document == "":
			return &SyntaxError{"qrels", n, "the question or the document has no name"}
		}
		if _, known := qrels.labels[id]; !known {
			qrels.ids = append(qrels.ids, id)
		}
		qrels.labels[id] = append(qrels.labels[id], Label{document, grade})
		return nil
	})
	return qrels, err
}

// isNumber reports whether a cell is a number of any kind, of any size.
func isNumber(cell string) bool {
	_, err := strconv.ParseFloat(strings.TrimSpace(cell), 64)
	return !errors.Is(err, strconv.ErrSyntax)
}

// ReadQueries reads the questions of judgements: ID, a tab and the question on a
// line, or JSON objects with "_id" or "id", and "text", "query" or "vector". Errors:
// *SyntaxError.
func ReadQueries(r io.Reader) (map[string]question.Question, error) {
	b := skipMark(r)
	parse := tabbedQuery
	if first, _ := b.Peek(1); string(first) == "{" {
		parse = namedQuery
	}
	all := map[string]question.Question{}
	err := eachLine(b, "queries", func(n int, line string) error {
		q, err := parse(line)
		if err != nil {
			return &SyntaxError{"queries", n, err.Error()}
		}
		all[q.ID] = q
		return nil
	})
	return all, err
}

func tabbedQuery(line string) (question.Question, error) {
	id, text, ok := strings.Cut(line, "\t")
	if !ok {
		return question.Question{}, errors.New("a query is ID, a tab and its text")
	}
	q, err := question.FromText(text)
	q.ID = strings.TrimSpace(id)
	return q, err
}

// namedQuery reads a query of BEIR, or one of search --queries that has an id.
func namedQuery(line string) (q question.Question, err error) {
	var beir struct {
		ID   string `json:"_id"`
		Text string `json:"text"`
	}
	if json.Unmarshal([]byte(line), &beir) == nil && beir.ID != "" {
		q, err = question.FromText(beir.Text)
		q.ID = beir.ID
		return q, err
	}
	if q, err = question.FromJSON([]byte(line)); err == nil && q.ID == "" {
		err = errors.New(`the query has no "_id" and no "id"`)
	}
	return q, err
}

// Join returns the questions that were judged, in the order of the judgements. One
// that is not among the queries cannot be asked, which its Err says. unjudged is the
// number of queries that are left out because nothing is known of them.
func (j *Qrels) Join(queries map[string]question.Question) (all []Question, unjudged int) {
	for _, id := range j.ids {
		q := Question{Question: queries[id], Labels: j.labels[id], Labelled: true}
		if _, known := queries[id]; !known {
			q.ID, q.Err = id, errors.New("it is judged, but it is not among the queries")
		}
		all = append(all, q)
	}
	for id := range queries {
		if _, judged := j.labels[id]; !judged {
			unjudged++
		}
	}
	return all, unjudged
}

// WriteRun writes rankings for trec_eval: QUESTION Q0 DOCUMENT RANK SCORE TAG. It
// sorts by score and breaks ties by name, so scores fall strictly and say nothing
// but the rank. Blanks in names, which would divide them, are written %20.
func (r *Result) WriteRun(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, q := range r.PerQuestion {
		for i, key := range q.ranking {
			fmt.Fprintf(b, "%s Q0 %s %d %d sheaf\n", unblank(q.ID), unblank(key), i+1, len(q.ranking)-i)
		}
	}
	return b.Flush()
}

// unblank escapes the blanks in a name.
func unblank(name string) string {
	if !strings.ContainsFunc(name, unicode.IsSpace) {
		return name
	}
	var b strings.Builder
	for _, r := range name {
		if !unicode.IsSpace(r) {
			b.WriteRune(r)
			continue
		}
		for _, c := range []byte(string(r)) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
