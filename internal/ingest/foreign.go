package ingest

// foreignSources counts the sources of a run whose texts are in a language that the model does not know.
type foreignSources struct {
	texts, others int // of the source at hand, that were embedded, and of these in such a language

	sources int    // of which texts were embedded
	foreign int    // of these, in such a language for a good part
	first   string // the name of the first of them
	notice  string // what the embedder says of it
	said    string // of the last text
}

// A source is in another language for a good part where one in foreignAlone of its documents is, or
// foreignTexts of them and one in foreignMany.
const (
	foreignAlone = 4
	foreignTexts = 5
	foreignMany  = 10
)

// add counts a text that was embedded, and of which the embedder says that it does not know its language, or nothing.
func (f *foreignSources) add(said string) {
	f.texts++
	if said != "" {
		f.others++
		f.said = said
	}
}

// end counts the source at hand, which has so many documents with those that were there before.
func (f *foreignSources) end(name string, documents int64) {
	if f.texts > 0 {
		f.sources++
	}
	if f.others > 0 && (int64(f.others*foreignAlone) >= documents || f.others >= foreignTexts && int64(f.others*foreignMany) >= documents) {
		if f.foreign++; f.foreign == 1 {
			f.first, f.notice = name, f.said
		}
	}
	f.abandon()
}

// abandon forgets the source at hand.
func (f *foreignSources) abandon() { f.texts, f.others = 0, 0 }

// tellForeign gives the notice about the sources in other languages.
func (r *run) tellForeign() {
	switch f := &r.foreign; {
	case f.foreign == 0:
	case f.sources == 1:
		r.notice("%q: %s", f.first, f.notice)
	default:
		r.notice("%d of %d sources, such as %q: %s", f.foreign, f.sources, f.first, f.notice)
	}
}
