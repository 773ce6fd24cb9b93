package engine

import (
	"math"
	"testing"
)

func TestRelevance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		metric    Metric
		unit      bool
		score     float32
		own, lang float64
	}{
		{L2, false, 0, 1, 1},
		{L2, false, 3, 0.25, float64(1 - float32(3)/math.Sqrt2)},
		{L2, true, 0, 1, 1},
		{L2, true, 2, 0.5, float64(1 - float32(2)/math.Sqrt2)}, // cosine 0
		{L2, true, 4.5, 0, float64(1 - float32(4.5)/math.Sqrt2)},
		{L2, false, float32(math.Inf(1)), 0, math.Inf(-1)},
		{InnerProduct, false, 0, 0.5, 0},
		{InnerProduct, false, 2, 1 / (1 + math.Exp(-2)), -1},
		{InnerProduct, false, -2, 1 / (1 + math.Exp(2)), 2},
		{InnerProduct, true, 0.5, 0.75, 0.5},
		{InnerProduct, true, 1.5, 1, -0.5},
		{Cosine, true, 1, 1, 1},
		{Cosine, true, 0, 0.5, -1},
		{Cosine, true, -1, 0, -3},
	} {
		if got := relevance(c.metric, c.unit, c.score, 1); math.Abs(got-c.own) > 1e-12 {
			t.Errorf("%s, unit %t, score %v: %v, want %v", c.metric, c.unit, c.score, got, c.own)
		}
		if got := langChainRelevance(c.metric, c.score); got != c.lang {
			t.Errorf("%s, score %v: %v in LangChain's way, want %v", c.metric, c.score, got, c.lang)
		}
	}
}

// TestRelevanceOfLongQueries: the cosine does not depend on the query's length.
func TestRelevanceOfLongQueries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		metric  Metric
		score   float32
		squared float64
		want    float64
	}{
		{L2, 81, 100, 1},    // (10, 0) and (1, 0)
		{L2, 101, 100, 0.5}, // (10, 0) and (0, 1)
		{L2, 121, 100, 0},   // (10, 0) and (-1, 0)
		{L2, 1, 0, 0.5},
		{InnerProduct, 10, 100, 1},
		{InnerProduct, 0, 100, 0.5},
		{InnerProduct, 0, 0, 0.5},
		{Cosine, 0, 0, 0.5},
	} {
		if got := relevance(c.metric, true, c.score, c.squared); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s, score %v, squared length %v: %v, want %v", c.metric, c.score, c.squared, got, c.want)
		}
	}
}

// TestThresholdsOfEachMetric: up to a distance, from a product on, inclusive.
func TestThresholdsOfEachMetric(t *testing.T) {
	t.Parallel()
	threshold, relevance := float32(0.7), 0.7
	o := SearchOptions{ScoreThreshold: &threshold, MinRelevance: &relevance}
	for _, c := range []struct {
		metric Metric
		score  float32
		want   bool
	}{
		{L2, 0.7, true}, {L2, 0.71, false}, {L2, -1, true},
		{InnerProduct, 0.7, true}, {InnerProduct, 0.69, false}, {InnerProduct, 2, true},
		{Cosine, 0.7, true}, {Cosine, 0.6999995, true}, {Cosine, 0.69999, false},
	} {
		if got := o.Accepts(c.metric, c.score); got != c.want {
			t.Errorf("%s accepts %v: %t", c.metric, c.score, got)
		}
	}
	// As float32 0.7 is a little less, as LangChain's relevances are.
	little := float64(float32(0.7))
	if !o.Relevant(0.6999995) || o.Relevant(0.69999) {
		t.Error("relevances are not compared but for rounding")
	}
	if o.LangChainRelevance = true; !o.Relevant(little) || o.Relevant(0.69) {
		t.Error("LangChain's relevances are not compared as float32")
	}
	if none := (&SearchOptions{}); !none.Accepts(L2, 1e30) || !none.Relevant(-5) {
		t.Error("something is left out without a threshold")
	}
}
