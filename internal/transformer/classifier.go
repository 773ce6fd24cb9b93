//go:build cgo

package transformer

import (
	"fmt"
	"math"

	"sheaf/internal/kernel"
)

// OpenClassifier reads a cross-encoder in the folder dir, with OpenInt8's arithmetic where int8
// says so: an encoder of pairs of texts with a classifier of one label, as transformers'
// BertForSequenceClassification saves it and sentence-transformers' CrossEncoder uses it. Its
// Settings.Dim is that of its vectors inside.
func OpenClassifier(dir, level string, int8 bool) (*Model, error) {
	if int8 {
		return open(dir, int8Level(kernel.Named(level)), readClassifier, (*Model).bindInt8)
	}
	return open(dir, kernel.Named(level), readClassifier, (*Model).bind)
}

// head gives a score for the vector of the first token of a pair: a layer with tanh, the pooler,
// and a sum with weights, the classifier.
type head struct {
	pooler, poolerBias []float32
	classifier, bias   []float32
}

// bindHead sets the weights of the head, where the model has one.
func (m *Model) bindHead(b *binder) {
	if !m.folder.classifies {
		return
	}
	dim := m.folder.shape.dim
	m.head.pooler, m.head.poolerBias = b.floats("pooler.dense.weight", dim, dim), b.floats("pooler.dense.bias", dim)
	b.prefix = "" // it stands beside the encoder
	m.head.classifier, m.head.bias = b.floats("classifier.weight", 1, dim), b.floats("classifier.bias", 1)
}

// Score returns the score of each pair, given as the token ids of both texts, [CLS] first and
// [SEP] after each, at most Settings.MaxTokens. second has the place in each at which the second
// text begins. Like Encode it computes all pairs at once, in one thread.
func (m *Model) Score(w *Workspace, pairs [][]int32, second []int) ([]float32, error) {
	vectors, err := m.compute(w, pairs, second)
	if err != nil {
		return nil, err
	}
	scores := make([]float32, len(vectors))
	for i, v := range vectors {
		score := m.head.score(v)
		if m.folder.sigmoid {
			score = 1 / (1 + math.Exp(-score))
		}
		scores[i] = float32(score)
		if x := float64(scores[i]); math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("pair %d of %d: the score is %v; the weights are damaged", i+1, len(pairs), x)
		}
	}
	return scores, nil
}

func (h *head) score(v []float32) float64 {
	sum := float64(h.bias[0])
	for i, weight := range h.classifier {
		x := float64(h.poolerBias[i])
		for j, y := range h.pooler[i*len(v):][:len(v)] {
			x += float64(y) * float64(v[j])
		}
		sum += float64(weight) * math.Tanh(x)
	}
	return sum
}
