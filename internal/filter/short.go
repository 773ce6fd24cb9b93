package filter

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// signs make up the operators of the short form.
const signs = "!<>=~"

// shortOperators are those of the short form, with their namesakes in JSON.
var shortOperators = map[string]string{
	"=": "$in", "!=": "$nin", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte", "~": "$glob", "=~": "$regex",
}

// parseShort reads KEY OPERATOR VALUE; blanks around each do not count.
func parseShort(text string) (expr, error) {
	wrong := func(offset int, format string, args ...any) (expr, error) {
		return nil, &SyntaxError{text, offset, fmt.Sprintf(format, args...)}
	}
	start := len(text) - len(strings.TrimLeft(text, blanks))
	if start < len(text) && strings.ContainsRune(`"[`, rune(text[start])) {
		return wrong(start, "a filter is a JSON object or KEY OPERATOR VALUE")
	}
	at := strings.IndexAny(text, signs)
	if at < 0 {
		return wrong(len(text), "no operator: there are = != < <= > >= ~ =~")
	}
	// All signs that follow one another: a mistyped one is no part of the value.
	rest := strings.TrimLeft(text[at:], signs)
	operator := text[at : len(text)-len(rest)]
	name, ok := shortOperators[operator]
	key, value := strings.Trim(text[:at], blanks), strings.Trim(rest, blanks)
	switch {
	case !ok:
		return wrong(at, "unknown operator %q: there are = != < <= > >= ~ =~; a value that begins with one of these signs needs quotes", operator)
	case negated().MatchString(key):
		return wrong(start, `%q negates no condition: use !=, or {"$not": {...}}`, strings.Fields(key)[0])
	case key == "":
		return wrong(at, "no key before %q", operator)
	case value == "" && operator != "=" && operator != "!=":
		return wrong(len(text), "no value after %q", operator)
	case joined().MatchString(value) && !isQuoted(value):
		match := joined().FindStringSubmatchIndex(value)
		word := strings.TrimSpace(value[match[2]:match[3]])
		return wrong(strings.LastIndex(text, value)+match[2]+strings.Index(value[match[2]:], word), "%q joins no conditions: use --filter once for each, which must all hold, "+
			`or {"$or": [...]}; quotes make it a part of the value`, word)
	case strings.ContainsAny(operator, "<>") && !hasOrder(value):
		return wrong(strings.LastIndex(text, value), "%q is no number and no date: quotes compare it as a text", value)
	}
	e, problem := shortCondition(key, name, value)
	if problem != "" {
		return wrong(strings.LastIndex(text, value), "%s", problem)
	}
	return e, nil
}

// joined is what looks like a condition joined to another.
var joined = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(\s(?:and|or|&|\|)\s|&&|\|\||[,;])\s*[^\s!<>=~,&|]+\s*[!<>=~]`)
})

// negated is a key that begins as a negation.
var negated = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)^not\s`) })

// hasOrder reports whether a value without quotes says how it is to be compared:
// as a number, a boolean, or a date or a version. Nothing is less or greater than null.
func hasOrder(value string) bool {
	if v, isScalar := scalar(value); isScalar {
		return v != nil
	}
	return decimal().MatchString(value) || dated().MatchString(value)
}

// dated is what dates, times and versions look like: numbers with something between them.
var dated = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9]+[-./:][0-9A-Za-z][-0-9A-Za-z./:+ ]*$`)
})

// isQuoted reports whether a value is a JSON string.
func isQuoted(value string) bool {
	_, isScalar := scalar(value)
	return isScalar && value[0] == '"'
}

// blanks are what a shell's user may type around the parts.
const blanks = " \t\r\n"

func shortCondition(key, name, value string) (expr, string) {
	operand, isScalar := scalar(value)
	if !isScalar {
		operand = value
	}
	text, isText := operand.(string)
	if !isText {
		text = value
	}
	switch name {
	case "$in", "$nin":
		choice := []any{text}
		if operand != any(text) {
			choice = append(choice, operand)
		}
		return newCondition(key, name, choice)
	case "$glob", "$regex":
		return newCondition(key, name, text)
	}
	if !isScalar { // +1 and .5 are no JSON
		operand = numeric(operand)
	}
	e, problem := newCondition(key, name, operand)
	if c, ok := e.(condition); ok {
		_, c.numeric = number(operand)
		e = c
	}
	return e, problem
}

// scalar reads a JSON string, number, boolean or null.
func scalar(s string) (v any, ok bool) {
	if s == "" || strings.ContainsRune("[{", rune(s[0])) || !json.Valid([]byte(s)) {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	return v, d.Decode(&v) == nil
}

// decimal is what counts as a number where it is written as a string.
var decimal = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$`)
})

// numeric reads a string that holds a number as that number.
func numeric(v any) any {
	s, _ := v.(string)
	if s = strings.Trim(s, blanks); decimal().MatchString(s) {
		return parseNumber(s)
	}
	return v
}
