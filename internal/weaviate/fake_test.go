package weaviate_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is a server as far as a store needs one to write, to look documents up and to
// be checked. All documents are as near to all queries.
type fake struct {
	mu                 sync.Mutex
	blind              map[string]bool // ids of objects of which it does not compare the vectors
	classes            map[string]map[string]any
	objects            map[string]map[string]json.RawMessage // by collection and id
	complaint, version string                                // of GraphQL; "" for none, and for the version that is tested
	replicas           int                                   // that each shard has, on nodes of their own; 0: one
	elsewhere          map[string]json.RawMessage            // by id, what other replicas have and this node has lost
	refuses            string                                // why no collection can be made; "" where they can
}

// start returns the URL of a store on a fake.
func start(t *testing.T) (*fake, string) {
	t.Helper()
	f := &fake{classes: map[string]map[string]any{}, objects: map[string]map[string]json.RawMessage{}}
	server := httptest.NewServer(f.handler())
	t.Cleanup(server.Close)
	return f, "weaviate://" + strings.TrimPrefix(server.URL, "http://") + "/Docs"
}

func (f *fake) handler() http.Handler {
	m := http.NewServeMux()
	for pattern, answer := range map[string]func(*http.Request) (any, int){
		"GET /v1/schema":                 f.schema,
		"POST /v1/schema":                f.makeClass,
		"GET /v1/schema/{class}":         f.class,
		"PUT /v1/schema/{class}":         f.changeClass,
		"DELETE /v1/schema/{class}":      f.dropClass,
		"GET /v1/objects/{class}/{id}":   f.object,
		"PATCH /v1/objects/{class}/{id}": f.object,
		"GET /v1/objects":                f.list,
		"POST /v1/batch/objects":         f.put,
		"DELETE /v1/batch/objects":       f.remove,
		"GET /v1/nodes/{class}":          f.nodes,
		"POST /v1/graphql":               f.get,
	} {
		m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			body, status := answer(r)
			w.WriteHeader(status)
			if body != nil {
				_ = json.NewEncoder(w).Encode(body)
			}
		})
	}
	return m
}

func (f *fake) makeClass(r *http.Request) (any, int) {
	class := map[string]any{"shardingConfig": map[string]int{"desiredCount": 1}, "replicationConfig": map[string]int{"factor": 1}}
	if err := json.NewDecoder(r.Body).Decode(&class); err != nil {
		return nil, http.StatusBadRequest
	}
	name, _ := class["class"].(string)
	if f.refuses != "" || f.classes[name] != nil {
		return map[string]any{"error": []any{map[string]string{"message": f.refuses}}}, http.StatusUnprocessableEntity
	}
	f.classes[name], f.objects[name] = class, map[string]json.RawMessage{}
	return nil, http.StatusOK
}

func (f *fake) schema(*http.Request) (any, int) {
	return map[string]any{"classes": slices.Collect(maps.Values(f.classes))}, http.StatusOK
}

func (f *fake) changeClass(r *http.Request) (any, int) {
	class := map[string]any{}
	if err := json.NewDecoder(r.Body).Decode(&class); err != nil {
		return nil, http.StatusBadRequest
	}
	f.classes[r.PathValue("class")] = class
	return class, http.StatusOK
}

func (f *fake) class(r *http.Request) (any, int) {
	if class := f.classes[r.PathValue("class")]; class != nil {
		return class, http.StatusOK
	}
	return nil, http.StatusNotFound
}

func (f *fake) dropClass(r *http.Request) (any, int) {
	delete(f.classes, r.PathValue("class"))
	delete(f.objects, r.PathValue("class"))
	return nil, http.StatusOK
}

func (f *fake) object(r *http.Request) (any, int) {
	if copied := f.elsewhere[r.PathValue("id")]; copied != nil && r.FormValue("consistency_level") == "ALL" {
		f.objects[r.PathValue("class")][r.PathValue("id")] = copied
	}
	if object := f.objects[r.PathValue("class")][r.PathValue("id")]; object != nil {
		answer := map[string]any{"lastUpdateTimeUnix": time.Now().UnixMilli()}
		_ = json.Unmarshal(object, &answer)
		return answer, http.StatusOK
	}
	return nil, http.StatusNotFound
}

func (f *fake) list(r *http.Request) (any, int) {
	all := f.objects[r.FormValue("class")]
	page := []json.RawMessage{}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if id > r.FormValue("after") && len(page) < 500 {
			page = append(page, all[id])
		}
	}
	return map[string]any{"objects": page}, http.StatusOK
}

// asked are the parts of a query.
var asked = regexp.MustCompile(`^\{Get\{(\w+)\(limit:(\d+),(nearVector:\{[^}]*\},?)?(?:where:\{path:\["(\w+)"\],operator:ContainsAny,valueText:(\[.*?\])\})?(?:after:"([^"]*)")?\)\{`)

// afterID is what a query has of objects after an id, in their order.
var afterID = regexp.MustCompile(`,\{path:\["id"\],operator:GreaterThan,valueText:"([^"]*)"\}\]\},sort:\[\{path:\["_id"\],order:asc\}\]`)

func (f *fake) get(r *http.Request) (any, int) {
	var body struct{ Query string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, http.StatusBadRequest
	}
	if f.complaint != "" {
		return map[string]any{"errors": []any{map[string]string{"message": f.complaint}}}, http.StatusOK
	}
	after := ""
	if at := afterID.FindStringSubmatch(body.Query); at != nil {
		after = at[1]
		body.Query = afterID.ReplaceAllString(body.Query, "")
		body.Query = strings.Replace(body.Query, "{operator:And,operands:[", "", 1)
	}
	parts := asked.FindStringSubmatch(body.Query)
	if parts == nil {
		return nil, http.StatusBadRequest
	}
	var values []string
	_ = json.Unmarshal([]byte(parts[5]), &values)
	limit, _ := strconv.Atoi(parts[2])
	rows := []map[string]any{}
	all := f.objects[parts[1]]
	for _, id := range slices.Sorted(maps.Keys(all)) {
		var o struct {
			Properties map[string]any
			Vector     []float32
		}
		_ = json.Unmarshal(all[id], &o)
		o.Properties["id"] = id
		has, _ := o.Properties[parts[4]].(string)
		compared := parts[3] == "" || o.Vector != nil && !f.blind[id]
		if len(rows) < limit && compared && id > max(parts[6], after) && (parts[4] == "" || slices.Contains(values, has)) {
			o.Properties["_additional"] = map[string]any{"id": id}
			rows = append(rows, o.Properties)
		}
	}
	return map[string]any{"data": map[string]any{"Get": map[string]any{parts[1]: rows}}}, http.StatusOK
}

func (f *fake) put(r *http.Request) (any, int) {
	var body struct{ Objects []json.RawMessage }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, http.StatusBadRequest
	}
	answers := []map[string]string{}
	for _, o := range body.Objects {
		var at struct{ Class, ID string }
		if err := json.Unmarshal(o, &at); err != nil || f.objects[at.Class] == nil {
			return nil, http.StatusUnprocessableEntity
		}
		f.objects[at.Class][at.ID] = o
		answers = append(answers, map[string]string{"id": at.ID})
	}
	return answers, http.StatusOK
}

func (f *fake) remove(r *http.Request) (any, int) {
	var body struct {
		Match struct {
			Class string
			Where struct {
				ValueTextArray []string
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, http.StatusBadRequest
	}
	for _, id := range body.Match.Where.ValueTextArray {
		delete(f.objects[body.Match.Class], id)
	}
	return map[string]any{}, http.StatusOK
}

func (f *fake) nodes(r *http.Request) (any, int) {
	shard := map[string]string{"name": "shard", "class": r.PathValue("class")}
	node := map[string]any{"status": "HEALTHY", "version": cmp.Or(f.version, "1.35.2"), "shards": []any{shard}}
	return map[string]any{"nodes": slices.Repeat([]any{node}, cmp.Or(f.replicas, 1))}, http.StatusOK
}

// do changes the fake between requests.
func (f *fake) do(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}
