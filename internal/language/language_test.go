package language_test

import (
	"testing"

	"sheaf/internal/language"
)

func TestEvidence(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]language.Evidence{
		"":              {},
		"1234 +-* \xff": {},
		"The quick brown fox jumps over the lazy dog.": {English: 2},
		"LE DOS DU MONDE":              {},         // capitals may be abbreviations
		"der Hund und die Katze":       {Other: 2}, // "die" is English too
		"naïve café":                   {Other: 2},
		"re\u0301sume\u0301":           {Other: 1},
		"где находится записка":        {Other: 3},
		"東京は日本の首都です":                   {Other: 4}, // a third of its letters, rounded up
		"이 문서는":                        {Other: 2},
		"x := λ(y) // π":               {}, // symbols of one letter
		"שלום עולם":                    {Other: 2},
		"if err != nil { return err }": {English: 1},
		"\xffword\xff of\xff":          {English: 1},
	} {
		var e language.Evidence
		if e.Add(text); e != want {
			t.Errorf("%q: %+v, want %+v", text, e, want)
		}
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for e, want := range map[language.Evidence]struct{ foreign, partly bool }{
		{}:                        {false, false},
		{Other: 2}:                {false, false},
		{Other: 3}:                {true, true},
		{Other: 3, English: 3}:    {false, true},
		{Other: 25, English: 75}:  {false, true},
		{Other: 24, English: 75}:  {false, false},
		{Other: 76, English: 75}:  {true, true},
		{Other: 0, English: 1000}: {false, false},
	} {
		if e.Foreign() != want.foreign || e.Partly() != want.partly {
			t.Errorf("%+v: foreign %v, partly %v", e, e.Foreign(), e.Partly())
		}
	}
}
