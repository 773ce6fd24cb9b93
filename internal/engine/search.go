package engine

import (
	"context"
	"fmt"
	"math"

	"sheaf/internal/filter"
	"sheaf/internal/words"
)

// Hit is a document of an answer.
type Hit struct {
	Document
	Rank       int      // from 1
	Score      float32  // Faiss's raw figure, see Metric
	Relevance  float64  // 0..1, higher is better, unless LangChain's was asked for
	Words      float32  // BM25 of the query's words, where they were asked for; 0: it has none of them
	Fused      float64  // the score of Fusion, in mode Hybrid
	FusedWords float64  // the part of Fused that words made
	Rerank     *float32 // the score of the judge that Rerank was given; nil: there was none

	JudgedWords float64 // what words add beside SearchOptions.Judge, in mode Hybrid

	Explanation *HitExplanation // where it was asked for; nil from engines that give none
}

// SearchOptions choose what a search answers.
type SearchOptions struct {
	K int // how many hits a query, at least 1

	// Mode says by what documents are found: what K counts and what comes first.
	// Thresholds and scores are those of vectors in every mode.
	Mode Mode
	// Texts are the texts of the queries, for the other modes than ByVector. Under
	// ByWords the vectors may all be nil; then Score and Relevance are NaN.
	Texts []string
	// Conditions leave, under these modes, the documents whose texts hold, as the
	// filter does by metadata. nil: all; else one a query, which may be nil too.
	Conditions []*words.Condition
	// Calibration is that of the store's embedder. It counts under Hybrid.
	Calibration Calibration
	// Judge is that of an embedder by which hits are judged again, see Rerank.
	Judge Calibration

	Filter *filter.Filter // nil: all documents
	// FetchK is LangChain's way with a filter: only the FetchK nearest
	// documents are looked at. 0 looks at all.
	FetchK int

	// ScoreThreshold keeps scores up to it under L2, and from it on under the
	// other metrics, compared as float32.
	ScoreThreshold *float32
	// MinRelevance keeps those of the K nearest whose relevance is at least that.
	MinRelevance *float64
	// LangChainRelevance asks for LangChain's formulas instead of sheaf's.
	LangChainRelevance bool

	// Pick picks the hits of a query among the K nearest documents by their
	// vectors, before their texts are read: it returns indexes of nearest in the
	// order of the answer. nil: all of them, the nearest first.
	Pick func(ctx context.Context, query []float32, nearest [][]float32) ([]int, error)

	// Recall is the share of the exact answer that has to be found, on average. 1 asks for
	// all of it, and so does 0 of a store that was not made with an approximate index. An
	// engine may find more than is asked for.
	Recall float64
	// Looked, where set, is told of each query whose answer may not be exact how many
	// vectors were looked at, of how many.
	Looked func(query int, vectors, of int64)
	// Lost, where set, is told why the approximate index of the store cannot be used, and the
	// search is exact.
	Lost func(why error)

	WithVectors bool
	Explain     bool // it may take longer
	Threads     int  // 0: one per processor
}

// Picked returns what Pick picks of hits, which have their vectors.
func (o *SearchOptions) Picked(ctx context.Context, query []float32, nearest []Hit) (hits []Hit, err error) {
	vectors := make([][]float32, len(nearest))
	for i, h := range nearest {
		vectors[i] = h.Vector
	}
	picks, err := o.Pick(ctx, query, vectors)
	for _, i := range picks {
		hits = append(hits, nearest[i])
	}
	return hits, err
}

// ByText reports whether the texts of the queries are asked for.
func (o *SearchOptions) ByText() bool { return o.Mode.ByText() }

// Condition is that of query q; nil: there is none.
func (o *SearchOptions) Condition(q int) *words.Condition {
	if !o.ByText() || o.Conditions == nil {
		return nil
	}
	return o.Conditions[q]
}

// Validate refuses numbers that no search can have.
func (o *SearchOptions) Validate() error {
	switch {
	case o.K < 1:
		return fmt.Errorf("k must be at least 1, not %d", o.K)
	case o.FetchK < 0:
		return fmt.Errorf("fetch-k must not be negative, not %d", o.FetchK)
	case !(o.Recall >= 0 && o.Recall <= 1):
		return fmt.Errorf("the recall must be from 0 to 1, not %v", o.Recall)
	case o.Mode != "":
		_, err := ParseMode(string(o.Mode))
		return err
	}
	return nil
}

// MMROptions choose what a search by maximal marginal relevance answers.
type MMROptions struct {
	SearchOptions

	// Candidates is how many of the nearest documents MMR picks from; 0 means
	// 20, or K where that is more. FetchK outranks it.
	Candidates int
	// Lambda weighs likeness to the query (1) against unlikeness to what is
	// already picked (0). LangChain takes other numbers too, and so does MMR.
	Lambda float64
}

// defaultCandidates is LangChain's fetch_k.
const defaultCandidates = 20

// Validate refuses numbers that no search can have.
func (o *MMROptions) Validate() error {
	if math.IsNaN(o.Lambda) || math.IsInf(o.Lambda, 0) {
		return fmt.Errorf("lambda must be a number, not %v", o.Lambda)
	}
	return o.SearchOptions.Validate()
}

// candidateSearch returns the search that picks the answer from the candidates.
// FetchK means what it means to LangChain: that many candidates; with a filter,
// those that match among twice as many.
func (o *MMROptions) candidateSearch() SearchOptions {
	s := o.SearchOptions
	switch {
	case o.FetchK > 0 && o.Filter != nil:
		s.FetchK = 2 * min(o.FetchK, math.MaxInt/2)
		s.K = s.FetchK
	case o.FetchK > 0:
		s.K = o.FetchK
	case o.Candidates > 0:
		s.K = o.Candidates
	default:
		s.K = max(defaultCandidates, o.K)
	}
	s.Pick = func(ctx context.Context, query []float32, nearest [][]float32) ([]int, error) {
		return Marginal(ctx, query, nearest, o.K, o.Lambda)
	}
	return s
}

// Selection says which documents are meant: those for which everything holds that
// is set.
type Selection struct {
	Filter *filter.Filter // nil: any
	Among  Set            // nil: any; a set that the same store selected before
}

// Set is some documents of a store, as it was when they were selected. Only the
// store that selected them can read it.
type Set interface {
	Len() int64 // how many documents it has
}

// ListOptions choose what a listing of documents yields.
type ListOptions struct {
	Filter      *filter.Filter // nil: all documents
	Limit       int            // 0: no limit
	WithVectors bool
	// Brief is set where ids, sources and lines are enough; texts and metadata may then
	// be missing.
	Brief bool
}
