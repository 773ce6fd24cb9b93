package main

import (
	"fmt"
	"strings"
	"time"
)

// table prints a section: a title and a Markdown table whose first row is its head.
func (b *bench) table(title string, rows [][]string) {
	fmt.Fprintf(b.out, "\n%s\n\n", title)
	for i, row := range rows {
		fmt.Fprintf(b.out, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(b.out, "|%s\n", strings.Repeat(" --- |", len(row)))
		}
	}
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// ratio of two durations, as "1.25".
func ratio(a, b time.Duration) string { return fmt.Sprintf("%.2f", float64(a)/float64(b)) }

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
