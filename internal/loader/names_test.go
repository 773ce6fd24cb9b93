package loader

import (
	"slices"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
	japan "golang.org/x/text/encoding/japanese"
	korea "golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// The names of the IANA register mean what they mean there.
func TestRegisteredNames(t *testing.T) {
	t.Parallel()
	all := slices.Concat(charmap.All, japan.All, korea.All, simplifiedchinese.All, traditionalchinese.All)
	seen := 0
	for _, want := range all {
		for _, register := range []*ianaindex.Index{ianaindex.IANA, ianaindex.MIME} {
			name, err := register.Name(want)
			if err != nil || want == charmap.XUserDefined {
				continue // of browsers
			}
			seen++
			if c, err := findCharset(name); err != nil || c.enc != want {
				t.Errorf("%q: %v, %v, want %v", name, c.enc, err, want)
			}
		}
	}
	if seen < 2*len(charmap.All)-10 {
		t.Errorf("the register has %d names", seen)
	}
}
