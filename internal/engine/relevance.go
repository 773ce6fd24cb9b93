package engine

import "math"

// relevance maps a score to 0..1, higher is better. Where all vectors of the
// store have length 1 it is (1+cosine)/2, with a query whose squared length is
// given; else 1/(1+d) for L2 and the logistic function of an inner product.
func relevance(m Metric, unit bool, score float32, squared float64) float64 {
	s := float64(score)
	var r float64
	switch {
	case unit && squared == 0: // a zero vector is as near to all
		r = 0.5
	case unit && m == L2 && isOne(squared): // squared distance of unit vectors: 2 - 2 cosine
		r = 1 - s/4
	case unit && m == L2:
		r = (1 + (squared+1-s)/(2*math.Sqrt(squared))) / 2
	case unit && isOne(squared):
		r = (1 + s) / 2
	case unit:
		r = (1 + s/math.Sqrt(squared)) / 2
	case m == L2:
		r = 1 / (1 + s)
	default:
		r = 1 / (1 + math.Exp(-s))
	}
	return min(max(r, 0), 1)
}

// langChainRelevance is what LangChain's FAISS class gives as relevance, in
// float32 as it computes: 1 - d/√2 of the squared distance, which is negative
// for all but near documents; for inner products a figure that falls as they
// rise. Its COSINE strategy is 1 - d, where d is a squared distance too: of
// vectors of length 1, so 2 - 2 cosine.
func langChainRelevance(m Metric, score float32) float64 {
	switch {
	case m == L2:
		return float64(1 - score/math.Sqrt2)
	case m == Cosine:
		return float64(1 - (2 - 2*score))
	case score > 0:
		return float64(1 - score)
	}
	return float64(-score)
}

// Relevance returns the relevance of a score by the formula that o asks for: unit
// says that all vectors of the store have length 1 or 0, squared is the squared
// length of the query.
func (o *SearchOptions) Relevance(m Metric, unit bool, score float32, squared float64) float64 {
	if o.LangChainRelevance {
		return langChainRelevance(m, score)
	}
	return relevance(m, unit, score, squared)
}

// rounding is how far a cosine may lie under a threshold that it equals: that of a
// vector with itself is 1 but for errors of float32.
const rounding = 1e-6

// Accepts reports whether a score is on the good side of o's threshold.
func (o *SearchOptions) Accepts(m Metric, score float32) bool {
	switch {
	case o.ScoreThreshold == nil:
		return true
	case m == L2:
		return score <= *o.ScoreThreshold
	case m == Cosine:
		return score >= *o.ScoreThreshold-rounding
	}
	return score >= *o.ScoreThreshold
}

// Relevant reports whether a relevance is high enough. LangChain's are compared
// as float32, as it does.
func (o *SearchOptions) Relevant(r float64) bool {
	switch {
	case o.MinRelevance == nil:
		return true
	case o.LangChainRelevance:
		return float32(r) >= float32(*o.MinRelevance)
	}
	return r >= *o.MinRelevance-rounding
}
