package openai

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// pauseAfter returns for how long an answer asks that no request is sent: what
// Retry-After says, else until a limit that is used up is filled again.
func pauseAfter(status int, header http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(header.Get("Retry-After-Ms"), 64); err == nil {
		return seconds(ms / 1000)
	}
	if asked := parseRetryAfter(header.Get("Retry-After"), now); asked > 0 {
		return asked
	}
	return max(untilReset(status, header, "Requests"), untilReset(status, header, "Tokens"))
}

// untilReset returns the time until a limit of the service is filled again, where
// nothing is left of it: X-Ratelimit-Reset-Requests and its like, as "1s" or "6m0s".
// With status 429 the service need not say what is left.
func untilReset(status int, header http.Header, limit string) time.Duration {
	left := header.Get("X-Ratelimit-Remaining-" + limit)
	if left != "0" && (left != "" || status != http.StatusTooManyRequests) {
		return 0
	}
	value := header.Get("X-Ratelimit-Reset-" + limit)
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
		return seconds(date.Sub(now).Seconds())
	}
	return 0
}

// seconds returns a duration of s seconds, from 0 to a day, whatever the service wrote.
func seconds(s float64) time.Duration {
	const day = 24 * 60 * 60
	if !(s > 0) { // or NaN
		return 0
	}
	return time.Duration(min(s, day) * float64(time.Second))
}
