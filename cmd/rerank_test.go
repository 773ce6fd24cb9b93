package cmd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// copyCrossEncoder copies a small cross-encoder: crossencoder DEST
func copyCrossEncoder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: crossencoder DEST")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[0]), os.DirFS("../internal/embed/testdata/crossencoder")))
}

// fakeRerank starts a service that ranks for the rest of the script and points sheaf at it. The score
// of a text is how often it has the first word of the query: fakererank [fail=STATUS]
func fakeRerank(ts *testscript.TestScript, neg bool, args []string) {
	status := http.StatusOK
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		n, err := strconv.Atoi(value)
		if neg || name != "fail" || err != nil {
			ts.Fatalf("usage: fakererank [fail=STATUS]")
		}
		status = n
	}
	s := httptest.NewServer(rankingService("secretsecret", status))
	ts.Defer(s.Close)
	ts.Setenv("SHEAF_RERANK_URL", s.URL+"/v2")
	ts.Setenv("SHEAF_RERANK_API_KEY", "secretsecret")
}

// rankingService answers who has the key, or where it is empty anybody.
func rankingService(key string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Query     string
			Documents []string
		}
		err := json.NewDecoder(r.Body).Decode(&asked)
		switch {
		case key != "" && r.Header.Get("Authorization") != "Bearer "+key:
			http.Error(w, `{"message": "no such key: `+r.Header.Get("Authorization")+`"}`, http.StatusUnauthorized)
			return
		case r.URL.Path != "/v2/rerank" || err != nil:
			http.Error(w, "", http.StatusNotFound)
			return
		case strings.Contains(asked.Query, "refuse"):
			http.Error(w, `{"message": "no such words"}`, http.StatusBadRequest)
			return
		}
		w.WriteHeader(status)
		first, _, _ := strings.Cut(asked.Query, " ")
		var results []string
		for i, text := range asked.Documents {
			results = append(results, fmt.Sprintf(`{"index": %d, "relevance_score": %d}`, i, strings.Count(text, first)))
		}
		fmt.Fprintf(w, `{"results": [%s]}`, strings.Join(results, ","))
	}
}
