package transformer_test

import (
	"fmt"
	"math"

	"sheaf/internal/transformer/transformertest"
)

// plain is the forward pass of a BERT encoder as its paper writes it, in float64 and one
// number at a time: the oracle of the kernels.
type plain struct {
	model   transformertest.Model
	tensors map[string]transformertest.Tensor
}

func newPlain(m transformertest.Model) plain {
	p := plain{m.WithDefaults(), map[string]transformertest.Tensor{}}
	for _, t := range m.Tensors() {
		p.tensors[t.Name[len(m.Prefix):]] = t
	}
	return p
}

type matrix [][]float64

func (p plain) encode(ids []int32) []float64 {
	words, positions := p.rows("embeddings.word_embeddings.weight"), p.rows("embeddings.position_embeddings.weight")
	types := p.rows("embeddings.token_type_embeddings.weight")
	x := matrix{}
	for place, id := range ids {
		x = append(x, add(add(words[id], positions[place]), types[0]))
	}
	p.norm("embeddings.LayerNorm", x)
	for i := range p.model.Layers {
		layer := fmt.Sprintf("encoder.layer.%d.", i)
		a := attention(p.linear(layer+"attention.self.query", x), p.linear(layer+"attention.self.key", x), p.linear(layer+"attention.self.value", x), p.model.Heads)
		x = sum(x, p.linear(layer+"attention.output.dense", a))
		p.norm(layer+"attention.output.LayerNorm", x)
		inner := p.linear(layer+"intermediate.dense", x)
		for _, row := range inner {
			for j, v := range row {
				row[j] = v / 2 * (1 + math.Erf(v/math.Sqrt2))
			}
		}
		x = sum(x, p.linear(layer+"output.dense", inner))
		p.norm(layer+"output.LayerNorm", x)
	}
	if p.model.Pooling == "cls" {
		x = x[:1]
	}
	v := make([]float64, len(x[0]))
	for _, row := range x {
		v = add(v, row)
	}
	length := float64(len(x))
	if p.model.Normalize {
		length = math.Sqrt(dot(v, v))
	}
	for i := range v {
		v[i] /= length
	}
	return v
}

func (p plain) rows(name string) matrix {
	t := p.tensors[name]
	cols := t.Shape[len(t.Shape)-1]
	var m matrix
	for i := 0; i < len(t.X); i += cols {
		row := make([]float64, cols)
		for j := range row {
			row[j] = float64(t.X[i+j])
		}
		m = append(m, row)
	}
	return m
}

func (p plain) linear(name string, x matrix) matrix {
	weight, bias := p.rows(name+".weight"), p.rows(name + ".bias")[0]
	out := make(matrix, len(x))
	for i := range x {
		for j := range weight {
			out[i] = append(out[i], dot(x[i], weight[j])+bias[j])
		}
	}
	return out
}

func (p plain) norm(name string, x matrix) {
	gamma, beta := p.rows(name + ".weight")[0], p.rows(name + ".bias")[0]
	for _, row := range x {
		mean, variance := 0.0, 0.0
		for _, v := range row {
			mean += v / float64(len(row))
		}
		for _, v := range row {
			variance += (v - mean) * (v - mean) / float64(len(row))
		}
		for i := range row {
			row[i] = (row[i]-mean)/math.Sqrt(variance+1e-12)*gamma[i] + beta[i]
		}
	}
}

func attention(q, k, v matrix, heads int) matrix {
	out := make(matrix, len(q))
	dim := len(q[0]) / heads
	for i := range q {
		for h := range heads {
			from, to := h*dim, (h+1)*dim
			weights, total := make([]float64, len(k)), 0.0
			for j := range k {
				weights[j] = math.Exp(dot(q[i][from:to], k[j][from:to]) / math.Sqrt(float64(dim)))
				total += weights[j]
			}
			row := make([]float64, dim)
			for j := range v {
				for d := range row {
					row[d] += weights[j] / total * v[j][from+d]
				}
			}
			out[i] = append(out[i], row...)
		}
	}
	return out
}

func dot(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

func add(a, b []float64) []float64 {
	s := make([]float64, len(a))
	for i := range a {
		s[i] = a[i] + b[i]
	}
	return s
}

func sum(a, b matrix) matrix {
	s := make(matrix, len(a))
	for i := range a {
		s[i] = add(a[i], b[i])
	}
	return s
}
