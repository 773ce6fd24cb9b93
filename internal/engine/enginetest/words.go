package enginetest

import (
	"errors"
	"fmt"
	"strconv"

	"sheaf/internal/engine"
	"sheaf/internal/words"
)

// searchByText: documents are found by their text, where a store keeps their words.
func (s *suite) searchByText() {
	s.byText()
	s.name = s.engine.Name(s.T)
	s.foreign()
	s.name = s.engine.Name(s.T)
	s.singleCharacter()
	s.name = s.engine.Name(s.T)
	s.withoutWords()
}

// byText: documents are found by the words of a query, and by words and meaning.
func (s *suite) byText() {
	w := s.create(s.facts)
	var docs []engine.Document
	for i, text := range []string{"the tide comes in", "the tide goes out twice", "flags such as --dry-run", "ничего из этого"} {
		d := doc(fmt.Sprint(i), i)
		d.Source, d.Text, d.Vector = "a", text, []float32{float32(i), 1, 0}
		docs = append(docs, d)
	}
	s.replace(w, "a", docs...)
	s.commit(w)
	query := [][]float32{{3, 1, 0}}
	threshold := float32(5)
	for _, test := range []struct {
		text string
		engine.SearchOptions
		want []string
	}{
		{"Tides", engine.SearchOptions{K: 4, Mode: engine.ByWords}, []string{"0", "1"}},
		{"twice the tide", engine.SearchOptions{K: 4, Mode: engine.ByWords}, []string{"1", "0"}},
		{"twice the tide", engine.SearchOptions{K: 1, Mode: engine.ByWords}, []string{"1"}},
		{"the tide", engine.SearchOptions{K: 4, Mode: engine.ByWords, Filter: s.filter("n=1")}, []string{"1"}},
		{"the tide", engine.SearchOptions{K: 4, Mode: engine.ByWords, ScoreThreshold: &threshold}, []string{"1"}},
		{"ebb", engine.SearchOptions{K: 4, Mode: engine.ByWords}, nil},
		{"--dry-run", engine.SearchOptions{K: 1, Mode: engine.Hybrid}, []string{"2"}},
		{"что это из flags", engine.SearchOptions{K: 1, Mode: engine.Hybrid, Calibration: engine.Calibration{EnglishOnly: true}}, []string{"3"}},
		{"ebb", engine.SearchOptions{K: 4, Mode: engine.Hybrid}, []string{"3", "2", "1", "0"}},
		{"ebb", engine.SearchOptions{K: 4, Mode: engine.ByVector}, []string{"3", "2", "1", "0"}},

		{`"the tide" -twice`, engine.SearchOptions{K: 4, Mode: engine.ByWords}, []string{"0"}},
		{`tides "tide goes"`, engine.SearchOptions{K: 4, Mode: engine.ByWords}, []string{"1"}},
		{`"goes tide"`, engine.SearchOptions{K: 4, Mode: engine.ByWords}, nil},
		{`"the" tide`, engine.SearchOptions{K: 1, Mode: engine.ByWords, Filter: s.filter("n=1")}, []string{"1"}},
		{`ebb -flag -"tide comes"`, engine.SearchOptions{K: 4, Mode: engine.Hybrid}, []string{"3", "1"}},
		{`ebb -tides`, engine.SearchOptions{K: 1, Mode: engine.Hybrid, Filter: s.filter("n<=2")}, []string{"2"}},
		{`flags "as --dry-run"`, engine.SearchOptions{K: 4, Mode: engine.Hybrid}, []string{"2"}},
	} {
		o := test.SearchOptions
		asked, err := words.Parse(test.text)
		s.must(err)
		o.Texts, o.Conditions = []string{asked.Text}, []*words.Condition{asked.Condition}
		hits, err := w.Search(s.Context(), query, o)
		s.must(err)
		what := fmt.Sprintf("%s %q", o.Mode, test.text)
		same(s, what, test.want, idsOfHits(hits[0]))
		for _, h := range hits[0] {
			i, _ := strconv.Atoi(h.ID)
			if h.Score != float32((3-i)*(3-i)) || (h.Words > 0) != (o.Mode != engine.ByVector && asked.Text != "ebb") || (h.Fused != 0) != (o.Mode == engine.Hybrid) || (h.FusedWords > 0) != (o.Mode == engine.Hybrid && h.Words > 0) {
				s.Errorf("%s: %+v", what, h)
			}
		}
	}
	mmr := engine.MMROptions{SearchOptions: engine.SearchOptions{K: 1, Mode: engine.ByWords, Texts: []string{"tide"}}, Lambda: 1}
	hits, err := engine.MMR(s.Context(), w, query, mmr)
	s.must(err)
	same(s, "mmr by words", []string{"1"}, idsOfHits(hits[0]))
	if _, err := w.Search(s.Context(), query, engine.SearchOptions{K: 1, Mode: "taste"}); err == nil {
		s.Error("an unknown mode passes")
	}
}

// foreign: where the embedder does not know the language of the documents words count although
// the query has few of them.
func (s *suite) foreign() {
	w := s.create(s.facts)
	var docs []engine.Document
	for i, text := range []string{"die Katze ist nicht im Haus", "der Hund ist im Garten", "das Pferd und die Maus", "wir sind auf dem Weg nach Hause"} {
		d := doc(fmt.Sprint(i), i)
		d.Source, d.Text, d.Vector = "a", text, []float32{float32(i), 1, 0}
		docs = append(docs, d)
	}
	s.replace(w, "a", docs...)
	s.commit(w)
	o := engine.SearchOptions{K: 1, Mode: engine.Hybrid, Texts: []string{"Welche Sachen frisst eine Katze besonders gern"}}
	english := engine.Calibration{EnglishOnly: true}
	for embedder, want := range map[engine.Calibration]string{{}: "3", english: "0"} {
		o.Calibration = embedder
		hits, err := w.Search(s.Context(), [][]float32{{3, 1, 0}}, o)
		s.must(err)
		same(s, fmt.Sprintf("%+v", embedder), []string{want}, idsOfHits(hits[0]))
	}
	for judge, want := range map[engine.Calibration]float64{{}: 0, english: engine.DefaultWordWeight} {
		o.Calibration, o.Judge = english, judge
		hits, err := w.Search(s.Context(), [][]float32{{3, 1, 0}}, o)
		s.must(err)
		same(s, fmt.Sprintf("judge %+v", judge), want, hits[0][0].JudgedWords)
	}
}

// singleCharacter: a character of a script without spaces is found wherever it stands.
func (s *suite) singleCharacter() {
	w := s.create(s.facts)
	var docs []engine.Document
	for i, text := range []string{"黒猫です", "犬です", "猫", "猫が猫を", "ﾈｺと犬"} {
		d := doc(fmt.Sprint(i), i)
		d.Source, d.Text = "a", text
		docs = append(docs, d)
	}
	s.replace(w, "a", docs...)
	s.commit(w)
	for text, want := range map[string][]string{"猫": {"2", "3", "0"}, "犬 です": {"1", "0", "4"}, "コ": {"4"}, "象": nil} {
		hits, err := w.Search(s.Context(), [][]float32{docs[0].Vector}, engine.SearchOptions{K: 5, Mode: engine.ByWords, Texts: []string{text}, Explain: true})
		s.must(err)
		same(s, text, want, idsOfHits(hits[0]))
	}
}

// withoutWords: a store without an index of words says so.
func (s *suite) withoutWords() {
	f := s.facts
	f.NoWords = true
	w := s.create(f)
	s.replace(w, "a", doc("1", 1))
	s.commit(w)
	for _, mode := range []engine.Mode{engine.ByWords, engine.Hybrid} {
		_, err := w.Search(s.Context(), [][]float32{{1, 2, 3}}, engine.SearchOptions{K: 1, Mode: mode, Texts: []string{"tide"}})
		if !errors.Is(err, engine.ErrNoWords) {
			s.Errorf("%s in a store without words: %v", mode, err)
		}
	}
}
