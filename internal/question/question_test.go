package question

import (
	"fmt"
	"testing"
)

func TestFromJSON(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, want string }{
		{`{"query": "a", "other": [1]}`, `{"" "a" []} <nil>`},
		{`{"id": "x", "query": "a"}`, `{"x" "a" []} <nil>`},
		{`{"id": 7.50, "vector": [1, 2.5]}`, `{"7.50" "" [1 2.5]} <nil>`},
		{`{"id": "x", "vector": [1, "a"]}`, `{"x" "" []} a malformed vector: number 2 is "\"a\""`},
		{`{"id": "x", "query": " "}`, `{"x" "" []} an empty query`},
		{`{"id": "x", "query": 1}`, `{"x" "" []} a malformed query: "query" cannot be a JSON number`},
		{`{"id": {}, "query": "a"}`, `{"" "" []} an id is a string or a number, not {}`},
		{`{"id": "x"}`, `{"x" "" []} a query needs either "query" or "vector"`},
		{`[]`, `{"" "" []} a malformed query: it is a JSON array and not an object`},
		{`{`, `{"" "" []} a malformed query: unexpected end of JSON input`},
	} {
		q, err := FromJSON([]byte(test.in))
		if got := fmt.Sprintf("{%q %q %v} %v", q.ID, q.Text, q.Vector, err); got != test.want {
			t.Errorf("%s: %s, want %s", test.in, got, test.want)
		}
	}
}
