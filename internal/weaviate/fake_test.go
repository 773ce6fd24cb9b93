package weaviate_test

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sheaf/internal/vector"
	"sheaf/internal/weaviate"
	"sheaf/internal/weaviate/weaviatetest"
)

// fake is a server as far as a store needs one to write, to look documents up and to
// be checked.
type fake struct {
	mu                 sync.Mutex
	blind              map[string]bool // ids of objects of which it does not compare the vectors
	classes            map[string]map[string]any
	objects            map[string]map[string]object // by collection and id
	complaint, version string                       // of gRPC; "" for none, and for the version that is tested
	replicas           int                          // that each shard has, on nodes of their own; 0: one
	elsewhere          map[string]object            // by id, what other replicas have and this node has lost
	refuses            string                       // why no collection can be made; "" where they can
	most               int                          // how many objects a message may have; 0: any number
	rpc                http.HandlerFunc             // answers in its place where gRPC is spoken; nil: it does
}

// object is one that was written.
type object struct {
	texts  map[string]string
	source uint64
	vector []float32
}

// start returns the URL of a store on a fake.
func start(t *testing.T) (*fake, string) {
	t.Helper()
	f := &fake{classes: map[string]map[string]any{}, objects: map[string]map[string]object{}}
	return f, weaviatetest.URL(weaviatetest.Serve(t, f.handler()), "Docs")
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
		"DELETE /v1/batch/objects":       f.remove,
		"GET /v1/nodes/{class}":          f.nodes,
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
	for pattern, answer := range map[string]func(request []byte) (reply []byte){
		"POST /weaviate.v1.Weaviate/Search":       f.search,
		"POST /weaviate.v1.Weaviate/BatchObjects": f.put,
	} {
		m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			body, err := io.ReadAll(r.Body)
			if err != nil || len(body) < 5 {
				return
			}
			if f.rpc != nil {
				f.rpc(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/grpc")
			switch reply := answer(body[5:]); {
			case f.complaint != "":
				w.Header().Set("Grpc-Status", "2")
				w.Header().Set("Grpc-Message", strings.ReplaceAll(f.complaint, ",", "%2C"))
			case reply == nil:
				w.Header().Set("Grpc-Status", "8")
				w.Header().Set("Grpc-Message", "grpc: trying to send message larger than max")
			default:
				_, _ = w.Write(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(reply))))
				_, _ = w.Write(reply)
				w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
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
	f.classes[name], f.objects[name] = class, map[string]object{}
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
	if copied, there := f.elsewhere[r.PathValue("id")]; there && r.FormValue("consistency_level") == "ALL" {
		f.objects[r.PathValue("class")][r.PathValue("id")] = copied
	}
	if object, there := f.objects[r.PathValue("class")][r.PathValue("id")]; there {
		return map[string]any{"lastUpdateTimeUnix": time.Now().UnixMilli(), "properties": object.texts}, http.StatusOK
	}
	return nil, http.StatusNotFound
}

// question is a SearchRequest.
type question struct {
	collection, property, after string
	limit                       int
	near                        []float32
	values                      []string
	properties                  map[string]bool
}

func (q *question) read(field int, value uint64, b []byte) {
	switch field {
	case 1:
		q.collection = string(b)
	case 20:
		_ = weaviate.Walk(b, func(_ int, _ uint64, name []byte) { q.properties[string(name)] = true })
	case 30:
		q.limit = int(value)
	case 33:
		q.after = string(b)
	case 40:
		q.filter(b)
	case 43:
		for _, field := range []int{9, 3} {
			_ = weaviate.Walk(b, func(number int, _ uint64, inner []byte) {
				if number == field {
					b = inner
				}
			})
		}
		q.near = vector.FromBytes(b)
	}
}

// filter reads a message Filters.
func (q *question) filter(b []byte) {
	property, values := "", []string(nil)
	_ = weaviate.Walk(b, func(field int, _ uint64, b []byte) {
		switch field {
		case 3:
			q.filter(b)
		case 4:
			q.after = string(b)
		case 9:
			_ = weaviate.Walk(b, func(_ int, _ uint64, value []byte) { values = append(values, string(value)) })
		case 20:
			_ = weaviate.Walk(b, func(_ int, _ uint64, name []byte) { property = string(name) })
		}
	})
	if len(values) > 0 {
		q.property, q.values = property, values
	}
}

func (f *fake) search(request []byte) (reply []byte) {
	q := question{properties: map[string]bool{}}
	if err := weaviate.Walk(request, q.read); err != nil {
		return nil
	}
	reply = []byte{}
	n := 0
	all := f.objects[q.collection]
	for _, id := range slices.Sorted(maps.Keys(all)) {
		o := all[id]
		has := o.texts[q.property]
		if q.property == "_id" {
			has = id
		}
		compared := q.near == nil || o.vector != nil && !f.blind[id]
		if n < q.limit && compared && id > q.after && (q.values == nil || slices.Contains(q.values, has)) {
			reply = weaviate.AppendText(reply, 2, o.result(id, &q))
			n++
		}
	}
	if f.most > 0 && n > f.most {
		return nil
	}
	return reply
}

// result is a SearchResult.
func (o *object) result(id string, q *question) []byte {
	var properties []byte
	for name, text := range o.texts {
		if q.properties[name] {
			properties = weaviate.AppendText(properties, 1, weaviate.AppendText(weaviate.AppendText(nil, 1, name), 2, weaviate.AppendText(nil, 13, text)))
		}
	}
	if q.properties["source"] {
		properties = weaviate.AppendText(properties, 1, weaviate.AppendText(weaviate.AppendText(nil, 1, "source"), 2, weaviate.AppendNumber(nil, 8, o.source)))
	}
	metadata := weaviate.AppendText(weaviate.AppendText(nil, 1, id), 19, vector.Bytes(o.vector))
	distance := float32(0)
	for i := range q.near {
		distance += (q.near[i] - o.vector[i]) * (q.near[i] - o.vector[i])
	}
	metadata = weaviate.AppendFloat(metadata, 7, distance)
	return weaviate.AppendText(weaviate.AppendText(nil, 1, weaviate.AppendText(nil, 11, properties)), 2, metadata)
}

// put answers a BatchObjectsRequest.
func (f *fake) put(request []byte) (reply []byte) {
	reply = []byte{}
	index := uint64(0)
	err := weaviate.Walk(request, func(field int, _ uint64, b []byte) {
		if field != 1 {
			return
		}
		id, class, o := "", "", object{texts: map[string]string{}}
		_ = weaviate.Walk(b, func(field int, _ uint64, b []byte) {
			switch field {
			case 1:
				id = string(b)
			case 3:
				_ = weaviate.Walk(b, func(_ int, _ uint64, all []byte) { _ = weaviate.Walk(all, o.property) })
			case 4:
				class = string(b)
			case 6:
				o.vector = slices.Clip(vector.FromBytes(b))
			}
		})
		if f.objects[class] == nil {
			reply = weaviate.AppendText(reply, 2, weaviate.AppendText(weaviate.AppendNumber(nil, 1, index), 2, "could not find class "+class))
		} else {
			if len(o.vector) == 0 {
				o.vector = nil
			}
			f.objects[class][id] = o
		}
		index++
	})
	if err != nil {
		return nil
	}
	return reply
}

// property reads an entry of a message Struct.
func (o *object) property(_ int, _ uint64, entry []byte) {
	name := ""
	_ = weaviate.Walk(entry, func(field int, _ uint64, b []byte) {
		if field == 1 {
			name = string(b)
			return
		}
		_ = weaviate.Walk(b, func(field int, number uint64, text []byte) {
			if field == 2 {
				o.source = uint64(math.Float64frombits(number))
			} else {
				o.texts[name] = string(text)
			}
		})
	})
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
	if f.classes[r.PathValue("class")] == nil {
		return nil, http.StatusNotFound
	}
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
