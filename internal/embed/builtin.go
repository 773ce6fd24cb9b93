package embed

import (
	_ "embed" // the model's files

	"sheaf/internal/kernel"
	"sheaf/internal/wordpiece"
)

// The built-in models for English, minilm-static-256-int8: static models over WordPiece tokens, the
// second trained from the first. Derived from sentence-transformers/all-MiniLM-L6-v2; see NOTICE,
// builtin/train and docs/embedders.md. New stores get the second; the first stays for those that have
// its vectors.
var (
	//go:embed builtin/matrix.i8
	builtinMatrix []byte

	//go:embed builtin/scale.f32
	builtinScale []byte

	//go:embed builtin/first/matrix.i8
	firstMatrix []byte

	//go:embed builtin/first/scale.f32
	firstScale []byte

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
	builtinMaxScale    = 0.004678512457758188
	builtinFingerprint = "minilm-static-256-int8@7be7a6dc33bb"
	firstMaxScale      = 0.005172425415366888
	firstFingerprint   = "minilm-static-256-int8@8f4a831729f0"
)

// First is the first English model of "builtin", by which a user names it. It calls itself "builtin"
// as well: its fingerprint tells them apart.
const First = "1"

// IsFirst reports whether a fingerprint is that of First.
func IsFirst(fingerprint string) bool { return fingerprint == firstFingerprint }

// english returns the English model with this fingerprint, or else the newest.
func english(fingerprint string) staticModel {
	m := staticModel{
		identity: Identity{Provider: "builtin", Dim: staticDim, Normalized: true, Fingerprint: builtinFingerprint},
		matrix:   builtinMatrix, scale: builtinScale, maxScale: builtinMaxScale, damped: true,
	}
	if IsFirst(fingerprint) {
		m.identity.Fingerprint = fingerprint
		m.matrix, m.scale, m.maxScale, m.damped = firstMatrix, firstScale, firstMaxScale, false
	}
	return m
}

// newEnglish returns the embedder "builtin" with the model of this fingerprint.
func newEnglish(fingerprint string, o Options) (Embedder, error) {
	m := english(fingerprint)
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
