package cmd

import (
	"slices"
	"testing"
)

// What other programs call a verb leads to one that there is.
func TestMeant(t *testing.T) {
	t.Parallel()
	isVerb := func(name string) bool {
		return slices.ContainsFunc(verbs, func(v verb) bool { return v.name == name })
	}
	for name, want := range map[string]string{
		"rm": "delete", "add": "ingest", "query": "search", "status": "info", "ls": "list", "cat": "get", "new": "init",
		"fsck": "check", "gc": "compact", "dedupe": "duplicates", "nosuch": "",
	} {
		if got := meant(name); got != want || got != "" && !isVerb(got) || isVerb(name) {
			t.Errorf("%s leads to %q, want %q", name, got, want)
		}
	}
}
