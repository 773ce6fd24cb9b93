package embed

import (
	_ "embed" // the model's files
	"fmt"

	"sheaf/internal/kernel"
	"sheaf/internal/unigram"
)

// The built-in model for 16 languages, use-static-256-int8: a static model over SentencePiece
// pieces. Derived from USE-multilingual-v3 by the scripts in multilingual/train; see NOTICE and
// docs/embedders.md. pieces.txt, one piece a line with its id as line number, and scores.f32, a
// score for each, are not needed to compute.
var (
	//go:embed multilingual/matrix.i8
	multilingualMatrix []byte

	//go:embed multilingual/scale.f32
	multilingualScale []byte

	//go:embed multilingual/charsmap.bin
	multilingualCharsmap string

	//go:embed multilingual/pieces.trie
	multilingualTrie string // unigram.Build of pieces.txt and scores.f32

	//go:embed multilingual/pieces.scores
	multilingualScores string // made with it
)

//go:generate go run ../../cmd/gen/pieces multilingual

// Facts of the files above, checked by a test.
const (
	multilingualMaxScale    = 0.006345625501126051
	multilingualLeastScore  = -18.833036422729492
	multilingualFingerprint = "use-static-256-int8@aaefeb370998"
)

// Multilingual is the model of "builtin" that knows more than English.
const Multilingual = "multilingual"

// NewBuiltin returns an embedder that computes with a model in the program: the English one, of which
// o.Fingerprint names the version, First, or Multilingual.
func NewBuiltin(model string, o Options) (Embedder, error) {
	switch model {
	case "":
		return newEnglish(o.Fingerprint, o)
	case First:
		return newEnglish(firstFingerprint, o)
	case Multilingual:
		return newMultilingual(o)
	}
	return nil, fmt.Errorf("embedder \"builtin:%s\": the program has no such model, only builtin and builtin:%s", model, Multilingual)
}

func newMultilingual(o Options) (Embedder, error) {
	m := staticModel{
		identity: Identity{Provider: "builtin", Model: Multilingual, Dim: staticDim, Normalized: true, Fingerprint: multilingualFingerprint},
		matrix:   multilingualMatrix, scale: multilingualScale, maxScale: multilingualMaxScale,
	}
	if err := m.checkDimensions(o); err != nil {
		return nil, err
	}
	t, err := unigram.Open(unigram.Data{
		Charsmap: multilingualCharsmap, Trie: multilingualTrie, Scores: multilingualScores, Least: multilingualLeastScore, Plain: true, Apart: true,
	})
	if err != nil {
		return nil, err
	}
	return &static{staticModel: m, tokenizer: t, options: o, level: kernel.Chosen(), notice: (*static).noticeScript}, nil
}
