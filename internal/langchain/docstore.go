package langchain

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"sheaf/internal/dense"
	"sheaf/internal/pickle"
)

// The classes that LangChain's stores are made of, in all its versions.
var (
	documentClasses = []string{
		"langchain_core.documents.base.Document", "langchain.schema.document.Document", "langchain.schema.Document",
		"langchain.docstore.document.Document",
	}
	docstoreClasses = []string{
		"langchain_community.docstore.in_memory.InMemoryDocstore", "langchain.docstore.in_memory.InMemoryDocstore",
	}
	// An index that Python pickles belongs to the module for the writer's
	// processor; "faiss" alone stands for the one of the reader's, and is what
	// is written here.
	indexModules = []string{
		"faiss", "faiss.swigfaiss", "faiss.swigfaiss_avx2", "faiss.swigfaiss_avx512", "faiss.swigfaiss_avx512_spr", "faiss.swigfaiss_sve",
	}
)

// wanted tells package pickle which classes are made objects of, and which are
// read again when they are wanted.
func wanted(module, name string) (object, deferred bool) {
	full := module + "." + name
	switch {
	case slices.Contains(documentClasses, full):
		return true, true
	case slices.Contains(docstoreClasses, full), isIndexClass(module, name):
		return true, false
	}
	return false, false
}

func isIndexClass(module, name string) bool {
	return slices.Contains(indexModules, module) && strings.HasPrefix(name, "Index") && !strings.Contains(name, ".")
}

// What metadata may weigh when it is written out: that of one document, and
// that of all for each byte of the pickle. Values that are shared in the
// pickle, by reference, are not shared any more then.
const (
	maxMetadata  = 16 << 20
	metadataBase = 64 << 20
	metadataRate = 64
)

// content is what a document is made of.
type content struct {
	text     string
	metadata *pickle.Dict // nil: none
}

// contentOf reads the state of a Document. Models of pydantic 1 and 2 both have
// their fields in __dict__, among others that are of no interest.
func contentOf(state *pickle.Dict) (c content, err error) {
	v, _ := state.Get("__dict__")
	fields, ok := v.(*pickle.Dict)
	if !ok {
		return c, errors.New("a document without fields")
	}
	v, ok = fields.Get("page_content")
	if !ok {
		return c, errors.New("a document without page_content")
	}
	if c.text, ok = v.(string); !ok {
		return c, fmt.Errorf("a document whose page_content is %s", pickle.Describe(v))
	}
	v, ok = fields.Get("metadata")
	if !ok || v == pickle.None {
		return c, nil
	}
	if c.metadata, ok = v.(*pickle.Dict); !ok {
		return c, fmt.Errorf("a document whose metadata is %s", pickle.Describe(v))
	}
	return c, nil
}

// json writes a document's metadata; mapped tells that JSON has no type for some
// of it.
func (c content) json() (_ json.RawMessage, mapped bool, err error) {
	if c.metadata == nil {
		return json.RawMessage("{}"), false, nil
	}
	b, mapped, err := pickle.AppendJSON(nil, c.metadata)
	if err != nil {
		return nil, false, fmt.Errorf("metadata: %w", err)
	}
	return b, mapped, nil
}

// checker looks at each document once while the pickle is loaded.
type checker struct {
	weight, limit int64
}

func newChecker(size int64) *checker { return &checker{limit: metadataBase + metadataRate*size} }

func (c *checker) check(state *pickle.Dict) error {
	doc, err := contentOf(state)
	if err != nil || doc.metadata == nil {
		return err
	}
	weight := pickle.Weight(doc.metadata)
	if weight > maxMetadata {
		return fmt.Errorf("a document whose metadata would take more than %d MB", maxMetadata>>20)
	}
	if c.weight += weight; c.weight > c.limit {
		return fmt.Errorf("the metadata of all documents would take more than %d MB", c.limit>>20)
	}
	return nil
}

// docstore is an InMemoryDocstore with the index_to_docstore_id of its store.
// It takes both out of the pickle as they come, for a million entries of Python
// dicts take several times the memory of what is kept here.
type docstore struct {
	texts  dense.Texts
	ids    []dense.Handle // in texts
	places []pickle.Place // of the documents
	seed   maphash.Seed
	byID   dense.Table       // numbers of documents; empty once settled, until it is needed
	byOdd  map[string]uint32 // those whose id is no text, by what it is as one
	odd    int64             // what such ids may still take

	positions []uint32 // the numbers of documents, by their place in the index
	labels    []int64  // of the positions; nil while they are 0, 1, 2 and so on

	documents, mapping *pickle.Dict // from which all of these were taken
}

// What ids that are no texts may weigh: one, and all beside the size of the
// pickle. As metadata, they can be shared there.
const (
	maxOdd    = 64 << 10
	oddBase   = 64 << 20
	oddWeight = 64 // of each in byOdd
)

// newDocstore is for a pickle of a size.
func newDocstore(size int64) *docstore {
	return &docstore{seed: maphash.MakeSeed(), byOdd: map[string]uint32{}, odd: oddBase + size}
}

// take takes a document of a docstore or an entry of index_to_docstore_id. The
// first dict that has the one or the other is the one: all other entries stay
// for settle to find.
func (d *docstore) take(into *pickle.Dict, key, value pickle.Value) (bool, error) {
	if o, ok := value.(*pickle.Object); ok {
		place, deferred := o.Deferred()
		if !deferred || d.documents != nil && d.documents != into {
			return false, nil
		}
		d.documents = into
		return true, d.addDocument(key, place)
	}
	label, ok := key.(int64)
	if !ok || d.mapping != nil && d.mapping != into {
		return false, nil
	}
	d.mapping = into
	return true, d.addPosition(label, value)
}

func (d *docstore) addDocument(key pickle.Value, place pickle.Place) error {
	id, err := d.idText(key)
	if err != nil {
		return err
	}
	n := uint32(len(d.ids))
	_, taken := d.byOdd[id]
	if isText(key) {
		_, taken = d.number(id)
		d.byID.Add(d.hash(id), n)
	} else if err := d.charge(oddWeight); err != nil {
		return err
	} else {
		d.byOdd[id] = n
	}
	if taken {
		return fmt.Errorf("two documents have the id %s", quoted(key, id))
	}
	d.ids, d.places = append(d.ids, d.texts.Add(id)), append(d.places, place)
	return nil
}

func (d *docstore) addPosition(label int64, value pickle.Value) error {
	doc, err := d.find(value)
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

// find returns the document that a value of index_to_docstore_id names.
func (d *docstore) find(value pickle.Value) (uint32, error) {
	id, err := d.idText(value)
	if err != nil {
		return 0, err
	}
	doc, ok := d.byOdd[id]
	if isText(value) {
		doc, ok = d.number(id)
	}
	if !ok {
		return 0, fmt.Errorf("index_to_docstore_id names a document that is not there: %s", quoted(value, id))
	}
	return doc, nil
}

func (d *docstore) hash(id string) uint64 { return maphash.String(d.seed, id) }

// number is that of the document with an id that is a text, or has become one.
func (d *docstore) number(id string) (doc uint32, ok bool) {
	for doc := range d.byID.At(d.hash(id)) {
		if d.id(doc) == id {
			return doc, true
		}
	}
	return 0, false
}

// id is that of a document.
func (d *docstore) id(doc uint32) string { return d.texts.At(d.ids[doc]) }

// label is what the index calls a position.
func (d *docstore) label(i int) int64 {
	if d.labels == nil {
		return int64(i)
	}
	return d.labels[i]
}

// idText is the id that a docstore's key becomes: a text is itself, None is
// none, anything else is its JSON text.
func (d *docstore) idText(key pickle.Value) (string, error) {
	if key == pickle.None || isText(key) {
		text, _ := key.(string)
		return text, nil
	}
	weight := pickle.Weight(key)
	if weight > maxOdd {
		return "", fmt.Errorf("an id, %s, that would take more than %d kB", pickle.Describe(key), maxOdd>>10)
	}
	if err := d.charge(weight); err != nil {
		return "", err
	}
	return pickle.KeyText(key)
}

// charge counts the memory of ids that are no texts.
func (d *docstore) charge(n int64) error {
	if d.odd -= n; d.odd < 0 {
		return errors.New("the ids that are no texts take more memory than a file of that size is worth")
	}
	return nil
}

// settle makes sure that the docstore and the index_to_docstore_id of the pickle
// are what was taken, and nothing else, and sorts positions by label.
func (d *docstore) settle(docs, mapping pickle.Value) error {
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
	d.nameOdd()
	d.byID = dense.Table{}
	return d.sort()
}

// nameOdd gives ids that are no texts, but for None, ones that no other document
// has: those that are texts are kept, and the others give way.
func (d *docstore) nameOdd() {
	for _, doc := range slices.Sorted(maps.Values(d.byOdd)) {
		name := d.id(doc)
		if name == "" {
			continue
		}
		id := name
		for n := 2; ; n++ {
			if _, taken := d.number(id); !taken {
				break
			}
			id = name + "#" + strconv.Itoa(n)
		}
		d.byID.Add(d.hash(id), doc)
		d.ids[doc] = d.texts.Add(id)
	}
}

// taken tells whether a document has an id.
func (d *docstore) taken(id string) bool {
	if d.byID.Len() == 0 {
		for doc := range d.ids {
			d.byID.Add(d.hash(d.id(uint32(doc))), uint32(doc))
		}
	}
	_, taken := d.number(id)
	return taken
}

// sort brings positions that were not written in their order into it.
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

// documentsOf is the dict of an InMemoryDocstore.
func documentsOf(v pickle.Value) (*pickle.Dict, error) {
	o, ok := v.(*pickle.Object)
	if !ok || !slices.Contains(docstoreClasses, o.Class.Name) {
		return nil, fmt.Errorf("%s where an InMemoryDocstore belongs", pickle.Describe(v))
	}
	state, ok := o.State.(*pickle.Dict)
	if !ok {
		return nil, errors.New("an InMemoryDocstore without a state")
	}
	v, _ = state.Get("_dict")
	documents, ok := v.(*pickle.Dict)
	if !ok {
		return nil, errors.New("an InMemoryDocstore without documents")
	}
	return documents, nil
}

func isText(v pickle.Value) bool {
	_, ok := v.(string)
	return ok
}

// quoted writes an id as Python would.
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
