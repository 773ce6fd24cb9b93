package embed

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// idle is how long the service wants no more requests: what Retry-After says,
// else until the limit that is used up is filled again.
func (r reply) idle(now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(r.header.Get("Retry-After-Ms"), 64); err == nil {
		return seconds(ms / 1000)
	}
	if asked := parseRetryAfter(r.header.Get("Retry-After"), now); asked > 0 {
		return asked
	}
	return max(r.reset("requests"), r.reset("tokens"))
}

// reset is the time until a limit of the service is filled again, where nothing
// is left of it: X-Ratelimit-Reset-Requests and its like, as "1s" or "6m0s". A
// service that has had too much need not say what is left.
func (r reply) reset(what string) time.Duration {
	left := r.header.Get("X-Ratelimit-Remaining-" + what)
	if left != "0" && (left != "" || r.status != http.StatusTooManyRequests) {
		return 0
	}
	value := r.header.Get("X-Ratelimit-Reset-" + what)
	if d, err := time.ParseDuration(value); err == nil {
		return seconds(d.Seconds())
	}
	s, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return 0
	}
	return seconds(s)
}

// parseRetryAfter reads the header's two forms, seconds and an HTTP date (RFC
// 9110, 10.2.3), as a time from now; 0 where it says nothing usable.
func parseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if s, err := strconv.ParseFloat(value, 64); err == nil {
		return seconds(s)
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(date.Sub(now), 0)
	}
	return 0
}

// seconds is a time that somebody else wrote.
func seconds(s float64) time.Duration {
	const day = 24 * 60 * 60 // longer than anyone waits, and safe to multiply
	if !(s > 0) {            // NaN too
		return 0
	}
	return time.Duration(min(s, day) * float64(time.Second))
}
