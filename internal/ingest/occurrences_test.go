package ingest

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
)

func TestOccurrences(t *testing.T) {
	t.Parallel()
	var o occurrences
	const n = 3 * exactOccurrences // well into the filter
	for i := range n {
		if got := o.count(uuid.NewSHA1(namespace, fmt.Append(nil, i))); got != 0 {
			t.Fatalf("%d is new, and came %d times", i, got)
		}
	}
	for _, i := range []int{0, exactOccurrences - 1, exactOccurrences, n - 1} {
		for want := 1; want <= 3; want++ {
			if got := o.count(uuid.NewSHA1(namespace, fmt.Append(nil, i))); got != want {
				t.Errorf("%d came %d times, counted %d", i, want, got)
			}
		}
	}
	if len(o.first) > exactOccurrences || len(o.more) > 4 {
		t.Errorf("%d and %d are remembered one by one", len(o.first), len(o.more))
	}
}
