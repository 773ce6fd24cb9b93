package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/weaviate/weaviatetest"
)

// TestWeaviateURLs: what names no collection is refused, and so is to send a key as plain text.
func TestWeaviateURLs(t *testing.T) {
	t.Setenv("WEAVIATE_API_KEY", "hunter2")
	for _, test := range []struct {
		url  string
		code int
		says string
	}{
		{"weaviate://h/docs", exitUsage, "names no collection"},
		{"weaviate://hunter2@h/Docs", exitUsage, "WEAVIATE_API_KEY"},
		{"weaviate://h.example/Docs", exitUsage, "weaviates://"},
		{"weaviate://127.0.0.1:1/Docs", exitUnavailable, "connection refused"},
		{"weaviates://127.0.0.1:1/Docs", exitUnavailable, "connection refused"},
	} {
		for _, verb := range [][]string{{"info"}, {"search", "--json", "x"}, {"check"}, {"init"}, {"ingest", "-q", "."}} {
			code, out, errs := ran(t, append(verb, "--store", test.url)...)
			if code != test.code || !strings.Contains(errs, test.says) || out != "" || strings.Contains(strings.ReplaceAll(errs, test.url, ""), "hunter2") {
				t.Errorf("%s %s: exit code %d, want %d, %q: %s%s", verb[0], test.url, code, test.code, test.says, out, errs)
			}
		}
	}
}

// TestWeaviate runs what runs over folders and tables over collections of one server.
func TestWeaviate(t *testing.T) {
	t.Parallel()
	c := weaviatetest.Start(t, 0, 1)
	for name, test := range map[string]func(*testing.T, *weaviatetest.Cluster){
		"verbs":       func(t *testing.T, c *weaviatetest.Cluster) { sameVerbs(t, everywhere{}, c.Collection(t)) },
		"operations":  func(t *testing.T, c *weaviatetest.Cluster) { langChainOps(t, c.Collection) },
		"up and back": func(t *testing.T, c *weaviatetest.Cluster) { upAndBack(t, c.Collection(t)) },
		"notebook":    func(t *testing.T, c *weaviatetest.Cluster) { notebook(t, c.Collection(t)) },
		"errors":      collectionErrors,
		"lock":        collectionLock,
		"killed":      killedOnWeaviate,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, c)
		})
	}
}

// collectionErrors: what is no store, or is none that can do it, has its exit code.
func collectionErrors(t *testing.T, c *weaviatetest.Cluster) {
	store, base := c.Collection(t), c.Base()
	answered(t, "init", "--store", store)
	post(t, base+"/v1/schema", map[string]any{"class": "Other", "vectorizer": "none"})
	for _, test := range []struct {
		url  string
		args []string
		code int
		says string
	}{
		{c.URL(0, "None"), []string{"info"}, exitNoStore, "no store here"},
		{c.URL(0, "Other"), []string{"info"}, exitDamaged, "not one of sheaf's"},
		{c.URL(0, "Other"), []string{"init"}, exitDamaged, "not one of sheaf's"},
		{store, []string{"compact"}, exitUsage, "needs no compact"},
		{store, []string{"tune", "--index"}, exitUsage, "only a store that is a folder"},
		{c.Collection(t), []string{"init", "--index", "hnsw"}, exitUsage, "no approximate index in Weaviate"},
		{c.Collection(t) + "&replicas=2", []string{"init"}, exitFailed, "Weaviate says"},
	} {
		code, _, errs := ran(t, append(test.args, "--store", test.url)...)
		if code != test.code || !strings.Contains(errs, test.says) {
			t.Errorf("%s %s: exit code %d, want %d, %q: %s", test.args, test.url, code, test.code, test.says, errs)
		}
	}
	if out := answered(t, "info", "--store", store); !strings.Contains(out, "loses power") || !strings.Contains(out, "only copy") {
		t.Errorf("info does not say what is weaker: %s", out)
	}
	parted := c.Collection(t)
	if out := answered(t, "init", "--partitions", "3", "--json", "--store", parted); !strings.Contains(out, `"partitions":3`) {
		t.Errorf("init --partitions 3: %s", out)
	}
}

// collectionLock: one writes at a time, and the other is told who does.
func collectionLock(t *testing.T, c *weaviatetest.Cluster) {
	store := c.Collection(t)
	answered(t, "init", "--store", store)
	w, err := everywhere{}.OpenWriter(t.Context(), store, (&environment{}).storeOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	if code, _, errs := ran(t, "delete", "x", "--store", store); code != exitLocked || !strings.Contains(errs, fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("beside another writer: exit code %d: %s", code, errs)
	}
	answered(t, "info", "--store", store)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	answered(t, "delete", "--ignore-missing", "x", "--store", store)
}

// killedOnWeaviate kills sheaf at points of each change: the store is old or new, the same command
// again makes it new, and what the killed one has left is gone.
func killedOnWeaviate(t *testing.T, c *weaviatetest.Cluster) {
	dir := changing(t)
	for _, change := range changes {
		t.Run(change[0], func(t *testing.T) {
			t.Parallel()
			stopped(t, tidied{c}, dir, change, killPoints, kill)
		})
	}
}

// TestWeaviateCrashes does the same by a crash of the server, which starts again at once, so that sheaf may
// go on, or when sheaf has given up.
func TestWeaviateCrashes(t *testing.T) {
	t.Parallel()
	c := mortal{tidied{weaviatetest.Start(t, 1, 1)}, new(int)}
	dir := changing(t)
	for _, change := range changes {
		stopped(t, c, dir, change, crashPoints, func(*exec.Cmd) {
			c.Kill(0)
			if *c.crashes++; *c.crashes%2 == 0 {
				c.Revive(t, 0)
			}
		})
	}
}

// mortal is a cluster of one server, which is alive again when a change has ended.
type mortal struct {
	tidied
	crashes *int
}

func (c mortal) Through(t *testing.T, store string, requests int, strike func()) (url string, sent func() int) {
	url, passed := c.tidied.Through(t, store, requests, strike)
	return url, func() int {
		n := passed()
		if strike != nil && n >= requests && *c.crashes%2 == 1 {
			c.Revive(t, 0)
		}
		return n
	}
}

// tidied is a cluster of which each store is held to have nothing but its documents once a change was
// made whole.
type tidied struct{ *weaviatetest.Cluster }

func (c tidied) Through(t *testing.T, store string, requests int, strike func()) (url string, sent func() int) {
	t.Helper()
	url, passed := c.Cluster.Through(t, store, requests, strike)
	if strike != nil {
		return url, passed
	}
	return url, func() int {
		collection, _, _ := strings.Cut(filepath.Base(store), "?")
		var answer struct {
			Data struct {
				Aggregate map[string][]struct{ Meta struct{ Count int } }
			}
		}
		body := post(t, c.Base()+"/v1/graphql", map[string]string{"query": "{Aggregate{" + collection + "{meta{count}}}}"})
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatal(err)
		}
		var info struct{ Documents int }
		if err := json.Unmarshal([]byte(answered(t, "info", "--json", "--store", store)), &info); err != nil {
			t.Fatal(err)
		}
		if have := answer.Data.Aggregate[collection][0].Meta.Count; have != info.Documents+1 { // and a mark
			t.Errorf("%s has %d objects for %d documents", store, have, info.Documents)
		}
		return passed()
	}
}

func post(t *testing.T, url string, body any) []byte {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(url, "application/json", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(r.Body); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: HTTP %d, %v: %s", url, r.StatusCode, err, &answer)
	}
	return answer.Bytes()
}
