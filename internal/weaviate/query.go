package weaviate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/vector"
)

// maxRows is how many objects the server gives in one answer at most.
const maxRows = 10_000

// object is an object of the server as REST gives and takes it, with the properties of a
// document or of what else is known.
type object struct {
	Class      string     `json:"class"`
	ID         string     `json:"id"`
	Properties properties `json:"properties"`
	Vector     []float32  `json:"vector,omitempty"`
}

// properties are those of both collections.
type properties struct {
	ID       string `json:"docId,omitempty"`
	Text     string `json:"text,omitempty"`
	Metadata string `json:"metadata,omitempty"` // as it was given
	Source   int64  `json:"source,omitempty"`
	Hash     string `json:"hash,omitempty"`  // of the text
	Place    string `json:"place,omitempty"` // see docPlace
	Bits     []byte `json:"bits,omitempty"`  // of the vector: GraphQL takes a millisecond to write one

	Data string `json:"data,omitempty"` // of what is no document
}

// docPlace is what no query asks for: where a document is in its source, and where its vector came from.
type docPlace struct {
	Index, Start, End int
	Origin            engine.Origin
}

func (p docPlace) String() string { return fmt.Sprint(p.Index, p.Start, p.End, int(p.Origin)) }

// row is a document as an answer has it: what was not asked for is missing.
type row struct {
	properties
	Additional struct {
		ID       string  `json:"id"`
		Distance float32 `json:"distance"`
	} `json:"_additional"`

	compared []float32 // the vector that the server compares, where list was asked for it

	number uint32
	docPlace
}

// read reads what is written in other forms.
func (r *row) read() (err error) {
	if r.number, err = numberOf(r.Additional.ID); err != nil {
		return err
	}
	if r.properties.Place != "" {
		_, err = fmt.Sscan(r.properties.Place, &r.docPlace.Index, &r.Start, &r.End, &r.Origin)
	}
	return err
}

// vector is the vector of a document.
func (r row) vector() []float32 { return vector.FromBytes(r.Bits) }

// idOf is the id on the server of the document with a number. The server lists objects in the
// order of ids.
func idOf(number uint32) string { return fmt.Sprintf("00000000-0000-0000-0000-%012x", number) }

func numberOf(id string) (uint32, error) {
	n, err := strconv.ParseUint(id[strings.LastIndexByte(id, '-')+1:], 16, 32)
	if err != nil {
		return 0, fmt.Errorf("an object of the collection has the id %q, which is none of sheaf's", id)
	}
	return uint32(n), nil
}

func idsOf(numbers []uint32) []string {
	ids := make([]string, len(numbers))
	for i, n := range numbers {
		ids[i] = idOf(n)
	}
	return ids
}

// The fields of documents that are asked for.
const (
	fieldsNumber = `_additional{id}`
	fieldsVector = `bits _additional{id distance}`
	fieldsAll    = `docId text metadata source place `
)

// literal is a value in GraphQL, where strings and numbers are written as in JSON.
func literal(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // strings and finite numbers
	return strings.TrimSuffix(b.String(), "\n")
}

// oneOf is the condition that a text property has one of some values.
func oneOf(property string, values []string) string {
	return `where:{path:["` + property + `"],operator:ContainsAny,valueText:` + literal(values) + `}`
}

// get asks for documents by the arguments of a GraphQL query.
func (c *client) get(ctx context.Context, arguments string, limit int, fields string) ([]row, error) {
	query := fmt.Sprintf(`{Get{%s(limit:%d,%s){%s}}}`, c.place.documents(), limit, arguments, fields)
	var answer struct {
		Data   struct{ Get map[string][]row }
		Errors []struct{ Message string }
	}
	if err := c.call(ctx, http.MethodPost, "/v1/graphql", map[string]string{"query": query}, &answer); err != nil {
		return nil, err
	}
	if len(answer.Errors) > 0 {
		return nil, &engine.UnavailableError{Store: c.place.url, Err: errors.New("Weaviate says: " + answer.Errors[0].Message)}
	}
	rows := answer.Data.Get[c.place.documents()]
	for i := range rows {
		if err := rows[i].read(); err != nil {
			return nil, c.place.damaged("%v", err)
		}
	}
	return rows, nil
}

// listed is how many objects one answer of list has.
const listed = 500

// list gives the documents that come after a number, in the order of their numbers, fewer
// than listed where there are no more, and the vectors that the server compares where that is asked for.
func (c *client) list(ctx context.Context, after uint32, compared bool) ([]row, error) {
	query := url.Values{"class": {c.place.documents()}, "limit": {strconv.Itoa(listed)}, "after": {idOf(after)}}
	if compared {
		query.Set("include", "vector")
	}
	var answer struct{ Objects []object }
	if err := c.call(ctx, http.MethodGet, "/v1/objects?"+query.Encode(), nil, &answer); err != nil {
		return nil, err
	}
	rows := make([]row, len(answer.Objects))
	for i, o := range answer.Objects {
		r := &rows[i]
		r.properties, r.Additional.ID, r.compared = o.Properties, o.ID, o.Vector
		if err := r.read(); err != nil {
			return nil, c.place.damaged("%v", err)
		}
	}
	return rows, nil
}

// everywhere asks for a write on all replicas.
const everywhere = "consistency_level=ALL"

// put writes objects that have no vectors, and may be there already.
func (c *client) put(ctx context.Context, objects []json.RawMessage) error {
	return again(ctx, func() error { return c.putOnce(ctx, objects) })
}

// putOnce writes objects by the JSON of them. The server tells of each whether it was written: a
// collection that was just made may not be known to all servers. It is not tried again with documents: a server
// that was killed amid them and has started again may have some of which it compares no
// vectors, and would pass over the same ones.
func (c *client) putOnce(ctx context.Context, objects []json.RawMessage) error {
	var body bytes.Buffer
	body.WriteString(`{"objects":[`)
	for i, o := range objects {
		if i > 0 {
			body.WriteByte(',')
		}
		body.Write(o)
	}
	body.WriteString(`]}`)
	var answers []struct {
		ID     string
		Result struct {
			Errors struct{ Error []struct{ Message string } }
		}
	}
	if err := c.once(ctx, http.MethodPost, "/v1/batch/objects?"+everywhere, body.Bytes(), &answers); err != nil {
		return err
	}
	for _, a := range answers {
		if failed := a.Result.Errors.Error; len(failed) > 0 {
			return &engine.UnavailableError{Store: c.place.url, Err: fmt.Errorf("object %s: Weaviate says: %s", a.ID, failed[0].Message)}
		}
	}
	if len(answers) != len(objects) {
		return &engine.UnavailableError{Store: c.place.url, Err: fmt.Errorf("of %[2]d objects that were to be written Weaviate tells of %[1]d", len(answers), len(objects))}
	}
	return nil
}

// remove deletes objects of a collection. The time of the deletion is told, because the
// server would take the year 1, and a replica that was away would bring the objects back.
func (c *client) remove(ctx context.Context, class string, ids []string) error {
	type where struct {
		Path     []string `json:"path"`
		Operator string   `json:"operator"`
		Values   []string `json:"valueTextArray"`
	}
	body := map[string]any{
		"match":                 map[string]any{"class": class, "where": where{[]string{"id"}, "ContainsAny", ids}},
		"deletionTimeUnixMilli": time.Now().UnixMilli(),
	}
	var answer struct{ Results struct{ Failed int } }
	if err := c.call(ctx, http.MethodDelete, "/v1/batch/objects?"+everywhere, body, &answer); err != nil {
		return err
	}
	if answer.Results.Failed > 0 {
		return &engine.UnavailableError{Store: c.place.url, Err: fmt.Errorf("%d objects of %d were not deleted", answer.Results.Failed, len(ids))}
	}
	return nil
}

// read reads an object of the collection of what else is known, as most replicas have it. there is false
// where there is none.
func (c *client) read(ctx context.Context, class, id string) (data string, there bool, err error) {
	var o object
	err = c.call(ctx, http.MethodGet, "/v1/objects/"+class+"/"+id+"?consistency_level=QUORUM", nil, &o)
	if hasStatus(err, http.StatusNotFound) || hasStatus(err, http.StatusUnprocessableEntity) { // no object, no collection
		return "", false, nil
	}
	return o.Properties.Data, err == nil, err
}

// write writes an object that has data alone.
func (c *client) write(ctx context.Context, class, id, data string) error {
	b, err := json.Marshal(object{Class: class, ID: id, Properties: properties{Data: data}})
	if err != nil {
		return err
	}
	return c.put(ctx, []json.RawMessage{b})
}
