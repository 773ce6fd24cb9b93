package openai

import (
	"net/http"
	"testing"
	"time"
)

func TestPauseAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	for _, test := range []struct {
		status int
		header map[string]string
		want   time.Duration
	}{
		{200, nil, 0},
		{429, map[string]string{"Retry-After": "3"}, 3 * time.Second},
		{429, map[string]string{"Retry-After": "Mon, 04 May 2026 03:03:01 GMT"}, time.Minute},
		{429, map[string]string{"Retry-After": "Mon, 04 May 1999 03:03:01 GMT"}, 0},
		{429, map[string]string{"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 24 * time.Hour},
		{429, map[string]string{"retry-after-ms": "250", "Retry-After": "1"}, 250 * time.Millisecond},
		{429, map[string]string{"x-ratelimit-reset-requests": "1m2.5s"}, 62500 * time.Millisecond},
		{429, map[string]string{"x-ratelimit-reset-tokens": "6"}, 6 * time.Second},
		{429, map[string]string{"x-ratelimit-reset-tokens": "6s", "x-ratelimit-reset-requests": "90ms"}, 6 * time.Second},
		{429, map[string]string{
			"x-ratelimit-reset-tokens": "6s", "x-ratelimit-remaining-tokens": "100",
			"x-ratelimit-reset-requests": "90ms", "x-ratelimit-remaining-requests": "0",
		}, 90 * time.Millisecond},
		{429, map[string]string{"Retry-After": "2", "x-ratelimit-reset-tokens": "6s"}, 2 * time.Second},
		{200, map[string]string{"x-ratelimit-reset-requests": "5s"}, 0},
		{200, map[string]string{"x-ratelimit-reset-requests": "5s", "x-ratelimit-remaining-requests": "3"}, 0},
		{200, map[string]string{"x-ratelimit-reset-requests": "5s", "x-ratelimit-remaining-requests": "0"}, 5 * time.Second},
		{429, map[string]string{"x-ratelimit-reset-requests": "soon"}, 0},
		{429, map[string]string{"x-ratelimit-reset-requests": "-5s"}, 0},
		{429, map[string]string{"x-ratelimit-reset-requests": "99999h"}, 24 * time.Hour},
	} {
		h := http.Header{}
		for key, value := range test.header {
			h.Set(key, value)
		}
		if got := pauseAfter(test.status, h, now); got != test.want {
			t.Errorf("%d %v: %v, want %v", test.status, test.header, got, test.want)
		}
	}
}
