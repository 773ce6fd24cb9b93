package weaviate

import (
	"context"
	"fmt"
	"net/http"

	"sheaf/internal/engine"
)

// class is a collection as the server describes it.
type class struct {
	Name        string         `json:"class"`
	Description string         `json:"description,omitempty"`
	Vectorizer  string         `json:"vectorizer"`
	IndexType   string         `json:"vectorIndexType,omitempty"`
	IndexConfig map[string]any `json:"vectorIndexConfig,omitempty"`
	Sharding    *sharding      `json:"shardingConfig,omitempty"`
	Replication *replication   `json:"replicationConfig,omitempty"`
	Properties  []property     `json:"properties"`
}

type sharding struct {
	Desired int `json:"desiredCount,omitempty"`
}

type replication struct {
	Factor   int    `json:"factor,omitempty"`
	Async    bool   `json:"asyncEnabled"`
	Deletion string `json:"deletionStrategy,omitempty"`
}

type property struct {
	Name         string   `json:"name"`
	Type         []string `json:"dataType"`
	Tokenization string   `json:"tokenization,omitempty"`
	Filterable   bool     `json:"indexFilterable"`
	Searchable   bool     `json:"indexSearchable"`
}

// kept is a text that no query asks for; found one that queries look up as a whole.
func kept(name string) property { return property{Name: name, Type: []string{"text"}} }
func found(name string) property {
	return property{Name: name, Type: []string{"text"}, Tokenization: "field", Filterable: true}
}

// made marks collections of sheaf's; begun that of what is no document, once the store has a state: then it
// has one always, and where there is none a server has lost it.
const (
	made  = "kept by sheaf; other programs may read it and must not write"
	begun = made + "; in use"
)

// flat is a class without an approximate index: the server compares a query with all vectors,
// of which it keeps the numbers as they are. Replicas do not copy objects from each other in the background: a
// commit is on all, or is none.
func (p *place) flat(name, distance string, shards int, all ...property) class {
	c := class{
		Name: name, Description: made, Vectorizer: "none", IndexType: "flat",
		IndexConfig: map[string]any{"distance": distance, "skipDefaultQuantization": true},
		Properties:  all,
	}
	if shards > 0 {
		c.Sharding = &sharding{Desired: shards}
	}
	if p.replicas > 0 {
		c.Replication = &replication{Factor: p.replicas}
	}
	if p.replicas > 1 {
		c.Replication.Deletion = "TimeBasedResolution"
	}
	return c
}

// create makes the collections of a store.
func (c *client) create(ctx context.Context, f engine.Facts, shards int) error {
	p := c.place
	there, err := c.class(ctx, p.meta())
	if err != nil {
		return err
	}
	if there != nil {
		if err := c.clear(ctx, there); err != nil {
			return err
		}
	}
	if there, err = c.class(ctx, p.documents()); err != nil {
		return err
	} else if there != nil {
		return p.foreign()
	}
	if err := c.makeClass(ctx, p.flat(p.meta(), "dot", 1, kept("data"))); err != nil {
		return err
	}
	distance := "dot" // vectors have length 1 already where the metric is the cosine
	if f.Metric == engine.L2 {
		distance = "l2-squared"
	}
	return c.makeClass(ctx, p.flat(p.documents(), distance, shards,
		found("docId"), kept("text"), kept("metadata"), property{Name: "source", Type: []string{"int"}}, found("hash"), kept("place")))
}

// declareBegun says in the schema that the store has a state.
func (c *client) declareBegun(ctx context.Context) error {
	var meta map[string]any // with all that the server says of it, which it wants to be told
	path := "/v1/schema/" + c.place.meta()
	if err := c.call(ctx, http.MethodGet, path, nil, &meta); err != nil {
		return err
	}
	meta["description"] = begun
	return c.call(ctx, http.MethodPut, path, meta, nil)
}

// makeClass makes a collection that was not there. The server refuses it when it had made it
// and that answer was lost.
func (c *client) makeClass(ctx context.Context, wanted class) error {
	err := c.call(ctx, http.MethodPost, "/v1/schema", wanted, nil)
	if !hasStatus(err, http.StatusUnprocessableEntity) {
		return err
	}
	if there, failed := c.class(ctx, wanted.Name); failed == nil && there != nil && there.Description == made {
		return nil
	}
	return err
}

// clear removes what a killed writer left that had made the collections of a store and no
// state. Documents are written after a state: where there is one, a server has lost the state,
// or does not know of it yet, and nothing is removed.
func (c *client) clear(ctx context.Context, meta *class) error {
	documents, err := c.class(ctx, c.place.documents())
	if err != nil {
		return err
	}
	switch {
	case meta.Description == begun:
		return c.place.lost()
	case meta.Description != made || documents != nil && documents.Description != made:
		return c.place.foreign()
	}
	if documents != nil && documents.Sharding != nil {
		if err := c.whole(ctx, documents.Sharding.Desired, 1); err != nil {
			return err
		}
		rows, err := c.get(ctx, question{after: idOf(0, 0), limit: 1})
		if err != nil {
			return err
		}
		if len(rows) > 0 && rows[0].number <= maxNumber { // marks are the last
			return c.place.damaged("it has documents and no state")
		}
	}
	return c.destroy(ctx)
}

// destroy removes the collections of a store.
func (c *client) destroy(ctx context.Context) error {
	for _, name := range []string{c.place.documents(), c.place.meta()} {
		if err := c.call(ctx, http.MethodDelete, "/v1/schema/"+name, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// class describes a collection, nil where there is none.
func (c *client) class(ctx context.Context, name string) (*class, error) {
	var found class
	err := c.call(ctx, http.MethodGet, "/v1/schema/"+name, nil, &found)
	if hasStatus(err, http.StatusNotFound) {
		return nil, nil
	}
	return &found, err
}

// foreign is the error of a collection that no sheaf made.
func (p *place) foreign() error {
	return &engine.FormatError{Path: p.url, Problem: "the collection is not one of sheaf's: it has no state beside it", Remedy: "name another collection; sheaf makes it"}
}

// lost is the error of a store of which a server has no state, or no documents.
func (p *place) lost() error {
	return &engine.FormatError{Path: p.url, Problem: "a server does not know a collection of the store, or has lost what is in it", Remedy: "run the same command again; where that does not help, restore the collections of the store from a backup"}
}

// damaged is the error of a store of which something cannot be read.
func (p *place) damaged(format string, args ...any) error {
	return &engine.FormatError{Path: p.url, Problem: fmt.Sprintf(format, args...), Remedy: "restore the collections of the store from a backup"}
}
