// Package eval measures how well a store answers: it reads questions with what is
// expected of their answers, finds out which documents the expectations name,
// scores rankings by the measures of information retrieval as trec_eval computes
// them, and says how sure the figures are and whether they became worse.
//
// It asks no question itself. Whoever does, hands the hits to [Judgement.Score] and
// the scores to [Result.Summarize].
package eval

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"sheaf/internal/question"
)

// Question is a question with what is expected of its answer.
type Question struct {
	question.Question
	Labels []Label // what the answer should have; none where it should be empty
	// Labelled is set where something is expected, be it an empty answer.
	Labelled bool
	Filters  []string // for this question, besides those of the whole run
	Tags     []string
	Err      error // the question cannot be asked: it is malformed
}

// Label names what is relevant to a question: an id, a source, a glob of sources,
// "SOURCE:LINE" or "SOURCE:LINE-LINE", "text:…" for documents that contain a text,
// or "id:…".
type Label struct {
	Name  string
	Grade int // how relevant, maxGrade at most; 0 and less: not at all
}

// maxGrade bounds grades, so that an exponential gain is a finite number.
const maxGrade = 100

func checkGrade(grade int) error {
	if grade > maxGrade {
		return fmt.Errorf("a grade is %d at most, not %d", maxGrade, grade)
	}
	return nil
}

// Key tells questions apart: two have the same key if they ask and expect the same.
func (q *Question) Key() string {
	b, _ := json.Marshal([]any{q.Text, q.Vector, q.Filters, q.Labels, q.Labelled}) // texts and finite numbers: no error
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// RefuseUnlabelled makes questions that say nothing of what is expected fail.
func RefuseUnlabelled(questions []Question) {
	for i := range questions {
		if q := &questions[i]; q.Err == nil && !q.Labelled {
			q.Err = errors.New(`it does not say what is expected: "expect" is missing`)
		}
	}
}

// SyntaxError says what is wrong in a file of questions or judgements, which is
// refused as a whole.
type SyntaxError struct {
	What    string // "questions", "qrels", …
	Line    int
	Problem string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s, line %d: %s", e.What, e.Line, e.Problem)
}
