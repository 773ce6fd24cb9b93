package langchain

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"math/big"
	"slices"
	"strconv"

	"sheaf/internal/dense"
	"sheaf/internal/pickle"
)

// docstore is an InMemoryDocstore together with the index_to_docstore_id of its
// store. Documents have numbers, in the order of the pickle. The entries of both
// dicts are taken out of the pickle as they are read, because a million of them
// need several times the memory of what is kept here.
type docstore struct {
	texts   dense.Texts
	ids     []dense.Handle // of the documents, in texts
	records []record       // of the documents
	seed    maphash.Seed
	byID    dense.Table       // documents by the hash of their id
	nonText map[string]uint32 // documents whose id is not a text, by the text that it becomes
	idLimit int64             // what such ids may still weigh

	positions []uint32 // the document of each vector
	labels    []int64  // of the vectors in the index; nil: 0, 1, 2 and so on
	used      int      // documents with a vector, once check was called

	documents, mapping *pickle.Dict // the dicts that entries were taken from
}

// The limits of ids that are not texts, which a pickle can share as it can
// metadata: the weight of one, and of all beside the size of the pickle.
const (
	maxID      = 64 << 10
	idsBase    = 64 << 20
	entryBytes = 64 // of an entry in nonText
)

// newDocstore returns a docstore for a pickle of a size.
func newDocstore(size int64) *docstore {
	return &docstore{seed: maphash.MakeSeed(), nonText: map[string]uint32{}, idLimit: idsBase + size}
}

// take takes an entry that is a document or a position. The first dict with such
// an entry counts as the docstore or as index_to_docstore_id; all other entries
// stay in the pickle, and are errors in check.
func (d *docstore) take(into *pickle.Dict, key, value pickle.Value) (bool, error) {
	if o, ok := value.(*pickle.Object); ok {
		r, ok := o.State.(record)
		if !ok || d.documents != nil && d.documents != into {
			return false, nil
		}
		d.documents = into
		return true, d.addDocument(key, r)
	}
	label, ok := key.(int64)
	if !ok || d.mapping != nil && d.mapping != into {
		return false, nil
	}
	d.mapping = into
	return true, d.addPosition(label, value)
}

func (d *docstore) addDocument(key pickle.Value, r record) error {
	id, err := d.idText(key)
	if err != nil {
		return err
	}
	n := uint32(len(d.ids))
	_, exists := d.nonText[id]
	if isText(key) {
		_, exists = d.find(id)
		d.byID.Add(d.hash(id), n)
	} else if err := d.charge(entryBytes); err != nil {
		return err
	} else {
		d.nonText[id] = n
	}
	if exists {
		return fmt.Errorf("two documents have the id %s", quoted(key, id))
	}
	d.ids, d.records = append(d.ids, d.texts.Add(id)), append(d.records, r)
	return nil
}

func (d *docstore) addPosition(label int64, value pickle.Value) error {
	doc, err := d.pointedTo(value)
	if err != nil {
		return err
	}
	if d.labels == nil && label != int64(len(d.positions)) {
		for i := range d.positions {
			d.labels = append(d.labels, int64(i))
		}
	}
	if d.positions = append(d.positions, doc); d.labels != nil || label != int64(len(d.positions)-1) {
		d.labels = append(d.labels, label)
	}
	return nil
}

// pointedTo returns the document that a value of index_to_docstore_id names.
func (d *docstore) pointedTo(value pickle.Value) (uint32, error) {
	id, err := d.idText(value)
	if err != nil {
		return 0, err
	}
	doc, ok := d.nonText[id]
	if isText(value) {
		doc, ok = d.find(id)
	}
	if !ok {
		return 0, fmt.Errorf("index_to_docstore_id names a document that is not there: %s", quoted(value, id))
	}
	return doc, nil
}

func (d *docstore) hash(id string) uint64 { return maphash.String(d.seed, id) }

// find returns the document with an id. Documents whose id is not a text are
// found once check has given them one.
func (d *docstore) find(id string) (doc uint32, ok bool) {
	for doc := range d.byID.At(d.hash(id)) {
		if d.id(doc) == id {
			return doc, true
		}
	}
	return 0, false
}

// id returns the id of a document.
func (d *docstore) id(doc uint32) string { return d.texts.At(d.ids[doc]) }

// label returns the label of a vector in the index.
func (d *docstore) label(i int) int64 {
	if d.labels == nil {
		return int64(i)
	}
	return d.labels[i]
}

// idText returns a key of a docstore as a text: "" for None, and for any other
// value that is not a text its JSON.
func (d *docstore) idText(key pickle.Value) (string, error) {
	if key == pickle.None || isText(key) {
		text, _ := key.(string)
		return text, nil
	}
	weight := pickle.Weight(key)
	if weight > maxID {
		return "", fmt.Errorf("an id, %s, that would take more than %d kB", pickle.Describe(key), maxID>>10)
	}
	if err := d.charge(weight); err != nil {
		return "", err
	}
	return pickle.KeyText(key)
}

// charge counts the memory of ids that are not texts.
func (d *docstore) charge(n int64) error {
	if d.idLimit -= n; d.idLimit < 0 {
		return errors.New("the ids that are no texts take more memory than a file of that size is worth")
	}
	return nil
}

// check makes sure that the docstore and the index_to_docstore_id of the pickle
// are the dicts that entries were taken from, and that nothing is left in them.
// It gives ids that are not texts their text, and sorts the positions by label.
// The documents may weigh limit bytes, counted once for each vector.
func (d *docstore) check(docs, mapping pickle.Value, limit int64) error {
	documents, err := documentsOf(docs)
	if err != nil {
		return err
	}
	if len(documents.Entries) > 0 {
		e := documents.Entries[0]
		id, err := d.idText(e.Key)
		if err != nil {
			return err
		}
		return fmt.Errorf("document %s is %s, not a Document", quoted(e.Key, id), pickle.Describe(e.Value))
	}
	if d.documents != nil && d.documents != documents {
		return errors.New("documents outside of its docstore")
	}
	positions, ok := mapping.(*pickle.Dict)
	if !ok {
		return fmt.Errorf("%s where index_to_docstore_id belongs", pickle.Describe(mapping))
	}
	if len(positions.Entries) > 0 {
		return fmt.Errorf("index_to_docstore_id has %s as a position", describeKey(positions.Entries[0].Key))
	}
	if d.mapping != nil && d.mapping != positions {
		return errors.New("positions outside of its index_to_docstore_id")
	}
	if err := d.weigh(limit); err != nil {
		return err
	}
	d.nameNonText()
	if d.used == len(d.positions) { // no vector needs an id of its own
		d.byID = dense.Table{}
	}
	return d.sort()
}

// weigh makes sure that the documents of all vectors weigh at most limit.
func (d *docstore) weigh(limit int64) error {
	sum, seen := int64(0), make([]bool, len(d.ids))
	for _, doc := range d.positions {
		if sum += int64(d.records[doc].weight); sum > limit {
			return &ExpansionError{limit}
		}
		if !seen[doc] {
			seen[doc] = true
			d.used++
		}
	}
	return nil
}

// nameNonText gives documents whose id is not a text, and not None, the text that
// it becomes, or with #2, #3 and so on if another document has that.
func (d *docstore) nameNonText() {
	for _, doc := range slices.Sorted(maps.Values(d.nonText)) {
		name := d.id(doc)
		if name == "" {
			continue
		}
		id := name
		for n := 2; d.has(id); n++ {
			id = name + "#" + strconv.Itoa(n)
		}
		d.byID.Add(d.hash(id), doc)
		d.ids[doc] = d.texts.Add(id)
	}
}

// has reports whether a document has an id.
func (d *docstore) has(id string) bool {
	_, ok := d.find(id)
	return ok
}

// sort sorts positions that are not in the order of the index.
func (d *docstore) sort() error {
	type position struct {
		label int64
		doc   uint32
	}
	all := make([]position, len(d.labels))
	for i, label := range d.labels {
		all[i] = position{label, d.positions[i]}
	}
	slices.SortFunc(all, func(a, b position) int { return cmp.Compare(a.label, b.label) })
	for i, p := range all {
		if d.labels[i], d.positions[i] = p.label, p.doc; i > 0 && p.label == all[i-1].label {
			return fmt.Errorf("index_to_docstore_id has the position %d twice", p.label)
		}
	}
	return nil
}

func isText(v pickle.Value) bool {
	_, ok := v.(string)
	return ok
}

// quoted returns an id as Python prints it.
func quoted(key pickle.Value, id string) string {
	switch {
	case key == pickle.None:
		return "None"
	case isText(key):
		return strconv.Quote(id)
	}
	return id
}

func describeKey(v pickle.Value) string {
	if n, ok := v.(*big.Int); ok {
		return n.String()
	}
	return pickle.Describe(v)
}
