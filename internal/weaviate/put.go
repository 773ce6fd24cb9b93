package weaviate

import (
	"context"
	"fmt"

	"sheaf/internal/engine"
)

// secondPut is how many documents of each shard, on average, are put twice. Of a shard that got
// many none may be among them: with a chance of e^-32.
const secondPut = 32

// putDocuments writes documents, at most named of them. A server writes the log of its vectors to the disk
// before it adds those of a request, and answers then: they are lost when it is killed before another
// request comes, which may be the same one again. Where it is killed between the two and starts
// again, it passes over what it has, so that it is asked whether it compares the vectors.
func (c *client) putDocuments(ctx context.Context, rows []outgoing, s *state) error {
	last := rows[max(0, len(rows)-secondPut*s.Shards):]
	for _, all := range [][]outgoing{rows, last} {
		for len(all) > 0 {
			objects, size := []message{all[0].object}, len(all[0].object)
			for _, o := range all[1:] {
				if size += len(o.object); size > sendBytes {
					break
				}
				objects = append(objects, o.object)
			}
			if err := c.putOnce(ctx, objects); err != nil {
				return err
			}
			all = all[len(objects):]
		}
	}
	return c.verify(ctx, rows, s.Facts.Dim)
}

// verify fails unless the server compares the vectors of documents.
func (c *client) verify(ctx context.Context, rows []outgoing, dim int) error {
	ids := make([]string, len(rows))
	for i, o := range rows {
		ids[i] = o.id
	}
	query := make([]float32, dim)
	query[0] = 1
	found, err := c.get(ctx, question{near: query, property: propertyID, values: ids, limit: len(ids)})
	if err == nil && len(found) < len(ids) {
		lost := fmt.Errorf("the server ended amid a write: of %d documents of %d it does not compare the vectors", len(ids)-len(found), len(ids))
		err = &engine.UnavailableError{Store: c.place.url, Err: lost}
	}
	return err
}
