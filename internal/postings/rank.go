package postings

import (
	"cmp"
	"math"
	"slices"
)

// The parameters of BM25, see Stephen Robertson and Hugo Zaragoza, The Probabilistic
// Relevance Framework: BM25 and Beyond (2009).
const (
	k1 = 1.2
	b  = 0.75
)

// Index is the segments of a store, in the order of their documents.
type Index struct {
	Sources   []Source
	Documents int64 // how many are alive
	Alive     Alive
	// Last is the last of the terms that a term of a query stands for: all from it on. nil:
	// it alone.
	Last func(term uint64) uint64
	// Keep is how many postings are kept for the next queries.
	Keep int

	lengths [][]byte             // of each source; nil before the first ranking
	list    []Posting            // of the last term that was read and not kept
	kept    map[uint64][]Posting // of terms
}

// Alive says which documents are alive: bit n%64 of word n/64 is set where document n
// is. nil: all are.
type Alive []uint64

func (a Alive) has(document uint32) bool {
	word := int(document / 64)
	return a == nil || word < len(a) && a[word]>>(document%64)&1 != 0
}

// Ranking says how well documents answer a query.
type Ranking struct {
	First  uint32    // the document of the first score
	Scores []float32 // BM25 of each document from First on; 0 where it has none of the terms

	// Covered is the sum of the rarities of the query's terms that each document has, Evidence
	// that of their weights.
	Covered, Evidence []float32
	// Best, MostCovered and MostEvidence are the highest of Scores, of Covered and of Evidence.
	Best, MostCovered, MostEvidence float32
	// Weights and Rarities are those of the query's terms, each where it occurs first, see
	// Rank; 0 where it is repeated.
	Weights, Rarities []float32
}

// Rank ranks all documents for the terms of a query. The rarity of a term is
//
//	idf = ln(1 + (N - n + .5) / (n + .5))
//
// for n of N documents that have it, and as often as much as the query repeats it. For
// a term that no document has it is ln((N + .5) / .5). Its weight is the same, but that of a
// stop word at most StopWeight. The score of a document is the sum of
//
//	weight * f * (k1 + 1) / (f + k1 * (1 - b + b * length / average length))
//
// over the terms that it has f times. N and n are those of the documents that are
// alive; the average length is that of all in the segments, where dead ones stay until a merge.
func (x *Index) Rank(terms []uint64, stopWords map[uint64]bool) (*Ranking, error) {
	r := &Ranking{Weights: make([]float32, len(terms)), Rarities: make([]float32, len(terms))}
	if len(x.Sources) == 0 {
		return r, nil
	}
	if err := x.open(); err != nil {
		return r, err
	}
	r.First = x.Sources[0].First
	numbers := x.Sources[len(x.Sources)-1].Last - r.First + 1
	r.Scores, r.Covered = make([]float32, numbers), make([]float32, numbers)
	if r.Evidence = r.Covered; len(stopWords) > 0 { // without stop words both are the same
		r.Evidence = make([]float32, numbers)
	}
	norms := x.norms()
	times := map[uint64]int{}
	for _, term := range terms {
		times[term]++
	}
	for i, term := range terms {
		if times[term] == 0 {
			continue
		}
		list, err := x.read(term)
		if err != nil {
			return r, err
		}
		r.Weights[i], r.Rarities[i] = Weight(x.Documents, int64(len(list)), times[term], stopWords[term])
		x.score(r, list, i, norms)
		times[term] = 0
	}
	return r, nil
}

// of returns the score of a document, 0 where it has none of the terms.
func (r *Ranking) of(document int64) float32 {
	if at := document - int64(r.First); at >= 0 && at < int64(len(r.Scores)) {
		return r.Scores[at]
	}
	return 0
}

// Shares returns what each term of a query adds to the score of each of some documents, at the place where
// the query has the term first; see Rank.
func (x *Index) Shares(terms []uint64, stopWords map[uint64]bool, documents []int64) ([][]float32, error) {
	shares := make([][]float32, len(documents))
	for d := range shares {
		shares[d] = make([]float32, len(terms))
	}
	for i, term := range terms {
		if slices.Contains(terms[:i], term) {
			continue
		}
		r, err := x.Rank(slices.DeleteFunc(slices.Clone(terms), func(other uint64) bool { return other != term }), stopWords)
		if err != nil {
			return nil, err
		}
		for d, document := range documents {
			shares[d][i] = r.of(document)
		}
	}
	return shares, nil
}

// StopWeight is the highest weight of a stop word: that of a term that a third of the documents
// have. Where few texts are in the language of the query such words are rare, and yet say
// nothing about what is asked for.
const StopWeight = 1.0986 // ln 3

// Weight is the weight and the rarity of a term that so many of all documents have, and that a
// query has so many times; see Rank.
func Weight(documents, with int64, times int, stopWord bool) (weight, rarity float32) {
	idf := math.Log((float64(documents) + .5) / .5)
	if with > 0 {
		idf = math.Log1p((float64(max(documents, with)-with) + .5) / (float64(with) + .5))
	}
	rarity = float32(float64(times) * idf)
	if stopWord {
		idf = min(idf, StopWeight)
	}
	return float32(float64(times) * idf), rarity
}

// Average is the average length of documents that have so many tokens.
func Average(tokens, documents int64) float64 {
	return float64(max(tokens, 1)) / float64(max(documents, 1))
}

// Norm is k1 * (1 - b + b * length / average length) for a length as Length gives it.
func Norm(length uint32, average float64) float32 {
	return float32(k1 * (1 - b + b*float64(length)/average))
}

// Share is what a term of a weight adds to the score of a document with a Norm that has it
// count times; see Rank.
func Share(weight float32, count uint32, norm float32) float32 {
	f := float32(count)
	return weight * f * (k1 + 1) / (f + norm)
}

// open reads the lengths of documents.
func (x *Index) open() error {
	if x.lengths != nil {
		return nil
	}
	for i := range x.Sources {
		if err := x.Sources[i].Validate(); err != nil || i > 0 && x.Sources[i].First <= x.Sources[i-1].Last {
			x.lengths = nil
			return ErrMalformed
		}
		lengths, err := x.Sources[i].Lengths()
		if err != nil {
			x.lengths = nil
			return err
		}
		x.lengths = append(x.lengths, lengths)
	}
	return nil
}

// norms are the Norm of each byte of a length.
func (x *Index) norms() (norms [256]float32) {
	documents, tokens := int64(0), int64(0)
	for i := range x.Sources {
		documents += x.Sources[i].Documents
		tokens += x.Sources[i].Tokens
	}
	average := Average(tokens, documents)
	for i := range norms {
		norms[i] = Norm(lengthOf[i], average)
	}
	return norms
}

// read returns the postings of what a term stands for in living documents. They are valid
// until the next call.
func (x *Index) read(term uint64) ([]Posting, error) {
	if list, known := x.kept[term]; known {
		return list, nil
	}
	if err := x.readPages(term); err != nil || len(x.list) > x.Keep {
		return x.list, err
	}
	if x.kept == nil {
		x.kept = map[uint64][]Posting{}
	}
	x.Keep -= len(x.list)
	x.kept[term] = slices.Clone(x.list)
	return x.kept[term], nil
}

// readPages reads the postings of what a term stands for in living documents into x.list.
func (x *Index) readPages(term uint64) error {
	last := term
	if x.Last != nil {
		last = x.Last(term)
	}
	x.reserve(term, last)
	for i := range x.Sources {
		s := &x.Sources[i]
		for at, to := s.PagesOf(term, last); at < to; at++ {
			page, err := s.Page(at)
			if err == nil {
				x.list, err = s.AppendList(x.list, page, term, last)
			}
			if err != nil {
				return err
			}
		}
	}
	if last > term {
		x.list = together(x.list)
	}
	if x.Alive == nil {
		return nil
	}
	alive := x.list[:0]
	for _, p := range x.list {
		if x.Alive.has(p.Document) {
			alive = append(alive, p)
		}
	}
	x.list = alive
	return nil
}

// reserve empties x.list and makes room in it for the postings of terms, if they may be many.
// What is not used of it takes no memory.
func (x *Index) reserve(first, last uint64) {
	most := int64(0)
	for i := range x.Sources {
		from, to := x.Sources[i].PagesOf(first, last)
		most += min(int64(to-from)*PageSize, x.Sources[i].Documents) // a posting has a byte, at least
	}
	if x.list = x.list[:0]; most > int64(cap(x.list)) && most > PageSize {
		x.list = make([]Posting, 0, most)
	}
}

// together makes one posting of those of a document.
func together(list []Posting) []Posting {
	slices.SortFunc(list, func(a, b Posting) int { return cmp.Compare(a.Document, b.Document) })
	summed := list[:0]
	for _, p := range list {
		if last := len(summed) - 1; last >= 0 && summed[last].Document == p.Document {
			summed[last].Count += p.Count
		} else {
			summed = append(summed, p)
		}
	}
	return summed
}

// With gives the numbers of the living documents that have a term.
func (x *Index) With(term uint64) ([]uint32, error) {
	list, err := x.read(term)
	if err != nil {
		return nil, err
	}
	documents := make([]uint32, len(list))
	for i, p := range list {
		documents[i] = p.Document
	}
	return documents, nil
}

// score adds what a list of postings, of the term at a place of the query, says of documents.
func (x *Index) score(r *Ranking, list []Posting, term int, norms [256]float32) {
	weight, rarity := r.Weights[term], r.Rarities[term]
	for i := range x.Sources {
		first, lengths := x.Sources[i].First, x.lengths[i]
		for len(list) > 0 && list[0].Document <= x.Sources[i].Last {
			p := list[0]
			list = list[1:]
			at := p.Document - r.First
			score := r.Scores[at] + Share(weight, p.Count, norms[lengths[p.Document-first]])
			covered, evidence := r.Covered[at]+rarity, r.Evidence[at]+weight
			r.Scores[at], r.Covered[at], r.Evidence[at] = score, covered, evidence
			r.Best, r.MostCovered, r.MostEvidence = max(r.Best, score), max(r.MostCovered, covered), max(r.MostEvidence, evidence)
		}
	}
}
