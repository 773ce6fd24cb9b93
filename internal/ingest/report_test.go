package ingest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Of the failures of one source the first are listed and the rest is counted; a source that fails is always named.
func TestReportCountsFailures(t *testing.T) {
	t.Parallel()
	r := newReport()
	odd := errors.New("odd")
	for range listedFailures + 3 {
		r.fail("a", odd, false)
	}
	r.fail("a", errors.New("over"), true)
	for range listedFailures {
		r.fail("b", odd, false)
	}
	r.endFailures()
	var got []string
	for i, f := range r.Failures {
		if i < listedFailures && f.Source != "a" || f.Err == nil {
			t.Errorf("failure %d: %+v", i, f)
		}
		if f.Error != "odd" {
			got = append(got, fmt.Sprintf("%d %s %s", i, f.Source, f.Error))
		}
	}
	want := []string{"20 a over", "21 a 3 more of its records or chunks failed"}
	if diff := cmp.Diff(want, got); diff != "" || len(r.Failures) != 2*listedFailures+2 {
		t.Errorf("%d failures\n%s", len(r.Failures), diff)
	}
	if r.FailedSources != 1 || r.FailedChunks != 2*listedFailures+3 || !r.Failed() {
		t.Errorf("%d sources, %d chunks", r.FailedSources, r.FailedChunks)
	}
}

func TestOversize(t *testing.T) {
	t.Parallel()
	var o Oversize
	o.add(0, 7)
	if o != (Oversize{}) || o.String() != "" {
		t.Errorf("%+v: %q", o, o)
	}
	const rest = "the longest with %d code points: no separator divides them (--splitter recursive divides any text)"
	for _, tt := range []struct {
		chunks, longest int
		want            string
	}{
		{1, 30, fmt.Sprintf("1 chunk is longer than the chunk size, in 1 source, "+rest, 30)},
		{2, 20, fmt.Sprintf("3 chunks are longer than the chunk size, in 2 sources, "+rest, 30)},
		{1, 40, fmt.Sprintf("4 chunks are longer than the chunk size, in 3 sources, "+rest, 40)},
	} {
		if o.add(tt.chunks, tt.longest); o.String() != tt.want {
			t.Errorf("%q, want %q", o, tt.want)
		}
	}
}
