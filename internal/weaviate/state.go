package weaviate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/google/uuid"

	"sheaf/internal/engine"
)

// formatVersion is that of what follows.
const formatVersion = 1

// firstNumber is that of a store's first document or source.
const firstNumber = 1

// state is what a commit writes last, in one object: which documents there are, and in which
// objects their sources are. What it does not name is not part of the store.
type state struct {
	Format           int          `json:"sheaf"`
	ID               string       `json:"id"`
	Created, Updated time.Time    `json:",omitzero"`
	Facts            engine.Facts `json:"facts"`
	Unit             bool         `json:"unit"`    // every vector has length 1 or 0
	Longest          float64      `json:"longest"` // no vector is longer
	Settings         string       `json:"settings"`
	Generation       int64        `json:"generation"` // grows with every commit that takes documents away or changes one
	Next             uint32       `json:"next"`       // the number of the next document
	NextSource       int64        `json:"next_source"`
	Documents        numbers      `json:"documents"`
	Dead             numbers      `json:"dead"`  // that are not documents any more, or never were, and may be on the server
	Moved            versions     `json:"moved"` // documents that are not of version 0
	Stale            versions     `json:"stale"` // versions that are no documents and may be on the server
	NextVersion      uint32       `json:"next_version"`
	Pages            []string     `json:"pages"`    // the ids of the objects that hold the sources
	Segments         []segment    `json:"segments"` // of the index of words
	Words            int          `json:"words"`    // the version of the rules by which texts have terms
	Shards           int          `json:"shards"`
	Replicas         int          `json:"replicas"`
	Writer           string       `json:"writer"` // the token of the writer that has the store open, else ""

	epoch int64 // in which it was read or begun; 0: none yet
}

// Each epoch has a state. The hint tells the epoch of one that was the newest: others may follow,
// each in the epoch after. Those of a lower epoch are superseded.
const (
	hintID     = "00000000-0000-0000-0000-000000000001"
	superseded = "superseded"
)

// lastStateID comes after all of them, and before the ids of pages, which are chosen at random.
const lastStateID = "00000000-0000-0000-0002-000000000000"

func stateID(epoch int64) string { return fmt.Sprintf("00000000-0000-0000-0001-%012x", epoch) }

// keptEpochs is for how many epochs it is kept that one is superseded. A writer that slept through all of
// these would lead readers astray by the hint.
const keptEpochs = 1000

// numbers are some numbers of documents. They are written as the base64 of their portable
// format.
type numbers struct{ *roaring.Bitmap }

func (n numbers) MarshalText() ([]byte, error) {
	small := n.Clone() // others may be reading n
	small.RunOptimize()
	text, err := small.ToBase64()
	return []byte(text), err
}

func (n *numbers) UnmarshalText(text []byte) error {
	n.Bitmap = roaring.New()
	_, err := n.FromBase64(string(text))
	return err
}

// source is a source as a page has it, with the numbers of its documents.
type source struct {
	engine.Source
	Numbers numbers
}

// pageSources is how many sources are in one page: those whose numbers have one quotient by it.
const pageSources = 256

// newest reads the state of the highest epoch that has begun, 0 where there is none.
func (c *client) newest(ctx context.Context) (epoch int64, data string, err error) {
	for range tries {
		from := c.epoch.Load()
		if from == 0 {
			if from, err = c.hint(ctx); err != nil {
				return 0, "", err
			}
		}
		epoch, data, err = c.newestFrom(ctx, from)
		if err != nil {
			return 0, "", err
		}
		c.epoch.Store(epoch)
		if epoch > 0 || from == 0 {
			return epoch, data, nil
		}
	} // others came between: the hint tells
	return 0, "", c.place.unsettled(errChanged)
}

// newestFrom is newest among an epoch and those that follow. Those after the newest are superseded where
// a writer that skipped them ended before it began its own.
func (c *client) newestFrom(ctx context.Context, from int64) (epoch int64, newest string, err error) {
	for at := from; ; at++ {
		data, there, err := c.read(ctx, c.place.meta(), stateID(at))
		switch {
		case err != nil:
			return 0, "", err
		case there && data != superseded:
			epoch, newest = at, data
		case !there && at > from:
			return epoch, newest, nil
		}
	}
}

func (c *client) hint(ctx context.Context) (epoch int64, err error) {
	data, there, err := c.read(ctx, c.place.meta(), hintID)
	if err == nil && there {
		if epoch, err = strconv.ParseInt(data, 10, 64); err != nil {
			err = c.place.damaged("its state is damaged: %v", err)
		}
	}
	return epoch, err
}

// readState reads the state, and fails where there is none.
func (c *client) readState(ctx context.Context) (*state, error) {
	p := c.place
	epoch, data, err := c.newest(ctx)
	if err != nil {
		return nil, err
	}
	if epoch == 0 {
		return nil, c.missing(ctx)
	}
	s := &state{}
	if err := json.Unmarshal([]byte(data), s); err != nil {
		return nil, p.damaged("its state is damaged: %v", err)
	}
	switch {
	case s.Format > formatVersion:
		return nil, &engine.FormatError{Path: p.url, Problem: fmt.Sprintf("the store has format version %d; this sheaf reads up to %d", s.Format, formatVersion), Remedy: "update sheaf"}
	case s.Format < 1 || s.Documents.Bitmap == nil || s.Dead.Bitmap == nil || s.Facts.Validate() != nil:
		return nil, p.damaged("its state is damaged")
	}
	s.epoch = epoch
	return s, nil
}

// missing tells what it means that there is no state: no store, or another program's
// collection.
func (c *client) missing(ctx context.Context) error {
	p := c.place
	meta, err := c.class(ctx, p.meta())
	if err != nil {
		return err
	}
	if meta == nil {
		documents, err := c.class(ctx, p.documents())
		if err != nil {
			return err
		}
		if documents != nil {
			return p.foreign()
		}
	}
	if meta != nil && meta.Description == begun {
		return p.lost()
	}
	return fmt.Errorf("opening store %q: %w", p.url, engine.ErrNotExist)
}

// writeState writes the state of an epoch, which is then what readers find.
func (c *client) writeState(ctx context.Context, epoch int64, s *state) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return c.write(ctx, c.place.meta(), stateID(epoch), string(b))
}

// beginEpoch writes the first state of an epoch, and supersedes those before.
func (c *client) beginEpoch(ctx context.Context, epoch int64, s *state) error {
	for skipped := s.epoch + 1; skipped < epoch; skipped++ { // that writers have claimed and not begun
		if err := c.write(ctx, c.place.meta(), stateID(skipped), superseded); err != nil {
			return err
		}
	}
	if err := c.writeState(ctx, epoch, s); err != nil {
		return err
	}
	if err := c.write(ctx, c.place.meta(), hintID, strconv.FormatInt(epoch, 10)); err != nil {
		return err
	}
	if s.epoch > 0 {
		if err := c.write(ctx, c.place.meta(), stateID(s.epoch), superseded); err != nil {
			return err
		}
	}
	s.epoch = epoch
	c.epoch.Store(epoch)
	if epoch > keptEpochs {
		return c.remove(ctx, c.place.meta(), []string{stateID(epoch - keptEpochs)})
	}
	return nil
}

// readPage reads the sources of a page.
func (c *client) readPage(ctx context.Context, id string) (page []source, err error) {
	data, there, err := c.read(ctx, c.place.meta(), id)
	switch {
	case err != nil:
		return nil, err
	case !there:
		return nil, errChanged
	}
	if err := json.Unmarshal([]byte(data), &page); err != nil {
		return nil, c.place.damaged("its sources are damaged: %v", err)
	}
	return page, nil
}

// writePage writes a page under an id that no page had.
func (c *client) writePage(ctx context.Context, page []source) (id string, err error) {
	b, err := json.Marshal(page)
	if err != nil {
		return "", err
	}
	id = uuid.NewString()
	return id, c.write(ctx, c.place.meta(), id, string(b))
}

// sources are those of a state by their numbers, as far as they have been read.
type sources struct {
	byNumber map[int64]*source
	pages    map[int64]bool // that were read
	all      *catalog       // where all were
}

// view is a state of the store with what is read of it. One goroutine uses it at a time.
type view struct {
	*client
	*state
	known sources
}

// source returns a source by its number.
func (v *view) source(ctx context.Context, number int64) (*source, error) {
	if err := v.load(ctx, number/pageSources); err != nil {
		return nil, err
	}
	if src := v.known.byNumber[number]; src != nil {
		return src, nil
	}
	return nil, v.place.damaged("a document is of source %d, which is not there", number)
}

// load reads a page of sources unless it has been read.
func (v *view) load(ctx context.Context, page int64) error {
	if v.known.all != nil || v.known.pages[page] || page >= int64(len(v.Pages)) || v.Pages[page] == "" {
		return nil
	}
	all, err := v.readPage(ctx, v.Pages[page])
	if err != nil {
		return err
	}
	if v.known.pages == nil {
		v.known = sources{byNumber: map[int64]*source{}, pages: map[int64]bool{}}
	}
	v.known.pages[page] = true
	for i := range all {
		v.known.byNumber[all[i].Number] = &all[i]
	}
	return nil
}

// sources returns all sources in the order in which they came.
func (v *view) sources(ctx context.Context) ([]*source, error) {
	for page := range v.Pages {
		if err := v.load(ctx, int64(page)); err != nil {
			return nil, err
		}
	}
	return inOrder(v.known.byNumber), nil
}

// catalog is all sources, which nobody changes.
type catalog struct {
	byNumber      map[int64]*source
	byKey, byName map[string]*source
}

func newCatalog(byNumber map[int64]*source) *catalog {
	c := &catalog{byNumber, map[string]*source{}, map[string]*source{}}
	for _, src := range byNumber {
		c.byKey[src.Key], c.byName[src.Name] = src, src
	}
	return c
}

// catalog reads all sources as they are now.
func (s *Store) catalog(ctx context.Context) (*catalog, error) {
	if s.committed != nil {
		return s.committed().known.all, nil
	}
	for try := 1; ; try++ {
		v, err := s.now(ctx)
		if err == nil {
			_, err = v.sources(ctx)
		}
		if err == nil {
			return newCatalog(v.known.byNumber), nil
		}
		if !errors.Is(err, errChanged) {
			return nil, err
		}
		if try == tries {
			return nil, s.place.unsettled(err)
		}
	}
}

func inOrder(byNumber map[int64]*source) []*source {
	all := make([]*source, 0, len(byNumber))
	for _, number := range slices.Sorted(maps.Keys(byNumber)) {
		all = append(all, byNumber[number])
	}
	return all
}

// shown is a source as callers get it.
func (s *source) shown() engine.Source {
	src := s.Source
	src.Documents = int64(s.Numbers.GetCardinality())
	return src
}
