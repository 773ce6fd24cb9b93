//go:build cgo

package transformer

import (
	"errors"
	"fmt"
	"math"

	"sheaf/internal/vector"
)

// Workspace is the memory of one computation, kept for the next one. It grows as needed.
// Only one goroutine may use it at a time. The zero value is ready.
type Workspace struct {
	state, sum, wide, scratch []float32
	word, positions           []byte
}

// Encode returns the vector of each text, given as its token ids with [CLS] before and
// [SEP] after them, at most Settings.MaxTokens. All texts are computed at once, in one
// thread and without padding, in about ten kilobytes of memory a token.
func (m *Model) Encode(w *Workspace, texts [][]int32) ([][]float32, error) {
	return m.compute(w, texts, nil)
}

// compute returns the vector of each text, or pair of texts, of which the second begins at the
// place in second.
func (m *Model) compute(w *Workspace, texts [][]int32, second []int) ([][]float32, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.close == nil {
		return nil, ErrClosed
	}
	if err := m.ready(); err != nil {
		return nil, err
	}
	tokens, longest, err := m.folder.check(texts)
	if err != nil || len(texts) == 0 {
		return nil, err
	}
	vectors, err := m.encode(w, texts, second, tokens, longest)
	if err != nil {
		return nil, err
	}
	return checked(vectors)
}

// checked returns the vectors of texts, or an error about the first that is none.
func checked(vectors [][]float32) ([][]float32, error) {
	for i, v := range vectors {
		if err := vector.Check(v); err != nil {
			return nil, fmt.Errorf("text %d of %d: %w; the weights are damaged", i+1, len(vectors), err)
		}
	}
	return vectors, nil
}

// check counts the tokens and checks what the C code relies on.
func (s *Settings) check(texts [][]int32) (tokens, longest int, err error) {
	for i, ids := range texts {
		if len(ids) == 0 || len(ids) > s.MaxTokens {
			return 0, 0, fmt.Errorf("text %d has %d tokens, not from 1 to %d", i+1, len(ids), s.MaxTokens)
		}
		for _, id := range ids {
			if id < 0 || int(id) >= s.Vocabulary {
				return 0, 0, fmt.Errorf("text %d: token %d is not below %d", i+1, id, s.Vocabulary)
			}
		}
		tokens += len(ids)
		longest = max(longest, len(ids))
	}
	if tokens > math.MaxInt32 {
		return 0, 0, errors.New("too many tokens at once")
	}
	return tokens, longest, nil
}

// encode is the forward pass. Each token has a row in three matrices: state is the output of
// the last layer, sum is what a part of a layer adds to it, and wide holds query, key, value
// and the result of the attention side by side, and later the inner layer.
func (m *Model) encode(w *Workspace, texts [][]int32, second []int, tokens, longest int) ([][]float32, error) {
	s := m.folder.shape
	width := max(4*s.dim, s.inner)
	state := rows{grow(&w.state, tokens*s.dim), s.dim, tokens}
	sum := rows{grow(&w.sum, tokens*s.dim), s.dim, tokens}
	wide := rows{grow(&w.wide, tokens*width), width, tokens}
	most := max(s.dim, s.inner)
	scratch := grow(&w.scratch, max(scratchSize(most, longest, s.dim/s.heads), codesSize(most, tokens)))

	if err := m.lookUp(w, state.x, texts, second, longest); err != nil {
		return nil, err
	}
	m.norm.apply(m.level, state, rows{})
	for _, l := range m.layers {
		l.project.apply(m.level, identity, state, wide, scratch)
		attended, first := wide.from(3*s.dim), 0
		for _, ids := range texts {
			n := len(ids)
			attend(m.level, wide.cut(first, n), s.heads, s.dim/s.heads, attended.cut(first, n), scratch)
			first += n
		}
		l.output.apply(m.level, identity, attended, sum, scratch)
		l.attended.apply(m.level, state, sum)
		l.up.apply(m.level, gelu, state, wide, scratch)
		l.down.apply(m.level, identity, wide, sum, scratch)
		l.norm.apply(m.level, state, sum)
	}
	return m.pool(state.x, texts), nil
}

// lookUp sets each row of state to the sum of its token's three embeddings.
func (m *Model) lookUp(w *Workspace, state []float32, texts [][]int32, second []int, longest int) error {
	dim := m.folder.Dim
	padding := m.folder.padding
	first := max(padding, 0)
	positions, err := m.positions.rows(int(first), longest+int(padding+1-first), &w.positions)
	if err != nil {
		return err
	}
	for n, ids := range texts {
		next := padding + 1 // position; that of a padding token, which only a text can bring, is its id
		for place, id := range ids {
			kind := m.types[:dim]
			if second != nil && place >= second[n] {
				kind = m.types[dim:][:dim]
			}
			word, err := m.words.rows(int(id), 1, &w.word)
			if err != nil {
				return err
			}
			at := padding
			if id != padding {
				at, next = next, next+1
			}
			position := positions[int(at-first)*dim:][:dim]
			for i, x := range kind {
				state[i] = word[i] + x + position[i]
			}
			state = state[dim:]
		}
	}
	return nil
}

// pool returns one vector for the rows of each text.
func (m *Model) pool(state []float32, texts [][]int32) [][]float32 {
	dim := m.folder.Dim
	vectors, flat := make([][]float32, len(texts)), make([]float32, len(texts)*dim)
	for i, ids := range texts {
		v := flat[i*dim : (i+1)*dim : (i+1)*dim]
		n := len(ids)
		if m.folder.pooling == clsPooling {
			n = 1
		}
		mean(v, state[:n*dim])
		if m.folder.Normalized {
			vector.Normalize(v)
		}
		vectors[i], state = v, state[len(ids)*dim:]
	}
	return vectors
}

// mean sets v to the mean of rows.
func mean(v, rows []float32) {
	n := float32(len(rows) / len(v))
	for ; len(rows) > 0; rows = rows[len(v):] {
		for i := range v {
			v[i] += rows[i]
		}
	}
	for i := range v {
		v[i] /= n
	}
}
