package weaviate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/vector"
)

// maxRows is how many objects the server gives in one answer at most.
const maxRows = 10_000

// properties are those of both collections.
type properties struct {
	ID       string // of a document
	Text     string
	Metadata string // as it was given
	Hash     string // of the text
	Place    string // see docPlace
	Data     string // of what is no document
	Source   int64
}

// texts are the names of the properties that are texts.
var texts = [...]string{"docId", "text", "metadata", "hash", "place", "data"}

// text is the property of a name, nil where there is none.
func (p *properties) text(name string) *string {
	all := [...]*string{&p.ID, &p.Text, &p.Metadata, &p.Hash, &p.Place, &p.Data}
	if i := slices.Index(texts[:], name); i >= 0 {
		return all[i]
	}
	return nil
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
	id       string
	distance float32 // to the vector of the question
	vector   []float32

	number, version uint32
	docPlace
}

// read reads what is written in other forms.
func (r *row) read() (err error) {
	if r.number, r.version, err = parseID(r.id); err != nil {
		return err
	}
	if r.Place != "" {
		_, err = fmt.Sscan(r.Place, &r.docPlace.Index, &r.Start, &r.End, &r.Origin)
	}
	return err
}

// The fields of documents that are asked for: names of properties, and that of the vector. Their ids always are.
const (
	fieldVector = "vector"
	fieldsAll   = "docId text metadata source place "
)

// fieldsOf are all fields of documents, or all but their vectors.
func fieldsOf(withVectors bool) string {
	if withVectors {
		return fieldsAll + fieldVector
	}
	return fieldsAll
}

// question is what is asked for: objects that have one of some values, those after an id in the order of ids, or
// those nearest to a vector in the order of their distances.
type question struct {
	property string // that has one of values; "" for all objects
	values   []string
	after    string // "" for all, in no order
	near     []float32
	limit    int
	fields   string
}

// propertyID is the id of an object as a property.
const propertyID = "_id"

// shorten has the next answer be of fewer objects, and reports whether that helps against an error.
func (q *question) shorten(err error) bool {
	if !errors.Is(err, errTooLarge) || q.limit == 1 {
		return false
	}
	q.limit /= 2
	return true
}

// The operators of Filters.
const (
	operatorGreaterThan = 3
	operatorAnd         = 7
	operatorContainsAny = 12
)

// condition is a message Filters, without a value.
func condition(operator uint64, property string) message {
	return message{}.number(1, operator).bytes(20, message{}.text(1, property))
}

// message is a SearchRequest to a collection: search_get.proto, base_search.proto and base.proto say what
// its numbers are.
func (q question) message(collection string) message {
	var properties, values message
	metadata := message{}.number(1, 1) // the id
	for _, name := range slices.Compact(slices.Sorted(strings.FieldsSeq(q.fields))) {
		if name == fieldVector {
			metadata = metadata.number(2, 1)
		} else {
			properties = properties.text(1, name)
		}
	}
	m := message{}.text(1, collection)
	if q.near != nil {
		metadata = metadata.number(5, 1) // the distance
		m = m.bytes(43, message{}.bytes(9, message{}.bytes(3, vector.Bytes(q.near))))
	}
	m = m.bytes(20, properties).bytes(21, metadata).number(30, uint64(q.limit)).number(102, 1)
	if q.property == "" {
		if q.after != "" {
			m = m.text(33, q.after)
		}
		return m
	}
	for _, value := range q.values {
		values = values.text(1, value)
	}
	filter := condition(operatorContainsAny, q.property).bytes(9, values)
	if q.after != "" {
		after := condition(operatorGreaterThan, propertyID).text(4, q.after)
		filter = message{}.number(1, operatorAnd).bytes(3, filter).bytes(3, after)
		m = m.bytes(34, message{}.number(1, 1).text(2, propertyID))
	}
	return m.bytes(40, filter)
}

// readRows reads a SearchReply, whose numbers of fields are those of search_get.proto and properties.proto.
func readRows(reply []byte) (rows []row, err error) {
	err = walk(reply, func(f field) error {
		if f.number != 2 {
			return nil
		}
		rows = append(rows, row{})
		return rows[len(rows)-1].decode(f.bytes)
	})
	return rows, err
}

// decode reads a SearchResult.
func (r *row) decode(result []byte) error {
	return walk(result, func(f field) error {
		switch f.number {
		case 1:
			return walk(f.bytes, r.decodeProperties)
		case 2:
			return walk(f.bytes, r.decodeMetadata)
		}
		return nil
	})
}

// decodeProperties reads a field of a PropertiesResult.
func (r *row) decodeProperties(f field) error {
	if f.number != 11 {
		return nil
	}
	return walk(f.bytes, func(entry field) error {
		var name, value []byte
		err := walk(entry.bytes, func(f field) error {
			if f.number == 1 {
				name = f.bytes
			} else {
				value = f.bytes
			}
			return nil
		})
		if err != nil {
			return err
		}
		return walk(value, func(f field) error {
			switch text := r.text(string(name)); {
			case f.number == 13 && text != nil:
				*text = string(f.bytes)
			case f.number == 8 && string(name) == "source":
				r.Source = int64(f.value)
			}
			return nil
		})
	})
}

// decodeMetadata reads a field of a MetadataResult.
func (r *row) decodeMetadata(f field) error {
	switch f.number {
	case 1:
		r.id = string(f.bytes)
	case 7:
		r.distance = math.Float32frombits(uint32(f.value))
	case 19:
		r.vector = vector.FromBytes(f.bytes)
	}
	return nil
}

// ask asks a collection.
func (c *client) ask(ctx context.Context, class string, q question) (rows []row, err error) {
	m := q.message(class)
	err = engine.Again(ctx, func() error {
		reply, err := c.invoke(ctx, methodSearch, m)
		if err != nil {
			return err
		}
		if rows, err = readRows(reply); err != nil {
			return c.unanswered(ctx, err)
		}
		return nil
	})
	return rows, err
}

// get asks for documents.
func (c *client) get(ctx context.Context, q question) ([]row, error) {
	rows, err := c.ask(ctx, c.place.documents(), q)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if err := rows[i].read(); err != nil {
			return nil, c.place.damaged("%v", err)
		}
	}
	return rows, nil
}

// metaIDs are the ids of what is no document, in their order, up to maxRows of those after one.
func (c *client) metaIDs(ctx context.Context, after string) (ids []string, err error) {
	rows, err := c.ask(ctx, c.place.meta(), question{after: after, limit: maxRows})
	for _, r := range rows {
		ids = append(ids, r.id)
	}
	return ids, err
}

// complained puts a code of gRPC and its message in the terms of engines. Queries that fail have no code but
// codeUnknown. What is not known is that a server does not reach another one.
func (c *client) complained(ctx context.Context, code int, message string) error {
	says := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(strings.ToLower(message), part) })
	}
	told := fmt.Errorf("the server says: %.*s (gRPC %d)", shownMessage, message, code)
	switch {
	case code == codeUnauthenticated || code == codePermissionDenied || says("forbidden", "unauthorized", "rbac:"):
		return &engine.RefusedError{Store: c.place.url, Err: told}
	case code == codeResourceExhausted && says("larger than max"):
		return c.tooLarge()
	case code == codeUnimplemented:
		return misdirected(&engine.UnavailableError{Store: c.place.url, Err: told})
	case code == codeInvalidArgument || code == codeUnknown && says("invalid pagination", "vector lengths don't match", "no such prop"):
		return fmt.Errorf("store %q: %w", c.place.url, told)
	case says("could not find class"): // or this server does not know of it yet
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

// everywhere asks for a write on all replicas.
const everywhere = "consistency_level=ALL"

// object is one that is written: a message BatchObject of batch.proto, with a Struct of protobuf's.
func (p *properties) object(class, id string, x []float32) message {
	var all message
	for _, name := range texts {
		if text := *p.text(name); text != "" {
			all = all.bytes(1, message{}.text(1, name).bytes(2, message{}.text(3, text)))
		}
	}
	if p.Source != 0 {
		all = all.bytes(1, message{}.text(1, "source").bytes(2, message{}.double(2, float64(p.Source))))
	}
	return message{}.text(1, id).bytes(3, message{}.bytes(1, all)).text(4, class).bytes(6, vector.Bytes(x))
}

// put writes objects that have no vectors, and may be there already.
func (c *client) put(ctx context.Context, objects []message) error {
	return engine.Again(ctx, func() error { return c.putOnce(ctx, objects) })
}

// levelAll is the consistency level of a write on all replicas, in a message.
const levelAll = 3

// putOnce writes objects on all replicas. The server tells of those that were not written: a
// collection that was just made may not be known to all servers. It is not tried again with documents: a server
// that was killed amid them and has started again may have some of which it compares no
// vectors, and would pass over the same ones.
func (c *client) putOnce(ctx context.Context, objects []message) error {
	var m message
	for _, o := range objects {
		m = m.bytes(1, o)
	}
	reply, err := c.invoke(ctx, methodWrite, m.number(2, levelAll))
	if err != nil {
		return err
	}
	failed := 0
	message := ""
	err = walk(reply, func(f field) error { // BatchObjectsReply
		if f.number != 2 {
			return nil
		}
		failed++
		return walk(f.bytes, func(f field) error { // BatchError
			if f.number == 2 {
				message = string(f.bytes)
			}
			return nil
		})
	})
	switch {
	case err != nil:
		return c.unanswered(ctx, err)
	case failed > 0:
		return c.complained(ctx, codeUnknown, fmt.Sprintf("%d objects of %d were not written: %s", failed, len(objects), message))
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
	var o struct{ Properties struct{ Data string } }
	err = c.call(ctx, http.MethodGet, "/v1/objects/"+class+"/"+id+"?consistency_level=QUORUM", nil, &o)
	if isMissing(err) {
		return "", false, nil
	}
	return o.Properties.Data, err == nil, err
}

// write writes an object that has data alone.
func (c *client) write(ctx context.Context, class, id, data string) error {
	o := properties{Data: data}
	return c.put(ctx, []message{o.object(class, id, nil)})
}
