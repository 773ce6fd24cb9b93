package cmd

import "strings"

// looksNegative reports whether an argument is a vector that begins with a minus
// sign. -0 is a flag of search-vector; -0.1 and "-0 1" are vectors.
func looksNegative(arg string) bool {
	rest, ok := strings.CutPrefix(arg, "-")
	if !ok || rest == "" {
		return false
	}
	const digits, separators = "0123456789", "., \t\n"
	if rest[0] == '0' {
		return len(rest) > 1 && strings.ContainsRune(digits+separators, rune(rest[1]))
	}
	return strings.ContainsRune(digits+".", rune(rest[0]))
}

// guardVectors puts a blank before each argument of search-vector that is a
// vector with a minus sign in front, so that it is not parsed as a flag. The
// parser of vectors skips the blank.
func guardVectors(args []string) []string {
	guarded, vectors := make([]string, len(args)), false
	for i, a := range args {
		if a == "--" {
			copy(guarded[i:], args[i:])
			break
		}
		vectors = vectors || a == "search-vector"
		if vectors && looksNegative(a) {
			a = " " + a
		}
		guarded[i] = a
	}
	return guarded
}
