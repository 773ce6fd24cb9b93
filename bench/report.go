package main

import (
	"fmt"
	"slices"
	"time"

	"sheaf/bench/page"
)

// table prints a section: a title and a Markdown table whose first row is its head.
func (b *bench) table(title string, rows [][]string) {
	fmt.Fprintf(b.out, "\n%s\n\n%s", title, page.Table(rows))
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// ratio of two durations, as "1.25".
func ratio(a, b time.Duration) string { return fmt.Sprintf("%.2f", float64(a)/float64(b)) }

// shareOf says what part of other's time s takes, by the medians and by the fastest, and how
// that stands to what it may be at most, 0 for no limit.
func shareOf(s, other series, most float64) string {
	share := float64(s.median()) / float64(other.median())
	text := fmt.Sprintf("%.2f (%s)", share, ratio(s.fastest(), other.fastest()))
	if most > 0 {
		text += fmt.Sprintf(", %.2f at most: %s", most, verdict(share/most))
	}
	return text
}

// timesOf says how many times as fast as other s is, in the same way.
func timesOf(s, other series, least float64) string {
	times := float64(other.median()) / float64(s.median())
	text := fmt.Sprintf("%.2f (%s)", times, ratio(other.fastest(), s.fastest()))
	if least > 0 {
		text += ", at least " + reached(times, least)
	}
	return text
}

// within says how a figure stands to what it may be at most.
func within(got, limit time.Duration) string {
	return verdict(float64(got) / float64(limit))
}

func verdict(share float64) string {
	word := "reached"
	if share > 1 {
		word = "missed"
	}
	return fmt.Sprintf("%.2f, %s", share, word)
}

// atLeast notes how a figure stands to what it is to be at least, for the table at the end.
func (b *bench) atLeast(what string, got, least float64, unit string) {
	b.toReach(what, got, "at least", least, unit, got >= least)
}

// atMost notes how a figure stands to what it may be at most.
func (b *bench) atMost(what string, got, most float64, unit string) {
	b.toReach(what, got, "at most", most, unit, got <= most)
}

func (b *bench) toReach(what string, got float64, bound string, limit float64, unit string, is bool) {
	word := "missed"
	if is {
		word = "reached"
	}
	b.reach = append(b.reach, []string{what, fmt.Sprintf("%.2f%s", got, unit), fmt.Sprintf("%s %.3g%s", bound, limit, unit), fmt.Sprintf("%.2f, %s", got/limit, word)})
}

// reached prints what atLeast and atMost have noted.
func (b *bench) reached() {
	if len(b.reach) > 0 {
		b.table("To reach:", slices.Concat([][]string{{"", "figure", "limit", "÷ its limit"}}, b.reach))
	}
}
