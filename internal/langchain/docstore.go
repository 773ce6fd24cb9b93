package langchain

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
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
	limit   int64 // of the weight of the documents
	texts   dense.Texts
	keys    []dense.Handle // of the documents, in texts: see keyOf
	records []record       // of the documents
	seed    maphash.Seed
	byKey   dense.Table // documents by the hash of their key

	positions []position

	documents, mapping *pickle.Dict // the dicts that entries were taken from

	otherWeight int64 // of the ids that are not texts
	used, other int   // documents with a vector, and those whose id is not a text
}

// position is an entry of index_to_docstore_id: the label of a vector in the index,
// and its document.
type position struct {
	label int64
	doc   uint32
}

// newDocstore returns a docstore whose documents may weigh limit bytes.
func newDocstore(limit int64) *docstore { return &docstore{limit: limit, seed: maphash.MakeSeed()} }

// take takes an entry that is a document or a position. The first dict with such
// an entry counts as the docstore or as index_to_docstore_id; all other entries
// stay in the pickle, and are errors in check.
func (d *docstore) take(into *pickle.Dict, key, value pickle.Value, _ func(int) pickle.Value) (bool, error) {
	if o, ok := value.(*pickle.Object); ok {
		if r, ok := o.State.(record); ok {
			if d.documents != nil && d.documents != into {
				return false, nil
			}
			d.documents = into
			return true, d.addDocument(key, r)
		}
	}
	label, ok := key.(int64)
	if !ok || d.mapping != nil && d.mapping != into {
		return false, nil
	}
	d.mapping = into
	return true, d.addPosition(label, value)
}

func (d *docstore) addDocument(id pickle.Value, r record) error {
	key, err := d.keyOf(id)
	if err != nil {
		return err
	}
	if d.has(key) {
		return fmt.Errorf("two documents have the id %s", quoted(key))
	}
	d.byKey.Add(d.hash(key), uint32(len(d.keys)))
	d.keys, d.records = append(d.keys, d.texts.Add(key)), append(d.records, r)
	return nil
}

func (d *docstore) addPosition(label int64, id pickle.Value) error {
	key, err := d.keyOf(id)
	if err != nil {
		return err
	}
	doc, ok := d.find(key)
	if !ok {
		return fmt.Errorf("index_to_docstore_id names a document that is not there: %s", quoted(key))
	}
	if d.positions == nil { // one for each document, as a rule
		d.positions = make([]position, 0, len(d.keys))
	}
	d.positions = append(d.positions, position{label, doc})
	return nil
}

// The first byte of a key tells the type of the id; the id as a text follows it.
const (
	textKey  = 't'
	noneKey  = 'n' // None, with no text
	otherKey = 'o' // another type, as the text that it becomes
)

// maxID limits the weight of an id that is not a text.
const maxID = 64 << 10

// keyOf returns the key of an id in a pickle. Ids that are not texts can share
// what they are made of, as documents can, and so have the same limit.
func (d *docstore) keyOf(id pickle.Value) (string, error) {
	if text, ok := id.(string); ok {
		return string(textKey) + text, nil
	}
	if id == pickle.None {
		return string(noneKey), nil
	}
	weight := pickle.Weight(id)
	if weight > maxID {
		return "", fmt.Errorf("an id, %s, that would take more than %d kB", pickle.Describe(id), maxID>>10)
	}
	if d.otherWeight += weight; d.otherWeight > d.limit {
		return "", &ExpansionError{d.limit}
	}
	text, err := pickle.KeyText(id)
	return string(otherKey) + text, err
}

func (d *docstore) hash(key string) uint64 { return maphash.String(d.seed, key) }

// find returns the document with a key.
func (d *docstore) find(key string) (doc uint32, ok bool) {
	for doc := range d.byKey.At(d.hash(key)) {
		if d.texts.At(d.keys[doc]) == key {
			return doc, true
		}
	}
	return 0, false
}

func (d *docstore) has(key string) bool {
	_, ok := d.find(key)
	return ok
}

// id returns the id of a document; "" for None.
func (d *docstore) id(doc uint32) string { return d.texts.At(d.keys[doc])[1:] }

// check makes sure that the docstore and the index_to_docstore_id of the pickle
// are the dicts that entries were taken from, and that nothing is left in them.
// It gives ids that are not texts their text, and sorts the positions by label.
func (d *docstore) check(docs, mapping pickle.Value) error {
	documents, err := documentsOf(docs)
	if err != nil {
		return err
	}
	if len(documents.Entries) > 0 {
		e := documents.Entries[0]
		key, err := d.keyOf(e.Key)
		if err != nil {
			return err
		}
		return fmt.Errorf("document %s is %s, not a Document", quoted(key), pickle.Describe(e.Value))
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
	if err := d.weigh(); err != nil {
		return err
	}
	d.nameOthers()
	if d.used == len(d.positions) { // no vector needs an id of its own
		d.byKey = dense.Table{}
	}
	return d.sort()
}

// weigh limits the weight of the documents, each counted once for each vector.
func (d *docstore) weigh() error {
	sum, seen := int64(0), make([]bool, len(d.keys))
	for _, p := range d.positions {
		if sum += int64(d.records[p.doc].weight); sum > d.limit {
			return &ExpansionError{d.limit}
		}
		if !seen[p.doc] {
			seen[p.doc] = true
			d.used++
		}
	}
	return nil
}

// nameOthers gives documents whose id is not a text, and not None, the text that
// it becomes, or with #2, #3 and so on if another document has that.
func (d *docstore) nameOthers() {
	for doc, handle := range d.keys {
		key := d.texts.At(handle)
		if key[0] == textKey {
			continue
		}
		d.other++
		if key[0] == noneKey {
			continue
		}
		id := string(textKey) + key[1:]
		for n := 2; d.has(id); n++ {
			id = string(textKey) + key[1:] + "#" + strconv.Itoa(n)
		}
		d.byKey.Add(d.hash(id), uint32(doc))
		d.keys[doc] = d.texts.Add(id)
	}
}

// sort brings the positions into the order of the index.
func (d *docstore) sort() error {
	slices.SortFunc(d.positions, func(a, b position) int { return cmp.Compare(a.label, b.label) })
	for i := 1; i < len(d.positions); i++ {
		if label := d.positions[i].label; label == d.positions[i-1].label {
			return fmt.Errorf("index_to_docstore_id has the position %d twice", label)
		}
	}
	return nil
}

// quoted returns the id of a key as Python prints it.
func quoted(key string) string {
	switch key[0] {
	case noneKey:
		return "None"
	case textKey:
		return strconv.Quote(key[1:])
	}
	return key[1:]
}

func describeKey(v pickle.Value) string {
	if n, ok := v.(*big.Int); ok {
		return n.String()
	}
	return pickle.Describe(v)
}
