package weaviate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
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

	number, version uint32
	docPlace
}

// read reads what is written in other forms.
func (r *row) read() (err error) {
	if r.number, r.version, err = parseID(r.Additional.ID); err != nil {
		return err
	}
	if r.properties.Place != "" {
		_, err = fmt.Sscan(r.properties.Place, &r.docPlace.Index, &r.Start, &r.End, &r.Origin)
	}
	return err
}

// vector is the vector of a document.
func (r row) vector() []float32 { return vector.FromBytes(r.Bits) }

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
func oneOf(property string, values []string) string { return `where:` + hasOne(property, values) }

func hasOne(property string, values []string) string {
	return `{path:["` + property + `"],operator:ContainsAny,valueText:` + literal(values) + `}`
}

// oneOfAfter is oneOf of objects after an id, in the order of their ids.
func oneOfAfter(property string, values []string, id string) string {
	return `where:{operator:And,operands:[` + hasOne(property, values) + `,{path:["id"],operator:GreaterThan,valueText:` + literal(id) + `}]},sort:[{path:["_id"],order:asc}]`
}

// get asks for documents by the arguments of a GraphQL query.
func (c *client) get(ctx context.Context, arguments string, limit int, fields string) ([]row, error) {
	rows, err := c.ask(ctx, c.place.documents(), arguments, limit, fields)
	for i := range rows {
		if err := rows[i].read(); err != nil {
			return nil, c.place.damaged("%v", err)
		}
	}
	return rows, err
}

// metaIDs are the ids of what is no document, in their order, up to maxRows of those after one.
func (c *client) metaIDs(ctx context.Context, after string) (ids []string, err error) {
	rows, err := c.ask(ctx, c.place.meta(), "after:"+literal(after), maxRows, fieldsNumber)
	for _, r := range rows {
		ids = append(ids, r.Additional.ID)
	}
	return ids, err
}

// ask asks for objects of a collection.
func (c *client) ask(ctx context.Context, class, arguments string, limit int, fields string) (rows []row, err error) {
	query := fmt.Sprintf(`{Get{%s(limit:%d,%s){%s}}}`, class, limit, arguments, fields)
	err = again(ctx, func() error {
		rows, err = c.askOnce(ctx, class, query)
		return err
	})
	return rows, err
}

func (c *client) askOnce(ctx context.Context, class, query string) ([]row, error) {
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data   struct{ Get map[string][]row }
		Errors []struct{ Message string }
	}
	if err := c.once(ctx, http.MethodPost, "/v1/graphql", body, &answer); err != nil {
		return nil, err
	}
	if len(answer.Errors) > 0 {
		return nil, c.complained(ctx, answer.Errors[0].Message)
	}
	return answer.Data.Get[class], nil
}

// complained puts a message of GraphQL, which has no other kinds of errors, in the terms of engines. What
// is not known is that a server does not reach another one.
func (c *client) complained(ctx context.Context, message string) error {
	says := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(strings.ToLower(message), part) })
	}
	told := fmt.Errorf("the server says: %.*s", shownMessage, message)
	switch {
	case says("forbidden", "unauthorized", "rbac:"):
		return &engine.RefusedError{Store: c.place.url, Err: told}
	case says("syntax error", "unknown argument", "invalid pagination", "has invalid value", "invalid 'where' filter", "vector lengths don't match"):
		return fmt.Errorf("store %q: %w", c.place.url, told)
	case says("cannot query field"): // the collection, or this server does not know of it yet
		documents, err := c.class(ctx, c.place.documents())
		switch {
		case err != nil:
			return err
		case documents == nil:
			return c.place.damaged("its collection of documents is gone")
		}
	}
	return &engine.UnavailableError{Store: c.place.url, Err: told}
}

// listed is how many objects one answer of list has.
const listed = 500

// list gives the documents that come after an id, in the order of their numbers, fewer
// than listed where there are no more, and the vectors that the server compares where that is asked for.
func (c *client) list(ctx context.Context, after string, compared bool) ([]row, error) {
	query := url.Values{"class": {c.place.documents()}, "limit": {strconv.Itoa(listed)}, "after": {after}}
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
		if r.number > maxNumber { // marks are the last
			return rows[:i], nil
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
	if isMissing(err) {
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
