package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"sheaf/internal/eval"
	"sheaf/internal/hint"
	"sheaf/internal/question"
)

// questionFiles are where the questions of an evaluation are.
type questionFiles struct {
	path           string // a file, - for stdin, or a folder of BEIR
	qrels, queries string
}

// validate takes the argument of a verb.
func (f *questionFiles) validate(verb string, args []string) error {
	switch {
	case len(args) > 1:
		return usagef("%s takes one file of questions", verb)
	case len(args) == 1 && f.queries != "":
		return usagef("a file of questions and --queries cannot be used together")
	case len(args) == 0 && f.qrels == "" && f.queries == "":
		return hint.With(usagef("there are no questions"), "sheaf eval draft -n 50 > questions.jsonl makes some out of the store, to be edited")
	case len(args) == 0 && (f.qrels == "" || f.queries == ""):
		return usagef("--qrels and --queries need each other")
	case f.qrels == "-" && f.queries == "-":
		return errStdinTwice
	}
	if len(args) == 1 {
		f.path = args[0]
	}
	return nil
}

// readQuestions reads the questions, at least one.
func (env *environment) readQuestions(f questionFiles) (all []eval.Question, err error) {
	info, statErr := os.Stat(f.path)
	switch {
	case f.path == "":
		all, err = env.readTREC(f.qrels, f.queries)
	case statErr == nil && info.IsDir() && f.path != "-":
		all, err = env.readBEIR(f)
	case f.qrels != "":
		return nil, hint.With(usagef("--qrels is for a folder of BEIR, and %q is none", f.path), "name the questions with --queries")
	default:
		err = env.withInput(f.path, "questions, one a line,", func(r io.Reader) (err error) {
			all, err = eval.Read(r)
			return err
		})
	}
	if err == nil && len(all) == 0 {
		err = usagef("there is no question in %q", cmp.Or(f.path, f.qrels))
	}
	return all, err
}

// readTREC reads judgements and the questions that they are about.
func (env *environment) readTREC(qrelsPath, queriesPath string) (all []eval.Question, err error) {
	var qrels *eval.Qrels
	err = env.withInput(qrelsPath, "judgements, one a line,", func(r io.Reader) (err error) {
		qrels, err = eval.ReadQrels(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	var queries map[string]question.Question
	err = env.withInput(queriesPath, "queries, one a line,", func(r io.Reader) (err error) {
		queries, err = eval.ReadQueries(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	all, unjudged := qrels.Join(queries)
	if unjudged > 0 {
		env.say("%s not asked, because nothing is known of the answers", count(unjudged, "query"))
	}
	return all, nil
}

// readBEIR reads a folder with queries.jsonl and qrels/test.tsv, or the only file in qrels.
func (env *environment) readBEIR(f questionFiles) ([]eval.Question, error) {
	if f.qrels == "" {
		f.qrels = filepath.Join(f.path, "qrels", "test.tsv")
		if _, err := os.Stat(f.qrels); errors.Is(err, fs.ErrNotExist) {
			found, err := filepath.Glob(filepath.Join(filepath.Dir(f.qrels), "*.tsv"))
			if err != nil || len(found) != 1 {
				return nil, hint.With(fmt.Errorf("%q has %d files of judgements and no test.tsv", filepath.Dir(f.qrels), len(found)), "name one with --qrels FILE")
			}
			f.qrels = found[0]
		}
	}
	return env.readTREC(f.qrels, filepath.Join(f.path, "queries.jsonl"))
}
