package cmd

import (
	"strings"
	"testing"
)

func TestGuardVectors(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"search-vector|-0.1,0.2", "search-vector| -0.1,0.2"},
		{"search-vector|-1|2", "search-vector| -1|2"},
		{"search-vector|-.5|2", "search-vector| -.5|2"},
		{"search-vector|-0 1", "search-vector| -0 1"},
		{"search-vector|-00", "search-vector| -00"},
		{"search-vector|-0|-e|-k|3|-|1", "search-vector|-0|-e|-k|3|-|1"},
		{"search-vector|-0e|1", "search-vector|-0e|1"},
		{"search-vector|--|-1", "search-vector|--|-1"},
		{"-s|-1|search|-1", "-s|-1|search|-1"},
	}
	for _, tt := range tests {
		if got := strings.Join(guardVectors(strings.Split(tt.in, "|")), "|"); got != tt.want {
			t.Errorf("guardVectors(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
