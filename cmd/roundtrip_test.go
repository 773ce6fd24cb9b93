//go:build !race

// Not under the race detector: what these tests look at is another process.

package cmd

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRoundTrips: a store that goes out in any format and comes back is the same:
// ids, order, texts, metadata, and vectors to the last bit. LangChain's formats
// have no place for lines and sources.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"exotic", "odd_ids", "many", "after_deletes", "flat_ip", "l2_normalized", "two_positions", "idmap", "single"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, r := goldenCopy(t, name)
			mustSheaf(t, dir, append([]string{"import", ".", "--quiet", "--store", "s"}, r.flags()...)...)
			// The first document goes and comes back: there are dead rows.
			mustSheaf(t, dir, "export", "--quiet", "--store", "s", "all.jsonl")
			first, _, _ := strings.Cut(mustSheaf(t, dir, "list", "--store", "s", "--ids"), "\n")
			mustSheaf(t, dir, "delete", "--quiet", "--store", "s", "--", first)
			mustSheaf(t, dir, "import", "--quiet", "--on-conflict", "replace", "--store", "s", "all.jsonl")
			want, kept := listed(t, dir, "s")
			if len(want) == 0 {
				t.Fatal("no documents")
			}
			for to, exact := range map[string]bool{"lc": false, "blob.bin": false, "again.jsonl": true, "matrix.npy": true} {
				store := "of-" + to
				mustSheaf(t, dir, "export", "--quiet", "--store", "s", to)
				mustSheaf(t, dir, append([]string{"import", "--quiet", "--store", store, to}, told(t, dir)...)...)
				got, all := listed(t, dir, store)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s", to, diff)
				}
				if exact && all != kept {
					t.Errorf("%s: lines or sources differ:\n%s, want\n%s", to, all, kept)
				}
			}
		})
	}
}

// listed are the documents of a store as list prints them, without and with
// their lines and sources.
func listed(t *testing.T, dir, store string) (docs []map[string]json.RawMessage, all string) {
	t.Helper()
	all = mustSheaf(t, dir, "list", "--store", store, "--jsonl", "--with-vectors")
	for line := range strings.Lines(all) {
		var d map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		delete(d, "source")
		delete(d, "start_line")
		docs = append(docs, d)
	}
	return docs, all
}

// told is what the files do not tell of a store.
func told(t *testing.T, dir string) []string {
	t.Helper()
	var info struct {
		Metric string
	}
	if err := json.Unmarshal([]byte(mustSheaf(t, dir, "info", "--store", "s", "--json")), &info); err != nil {
		t.Fatal(err)
	}
	return []string{"--metric", info.Metric}
}
