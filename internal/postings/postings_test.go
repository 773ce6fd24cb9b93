package postings_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/postings"
)

// kept is a segment with its pages.
type kept struct {
	postings.Segment
	pages [][]byte
}

func (k *kept) emit(page []byte) error {
	k.pages = append(k.pages, slices.Clone(page))
	return nil
}

func (k *kept) source() postings.Source {
	return postings.Source{Segment: k.Segment, Page: func(i int) ([]byte, error) {
		if i >= len(k.pages) {
			return nil, errors.New("no such page")
		}
		return k.pages[i], nil
	}}
}

func sources(all []*kept) (list []postings.Source) {
	for _, k := range all {
		list = append(list, k.source())
	}
	return list
}

// corpus has the terms of documents by their numbers.
type corpus map[uint32][]uint64

// random makes documents from a number on. Some terms are in most of them, most are in
// few, and some numbers have no document.
func random(r *rand.Rand, from uint32, n int) corpus {
	c := corpus{}
	for document := from; len(c) < n; document += 1 + r.Uint32N(10)/9 {
		var terms []uint64
		for range r.IntN(200) {
			terms = append(terms, term(uint64(math.Exp(r.Float64()*12))))
		}
		c[document] = terms
	}
	return c
}

// term spreads small numbers over the terms.
func term(n uint64) uint64 { return n * 0x9e3779b97f4a7c15 >> (64 - postings.TermBits) }

func (c corpus) numbers() []uint32 {
	var numbers []uint32
	for n := range c {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return numbers
}

// segments builds segments of so many documents each.
func (c corpus) segments(t testing.TB, each int) (all []*kept) {
	t.Helper()
	var b postings.Builder
	for numbers := range slices.Chunk(c.numbers(), each) {
		for _, n := range numbers {
			if !b.Fits(n) {
				t.Fatalf("document %d does not fit", n)
			}
			b.Add(n, slices.Values(c[n]))
		}
		k := &kept{}
		var err error
		if k.Segment, err = b.Flush(k.emit); err != nil || !b.Empty() {
			t.Fatal(err)
		}
		all = append(all, k)
	}
	return all
}

func merge(t testing.TB, all []*kept, alive postings.Alive) *kept {
	t.Helper()
	k := &kept{}
	var err error
	if k.Segment, err = postings.Merge(sources(all), alive, k.emit); err != nil {
		t.Fatal(err)
	}
	if k.Pages() != len(k.pages) {
		t.Fatalf("%d pages, %d told", len(k.pages), k.Pages())
	}
	return k
}

// scores are what BM25 gives, as its formula reads, and the sums of weights.
func (c corpus) scores(terms []uint64, average float64) (scores, covered map[uint32]float64) {
	scores, covered = map[uint32]float64{}, map[uint32]float64{}
	for i, term := range terms {
		if slices.Contains(terms[:i], term) {
			continue
		}
		with := 0
		for _, has := range c {
			if slices.Contains(has, term) {
				with++
			}
		}
		repeated := 0
		for _, other := range terms {
			if other == term {
				repeated++
			}
		}
		weight := float64(repeated) * math.Log(1+(float64(len(c)-with)+.5)/(float64(with)+.5))
		for n, has := range c {
			f := 0.0
			for _, other := range has {
				if other == term {
					f++
				}
			}
			if f > 0 {
				scores[n] += weight * f * 2.2 / (f + 1.2*(.25+.75*kept32(len(has))/average))
				covered[n] += weight
			}
		}
	}
	return scores, covered
}

// kept32 is a length as a segment keeps it.
func kept32(length int) float64 { return float64(postings.LengthOf(postings.LengthByte(length))) }

// average is the average length of the documents.
func (c corpus) average() float64 {
	sum := 0.0
	for _, terms := range c {
		sum += kept32(len(terms))
	}
	return sum / float64(len(c))
}

// Documents rank as the formula says, in few segments or many, and in exactly the same
// way after a merge.
func TestRank(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	c := random(r, 100, 600)
	parts := c.segments(t, 70)
	x := postings.Index{Sources: sources(parts), Documents: int64(len(c))}
	merged := postings.Index{Sources: sources([]*kept{merge(t, parts, nil)}), Documents: int64(len(c))}
	for range 50 {
		var terms []uint64
		for range 1 + r.IntN(6) {
			terms = append(terms, term(uint64(r.IntN(300))))
		}
		got, err := x.Rank(terms, nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := merged.Rank(terms, nil)
		if diff := cmp.Diff(got, again); err != nil || diff != "" {
			t.Fatalf("after a merge: %v %s", err, diff)
		}
		scores, covered := c.scores(terms, c.average())
		for i, score := range got.Scores {
			n := got.First + uint32(i)
			if !near(score, scores[n]) || !near(got.Covered[i], covered[n]) {
				t.Errorf("document %d: score %v, covered %v, want %v and %v", n, score, got.Covered[i], scores[n], covered[n])
			}
		}
		checkShares(t, &x, terms, got)
		if got.Best != slices.Max(got.Scores) || got.MostCovered != slices.Max(got.Covered) {
			t.Errorf("the highest are %v and %v", got.Best, got.MostCovered)
		}
		if diff := cmp.Diff(got.Covered, got.Evidence); diff != "" || got.MostEvidence != got.MostCovered {
			t.Errorf("without stop words there is other evidence: %s", diff)
		}
	}
}

// checkShares compares what terms add to each document, and to ones before and behind all, with its score.
func checkShares(t *testing.T, x *postings.Index, terms []uint64, r *postings.Ranking) {
	t.Helper()
	documents := []int64{int64(r.First) - 1}
	for i := range len(r.Scores) + 1 {
		documents = append(documents, int64(r.First)+int64(i))
	}
	shares, err := x.Shares(terms, nil, documents)
	if err != nil {
		t.Fatal(err)
	}
	scores := slices.Concat([]float32{0}, r.Scores, []float32{0})
	for d, of := range shares {
		sum := 0.0
		for i, share := range of {
			if share != 0 && slices.Index(terms, terms[i]) != i {
				t.Errorf("document %d: a repeated term adds %v", documents[d], share)
			}
			sum += float64(share)
		}
		if !near(scores[d], sum) {
			t.Errorf("document %d: shares of %v, and the score is %v", documents[d], sum, scores[d])
		}
	}
}

// A stop word that few documents have adds no more than one that a third of them have, and is as rare as it is.
func TestStopWords(t *testing.T) {
	t.Parallel()
	const stop, other, frequent = 1, 2, 3
	c := corpus{}
	for n := range uint32(100) {
		c[n] = []uint64{term(frequent)}
	}
	c[7], c[8] = append(c[7], term(stop)), append(c[8], term(other))
	x := postings.Index{Sources: sources(c.segments(t, 100)), Documents: int64(len(c))}
	terms := []uint64{term(stop), term(other), term(stop), term(frequent)}
	plain, err := x.Rank(terms, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := x.Rank(terms, map[uint64]bool{term(stop): true, term(frequent): true})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{2 * postings.StopWeight, plain.Weights[1], 0, plain.Weights[3]}; !slices.Equal(got.Weights, want) {
		t.Errorf("weights %v, want %v", got.Weights, want)
	}
	if !slices.Equal(got.Rarities, plain.Weights) || !slices.Equal(got.Covered, plain.Covered) {
		t.Errorf("rarities %v, want %v", got.Rarities, plain.Weights)
	}
	if plain.Scores[7] <= plain.Scores[8] || got.Scores[7] >= got.Scores[8] {
		t.Errorf("the document with the stop word: %v of %v, and %v of %v", plain.Scores[7], plain.Best, got.Scores[7], got.Best)
	}
	if want := got.Weights[1] + got.Weights[3]; got.MostEvidence != want || got.MostCovered != plain.MostCovered {
		t.Errorf("evidence of %v, want %v", got.MostEvidence, want)
	}
}

func near(got float32, want float64) bool { return math.Abs(float64(got)-want) <= 1e-5*want }

// Dead documents count in the average length only, until a merge drops them.
func TestDead(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	c := random(r, 0, 300)
	average := c.average()
	parts := c.segments(t, 100)
	dead := func(n uint32) bool { return n < 192 && n%3 == 0 }
	var alive postings.Alive
	for _, n := range c.numbers() {
		for len(alive) <= int(n/64) {
			alive = append(alive, 0)
		}
		if dead(n) {
			delete(c, n)
		} else {
			alive[n/64] |= 1 << (n % 64)
		}
	}
	whole := merge(t, parts, alive)
	if whole.Documents != int64(len(c)) {
		t.Errorf("%d documents after a merge, not %d", whole.Documents, len(c))
	}
	for _, test := range []struct {
		postings.Index
		average float64
	}{
		{postings.Index{Sources: sources(parts), Documents: int64(len(c)), Alive: alive}, average},
		{postings.Index{Sources: sources([]*kept{whole}), Documents: int64(len(c))}, c.average()},
	} {
		terms := []uint64{term(1), term(20), term(3), term(1), term(1 << 40)}
		got, err := test.Rank(terms, nil)
		if err != nil {
			t.Fatal(err)
		}
		scores, _ := c.scores(terms, test.average)
		for i, score := range got.Scores {
			if n := got.First + uint32(i); !near(score, scores[n]) {
				t.Errorf("document %d: %v, want %v", n, score, scores[n])
			}
		}
		with, err := test.With(term(20))
		if want := slices.DeleteFunc(c.numbers(), func(n uint32) bool { return !slices.Contains(c[n], term(20)) }); err != nil || !slices.Equal(with, want) {
			t.Errorf("%v have the term, want %v", with, want)
		}
		if unknown := float32(math.Log((float64(len(c)) + .5) / .5)); got.Weights[3] != 0 || got.Weights[4] != unknown {
			t.Errorf("weights %v", got.Weights)
		}
	}
	gone := merge(t, []*kept{whole}, postings.Alive{})
	if gone.Documents != 0 || gone.Tokens != 0 || len(gone.Directory) != 0 {
		t.Errorf("without documents: %+v", gone.Segment)
	}
}

// A list that fills several pages is read whole, and its neighbours are found.
func TestLongList(t *testing.T) {
	t.Parallel()
	c := corpus{}
	for n := range uint32(60_000) {
		c[n] = []uint64{0, 5, 7, 7, 9 + uint64(n%100)}
	}
	k := merge(t, c.segments(t, 20_000), nil)
	x := postings.Index{Sources: sources([]*kept{k}), Documents: int64(len(c))}
	for _, page := range k.pages {
		if len(page) > postings.PageSize+100 {
			t.Errorf("a page of %d bytes", len(page))
		}
	}
	for term, want := range map[uint64]int{0: 60_000, 4: 0, 5: 60_000, 6: 0, 7: 60_000, 8: 0, 9: 600, 108: 600, 109: 0} {
		r, err := x.Rank([]uint64{term}, nil)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, covered := range r.Covered {
			if covered > 0 {
				found++
			}
		}
		if found != want {
			t.Errorf("term %d in %d documents, not %d", term, found, want)
		}
	}
}

// A store has few segments, and each posting is written anew few times.
func TestDue(t *testing.T) {
	t.Parallel()
	var segments []postings.Segment
	written, total, most := int64(0), int64(0), 0
	r := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		tokens := int64(50_000 + r.IntN(100_000))
		total += tokens
		segments = append(segments, postings.Segment{Tokens: tokens})
		due := postings.Due(segments)
		if due == len(segments)-1 {
			t.Fatal("a segment alone is to be merged")
		}
		if due < len(segments) {
			sum := int64(0)
			for _, s := range segments[due:] {
				sum += s.Tokens
			}
			written += sum
			segments = append(segments[:due], postings.Segment{Tokens: sum})
		}
		most = max(most, len(segments))
	}
	if most > 32 || written > 6*total {
		t.Errorf("%d segments, %d tokens written to keep %d", most, written, total)
	}
}

func TestLengthByte(t *testing.T) {
	t.Parallel()
	for length := 1; length < 500_000; length++ {
		got := int(kept32(length))
		if got > length || length-got > length/16 || length < 32 && got != length || kept32(length+1) < kept32(length) {
			t.Fatalf("length %d is kept as %d", length, got)
		}
	}
	if kept32(0) != 1 || kept32(1<<40) != 507_904 {
		t.Error(kept32(0), kept32(1<<40))
	}
}

// An error of a page, and of whoever keeps pages, ends what reads and writes them.
func TestErrors(t *testing.T) {
	t.Parallel()
	parts := random(rand.New(rand.NewPCG(7, 8)), 0, 100).segments(t, 50)
	fault := errors.New("fault")
	fails := func([]byte) error { return fault }
	if _, err := postings.Merge(sources(parts), nil, fails); !errors.Is(err, fault) {
		t.Error(err)
	}
	for i := range parts[0].pages {
		lost := &kept{parts[0].Segment, parts[0].pages[:i]}
		if _, err := postings.Merge(sources([]*kept{lost, parts[1]}), nil, func([]byte) error { return nil }); err == nil {
			t.Errorf("page %d is missing: merged", i)
		}
	}
	x := postings.Index{Sources: sources([]*kept{parts[1], parts[0]})}
	if _, err := x.Rank([]uint64{1}, nil); !errors.Is(err, postings.ErrMalformed) {
		t.Errorf("segments out of order: %v", err)
	}
	empty := postings.Index{Documents: 3}
	if r, err := empty.Rank([]uint64{1}, nil); err != nil || len(r.Scores) != 0 {
		t.Error(r, err)
	}
}

// A page that anybody may have written is read or refused.
func FuzzPage(f *testing.F) {
	for _, k := range random(rand.New(rand.NewPCG(9, 10)), 7, 40).segments(f, 20) {
		for _, page := range k.pages {
			f.Add(page, k.Directory, uint32(7), uint32(50))
		}
	}
	f.Fuzz(func(t *testing.T, page, directory []byte, first, last uint32) {
		k := &kept{Segment: postings.Segment{First: first, Last: last, Directory: directory}}
		if k.Validate() != nil || len(directory) == 0 || last-first > 1<<16 {
			return
		}
		for i := range k.Pages() {
			if i < k.LengthPages() {
				k.pages = append(k.pages, make([]byte, min(postings.PageSize, int(last-first)+1-i*postings.PageSize)))
			} else {
				k.pages = append(k.pages, page)
			}
		}
		again := &kept{}
		var err error
		again.Segment, err = postings.Merge(sources([]*kept{k}), nil, again.emit)
		if err != nil {
			if !errors.Is(err, postings.ErrMalformed) {
				t.Error(err)
			}
			return
		}
		list, err := k.AppendList(nil, page, 3, 5)
		for _, p := range list {
			if p.Document < first || p.Document > last || p.Count == 0 {
				t.Errorf("%+v of documents %d to %d", p, first, last)
			}
		}
		if err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkBuild(b *testing.B) {
	c := random(rand.New(rand.NewPCG(1, 2)), 0, 5000)
	tokens := 0
	for _, terms := range c {
		tokens += len(terms)
	}
	numbers := c.numbers()
	var builder postings.Builder
	for b.Loop() {
		for _, n := range numbers {
			builder.Add(n, slices.Values(c[n]))
		}
		if _, err := builder.Flush(func([]byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tokens), "ns/token")
}

func BenchmarkRank(b *testing.B) {
	const documents = 1_000_000
	c := corpus{}
	for n := range uint32(documents) {
		terms := []uint64{term(uint64(n) % 1000), term(1e6 + uint64(n)%30), term(2e6 + uint64(n)%10), term(3e6 + uint64(n)%3)}
		c[n] = append(terms, term(4e6+uint64(n)%100))
	}
	k := merge(b, c.segments(b, 50_000), nil)
	x := postings.Index{Sources: sources([]*kept{k}), Documents: documents}
	for b.Loop() {
		if _, err := x.Rank([]uint64{term(7), term(1e6), term(2e6), term(3e6), term(4e6)}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
