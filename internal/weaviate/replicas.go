package weaviate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"sheaf/internal/crash"
	"sheaf/internal/engine"
)

// A server answers from the shards that it reaches, and from what a replica of them has. It does not
// tell of a shard that it does not reach, nor knows that a replica has lost its disk and began
// anew. So who reads asks how many shards there are that answer, and whether each replica
// has the marks: objects that are written when the store is made, and never again. Nothing reads marks in
// a way that has servers copy them to one another.

// node is a server of the cluster with the shards that it has.
type node struct {
	Name, Status, Version string
	Shards                []struct{ Name, Class string }
}

// healthy is the status of a node that answers.
const healthy = "HEALTHY"

// has is how many shards of a collection the node answers for.
func (n *node) has(class string) (shards int) {
	for _, s := range n.Shards {
		if n.Status == healthy && s.Class == class {
			shards++
		}
	}
	return shards
}

// nodes are the servers of the cluster.
func (c *client) nodes(ctx context.Context) ([]node, error) {
	var answer struct{ Nodes []node }
	if err := c.once(ctx, http.MethodGet, "/v1/nodes/"+c.place.documents()+"?output=verbose", nil, &answer); hasStatus(err, http.StatusNotFound) {
		return nil, c.place.lost()
	} else if err != nil {
		return nil, err
	}
	for _, n := range answer.Nodes {
		if n.Status == healthy && !supported(n.Version) {
			return nil, &engine.UnsupportedError{Problem: fmt.Sprintf("server %q is Weaviate %s", n.Name, n.Version), Remedy: "sheaf needs Weaviate " + tested + " or a later 1.x"}
		}
	}
	return answer.Nodes, nil
}

// tested is the version of the servers that the tests run.
const tested = "1.35"

// supported reports whether a version is one that is tested, or a later one of the same interface.
func supported(version string) bool {
	var major, minor int
	n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return n == 2 && major == 1 && minor >= 35
}

// whole fails unless each shard of the documents has at least so many replicas that answer.
func (c *client) whole(ctx context.Context, shards, replicas int) error {
	_, err := c.answering(ctx, shards, replicas)
	return err
}

// answering is whole, and returns the servers.
func (c *client) answering(ctx context.Context, shards, replicas int) (all []node, err error) {
	err = engine.Again(ctx, func() error {
		if all, err = c.nodes(ctx); err != nil {
			return err
		}
		return c.enough(all, shards, replicas)
	})
	return all, err
}

// enough fails unless each shard has at least so many replicas.
func (c *client) enough(all []node, shards, replicas int) error {
	answering := map[string]int{}
	for _, n := range all {
		for _, s := range n.Shards {
			if n.Status == healthy && s.Class == c.place.documents() {
				answering[s.Name]++
			}
		}
	}
	there := 0
	for _, n := range answering {
		if n >= replicas {
			there++
		}
	}
	if there < shards {
		return &engine.UnavailableError{Store: c.place.url, Err: fmt.Errorf("a server of the cluster does not answer: of %d shards only %d have %s", shards, there, counted(replicas))}
	}
	return nil
}

func counted(replicas int) string {
	if replicas == 1 {
		return "a replica"
	}
	return fmt.Sprintf("all %d replicas", replicas)
}

// marksOfShard is how many marks a shard has on average, where there are several: that one has none
// has a chance of e^-32.
const marksOfShard = 32

// marks are the ids of the marks of a store.
func marks(shards int) (ids []string) {
	n := 1
	if shards > 1 {
		n = marksOfShard * shards
	}
	for i := range n {
		ids = append(ids, idOf(maxNumber+1, uint32(i)))
	}
	return ids
}

// mark writes the marks of a store.
func (c *client) mark(ctx context.Context, shards int) error {
	var all []message
	for _, id := range marks(shards) {
		all = append(all, new(properties).object(c.place.documents(), id, nil))
	}
	return c.put(ctx, all)
}

// sound fails unless each shard of the documents has at least so many replicas that answer, and
// none has lost what it had.
func (c *client) sound(ctx context.Context, s *state, replicas int) error {
	begun := time.Now()
	all, err := c.answering(ctx, s.Shards, replicas)
	if err == nil && !c.mending {
		err = c.allMarked(ctx, s, all)
	}
	if err == nil {
		c.sounded.Store(&begun)
	}
	return err
}

// fresh is how long a store counts as sound after it was: no server ends and starts again, without
// what it had, in less.
const fresh = 300 * time.Millisecond

// justSound reports whether the store was sound just now.
func (c *client) justSound() bool {
	at := c.sounded.Load()
	return at != nil && time.Since(*at) < fresh
}

// allMarked fails unless all replicas that answer have the marks.
func (c *client) allMarked(ctx context.Context, s *state, all []node) (err error) {
	looking := []<-chan error{crash.Go(func() error { return c.marked(ctx, s.Shards) })}
	for i := range all {
		n := &all[i]
		switch has := n.has(c.place.documents()); {
		case s.Replicas == 1 || has == 0:
		case has < s.Shards:
			return c.place.damaged("server %q has %d of the %d shards: sheaf cannot tell whether it has all of their documents", n.Name, has, s.Shards)
		default:
			looking = append(looking, crash.Go(func() error { return c.markedOn(ctx, n.Name, s.Shards) }))
		}
	}
	for _, one := range looking {
		err = errors.Join(err, <-one)
	}
	return err
}

// marked fails unless the replicas that answer a query have all marks.
func (c *client) marked(ctx context.Context, shards int) error {
	ids := marks(shards)
	found, err := c.get(ctx, question{property: propertyID, values: ids, limit: len(ids)})
	if err == nil && len(found) < len(ids) {
		err = &emptiedError{c.place.url, "a server of the cluster"}
	}
	return err
}

// markedOn fails unless a server that has all shards has a mark.
func (c *client) markedOn(ctx context.Context, node string, shards int) error {
	err := c.call(ctx, http.MethodGet, "/v1/objects/"+c.place.documents()+"/"+marks(shards)[0]+"?node_name="+url.QueryEscape(node), nil, nil)
	if isMissing(err) {
		err = &emptiedError{c.place.url, fmt.Sprintf("server %q", node)}
	}
	return err
}

// emptiedError says that a replica has lost its documents.
type emptiedError struct {
	url, who string
}

func (e *emptiedError) Error() string { return fmt.Sprintf("%q: %s", e.url, e.problem()) }
func (e *emptiedError) problem() string {
	return e.who + " has lost documents that it had, and others may have them"
}

// Unwrap makes it one of a damaged store.
func (e *emptiedError) Unwrap() error {
	return &engine.FormatError{Path: e.url, Problem: e.problem()}
}

// Hint returns what mends it: see the hint package.
func (e *emptiedError) Hint() string {
	return remedyRepair + " copies them from other replicas, and forgets those that no server has"
}

// copiers is how many objects are copied at a time.
const copiers = 8

// restore has the servers copy documents, and what else the state names, to one another: they do where an
// object is read from all replicas that not all have.
func (v *view) restore(ctx context.Context, documents *roaring.Bitmap) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(copiers)
	read := func(class, id string) {
		group.Go(func() (err error) {
			defer crash.Catch(&err)
			err = v.call(ctx, http.MethodGet, "/v1/objects/"+class+"/"+id+"?"+everywhere, nil, nil)
			if isMissing(err) {
				err = nil // the check that follows tells
			}
			return err
		})
	}
	for id := range pagesOf(v.state) {
		read(v.place.meta(), id)
	}
	for page := range chunks(documents, named) {
		for _, id := range v.ids(page) {
			if ctx.Err() == nil {
				read(v.place.documents(), id)
			}
		}
	}
	return group.Wait()
}
