package filter_test

import (
	"errors"
	"strings"
	"testing"

	"sheaf/internal/filter"
)

// In each expression ‹ stands before the place that the error must name.
func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ expr, problem string }{
		{`‹`, "no operator"},
		{`page‹`, "no operator: there are = != < <= > >= ~ =~"},
		{`page ‹== 3`, `unknown operator "=="`},
		{`page‹=>3`, `unknown operator "=>"`},
		{`page‹!3`, `unknown operator "!"`},
		{` ‹= 3`, `no key before "="`},
		{`page>‹`, `no value after ">"`},
		{`source~‹[a`, `bad glob "[a"`},
		{`title=~‹(`, "missing closing ): `(`"},
		{`‹"page"`, "a filter is a JSON object or KEY OPERATOR VALUE"},
		{`‹[{"lang": "en"}]`, "a filter is a JSON object"},
		{"page=\xff‹", "not UTF-8"},
		{`lang=en ‹and page>3`, `"and" joins no conditions: use --filter once for each`},
		{`lang=en ‹OR lang=de`, `"OR" joins no conditions`},
		{`lang=en ‹&& page>3`, `"&&" joins no conditions`},
		{`lang=en‹||lang=de`, `"||" joins no conditions`},
		{`lang=en‹, page>3`, `"," joins no conditions`},
		{`title=~^A ‹and page=3`, `"and" joins no conditions`},
		{`lang="en" ‹and page>3`, `"and" joins no conditions`},
		{`lang=5 ‹and page>3`, `"and" joins no conditions`},
		{`n<‹/x`, `"/x" is no number`},
		{`n<‹:x`, `":x" is no number`},
		{"\xff‹=1", "not UTF-8"},
		{`lang=en‹; page>3`, `";" joins no conditions`},
		{`lang=en ‹& page>3`, `"&" joins no conditions`},
		{`‹not lang=en`, `"not" negates no condition: use !=`},
		{`n>‹1_000`, "no number and no date"},
		{`n>‹1 000`, "no number and no date"},
		{`n<=‹5%`, "no number and no date"},
		{`n>‹10kB`, "no number and no date"},
		{`n>‹null`, "no number and no date"},
		{`n>‹5,000`, `"5,000" is no number and no date: quotes compare it as a text`},
		{`n<=‹ten`, `"ten" is no number`},

		{`{"lang": "en"‹`, "the JSON object does not end"},
		{`{"lang": "en",‹}`, "invalid character '}'"},
		{`{‹'lang': 1}`, `invalid character '\''`},
		{`{"lang": "en"} ‹x`, "something follows the JSON object"},
		{`{"a": 1, ‹"a": 2}`, `the key "a" is given twice`},
		{`{"lang": {‹"$ne": "en"}}`, `unknown operator "$ne" below a key: there are $eq $neq`},
		{`{"Straße": {"$gt": 1, ‹"$like": "en"}}`, `unknown operator "$like"`},
		{`{"owner": {‹"name": "ann"}}`, `"name" is no operator: write the key "owner.name" for a value inside`},
		{`{‹"$nor": []}`, `unknown operator "$nor": around keys there are $and $or $not`},
		{`{‹"$regex": "x"}`, `unknown operator "$regex": around keys`},
		{`{"lang": {‹"$not": {"$eq": "en"}}}`, `unknown operator "$not" below a key`},
		{`{"$and": ‹{"lang": "en"}}`, "$and needs a list of filters"},
		{`{"$or": ‹null}`, "$or needs a list of filters"},
		{`{"$or": [{"a": 1}, ‹"lang"]}`, "a filter must stand here"},
		{`{"$not": ‹[{"lang": "en"}]}`, "a filter must stand here"},
		{`{"$or": [{"$and": [{"a": {‹"$foo": 1}}]}]}`, `unknown operator "$foo"`},
		{`{"a": ‹[1,2,3,4,5,6,7,8,9,10,{}]}`, "lists and objects cannot stand in a list of more than 10 values"},
		{`{"a": {‹"$exists": 1}}`, "$exists needs true or false"},
		{`{"a": {‹"$glob": 1}}`, "a glob must be a string"},
		{`{"a": {‹"$glob": "{a"}}`, `bad glob "{a"`},
		{`{"a": {‹"$glob": "` + strings.Repeat("{a,b}", 9) + `"}}`, "a glob with more than 8 braces"},
		{`{"a": {‹"$regex": 1}}`, "a regular expression must be a string"},
		{`{"a": {‹"$regex": "a**"}}`, "invalid nested repetition operator: `**`"},
	}
	for _, tt := range tests {
		before, after, _ := strings.Cut(tt.expr, "‹")
		offset := len(before)
		if strings.HasSuffix(before, "\xff") {
			offset-- // the place cannot be marked before what is not UTF-8 and stay readable
		}
		_, err := filter.Parse("ok=1", before+after)
		var syntax *filter.SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(err.Error(), tt.problem) || syntax.Offset != offset || syntax.Expr != before+after {
			t.Errorf("%s: %v (%+v)", tt.expr, err, syntax)
		}
	}
}

// checkPlace holds what must be true of every error of Parse.
func checkPlace(t *testing.T, expr string, err error) {
	t.Helper()
	var syntax *filter.SyntaxError
	if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(expr) || strings.ContainsAny(err.Error(), "\n\r") {
		t.Errorf("%q: %q", expr, err)
	}
}

func TestErrorShowsThePlace(t *testing.T) {
	t.Parallel()
	long := `{"` + strings.Repeat("long ", 20) + `": {"$x": 1}, "` + strings.Repeat("more ", 20) + `": 1}`
	tests := []struct{ expr, want string }{
		{``, `filter "", column 1: no operator`},
		{`{"ä": {"$ne": 1}}`, `filter {"ä": {"$ne": 1}}, column 8: unknown operator "$ne"`},
		{"{\"a\":\n\t{\"$ne\": 1}}", `filter {"a":  {"$ne": 1}}, column 9:`},
		{long, `filter … long long long long long long long ": {"$x": 1}, "more more more more more more…, column 107: unknown`},
	}
	for _, tt := range tests {
		if _, err := filter.Parse(tt.expr); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
}
