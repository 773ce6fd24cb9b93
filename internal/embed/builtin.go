package embed

import (
	_ "embed" // the model's files

	"sheaf/internal/kernel"
	"sheaf/internal/wordpiece"
)

// The built-in model, minilm-static-256-int8: a static model over WordPiece tokens. Derived
// from sentence-transformers/all-MiniLM-L6-v2; see NOTICE and docs/embedders.md.
var (
	//go:embed builtin/matrix.i8
	builtinMatrix []byte

	//go:embed builtin/scale.f32
	builtinScale []byte

	//go:embed builtin/vocab.txt
	builtinVocab []byte

	//go:embed builtin/vocab.index
	builtinIndex []byte // wordpiece.BuildIndex of vocab.txt
)

//go:generate go test -run ^TestBuiltinIndex$ -update .

// Facts of the files above, checked by a test.
const (
	builtinVocabulary  = 30522
	builtinLongest     = 18 // bytes of the longest piece
	builtinMaxScale    = 0.005172425415366888
	builtinFingerprint = "minilm-static-256-int8@8f4a831729f0"
)

// newEnglish returns the embedder "builtin".
func newEnglish(o Options) (Embedder, error) {
	m := staticModel{
		identity: Identity{Provider: "builtin", Dim: staticDim, Normalized: true, Fingerprint: builtinFingerprint},
		matrix:   builtinMatrix, scale: builtinScale, maxScale: builtinMaxScale,
	}
	if err := m.checkDimensions(o); err != nil {
		return nil, err
	}
	v, err := wordpiece.OpenVocabulary(builtinVocab, builtinIndex, builtinVocabulary, builtinLongest)
	if err != nil {
		return nil, err
	}
	t, err := wordpiece.New(v, wordpiece.Rules{})
	if err != nil {
		return nil, err
	}
	return &static{staticModel: m, tokenizer: t, options: o, level: kernel.Chosen(), notice: (*static).noticeNotEnglish}, nil
}
