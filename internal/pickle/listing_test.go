package pickle_test

import (
	"fmt"
	"testing"

	"sheaf/internal/pickle"
)

// TestListed: of a dict at the end of the file, whose keys count from 0, values are known
// ahead as far as they are in the memo.
func TestListed(t *testing.T) {
	t.Parallel()
	before := short("a") + "q\x000" + short("b") + "q\x010" + "}NNs" // for which Take is called
	tests := []struct{ end, want string }{
		{"}(K\x00h\x00K\x01h\x01u\x86.", "[a b]"},
		{"}\x94K\x00j\x00\x00\x00\x00sJ\x01\x00\x00\x00g1\ns\x86\x94.", "[a b]"},
		{"}(K\x00h\x01M\x01\x00h\x00K\x02h\x01u\x86.", "[b a b]"},
		{"N\x8c\x01cq\x0200}(K\x00h\x00K\x01h\x02K\x02h\x01u\x86.", "[a]"},
		{"}K\x00h\x00s0}(K\x00h\x01u\x86.", "[b]"},
		{"}(K\x01h\x00u\x86.", "[]"}, {"}(K\x00h\x00K\x00h\x01u\x86.", "[]"}, {"}(K\x00h\x00K\x01Nu\x86.", "[]"},
		{"}(K\x00h\x00u\x860N.", "[]"}, {"}(K\x00K\x01h\x00h\x01u\x86.", "[]"}, {"}(h\x00h\x01u\x86.", "[]"}, {"](K\x00h\x00e\x86.", "[]"},
	}
	for _, tt := range tests {
		o := options
		calls, got := 0, []pickle.Value{}
		o.Take = func(_ *pickle.Dict, _, _ pickle.Value, listed func(int) pickle.Value) (bool, error) {
			for calls++; calls == 1 && listed(len(got)) != nil; {
				got = append(got, listed(len(got)))
			}
			return false, nil
		}
		if _, err := loadWith(before+tt.end, o); err != nil || fmt.Sprint(got) != tt.want {
			t.Errorf("%q: %v, %v, want %s", tt.end, got, err, tt.want)
		}
	}
}
