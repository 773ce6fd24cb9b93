package langchain

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

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

// docstore is an InMemoryDocstore: the documents by the text of their ids.
type docstore struct {
	ids     []string // those that were texts come first
	texts   int      // how many were
	objects []*pickle.Object
	byID    map[string]int32
	byOdd   map[string]int32 // those whose id is no text, by what it is as one
}

func newDocstore(v pickle.Value) (*docstore, error) {
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
	d := &docstore{byID: make(map[string]int32, len(documents.Entries)), byOdd: map[string]int32{}}
	for _, texts := range []bool{true, false} { // ids that are texts are kept: the others give way
		for _, e := range documents.Entries {
			if isText(e.Key) != texts {
				continue
			}
			if err := d.add(e.Key, e.Value); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

func (d *docstore) add(key, value pickle.Value) error {
	id, err := idText(key)
	if err != nil {
		return err
	}
	o, ok := value.(*pickle.Object)
	if !ok || !o.Deferred() {
		return fmt.Errorf("document %q is %s, not a Document", id, pickle.Describe(value))
	}
	place := int32(len(d.ids))
	if isText(key) {
		if _, taken := d.byID[id]; taken {
			return fmt.Errorf("two documents have the id %q", id)
		}
		d.byID[id] = place
		d.texts++
	} else if err := d.addOdd(&id, place); err != nil {
		return err
	}
	d.ids, d.objects = append(d.ids, id), append(d.objects, o)
	return nil
}

// addOdd gives an id that is no text, but for None, one that no other has.
func (d *docstore) addOdd(id *string, place int32) error {
	name := *id
	if _, taken := d.byOdd[name]; taken {
		return fmt.Errorf("two documents have the id %s", name)
	}
	if d.byOdd[name] = place; name == "" {
		return nil
	}
	for n := 2; ; n++ {
		if _, taken := d.byID[*id]; !taken {
			d.byID[*id] = place
			return nil
		}
		*id = name + "#" + strconv.Itoa(n)
	}
}

// find returns the document that a value of index_to_docstore_id names.
func (d *docstore) find(key pickle.Value) (int32, error) {
	id, err := idText(key)
	if err != nil {
		return 0, err
	}
	doc, ok := d.byOdd[id]
	if isText(key) {
		doc, ok = d.byID[id]
		ok = ok && int(doc) < d.texts
	}
	if !ok {
		return 0, fmt.Errorf("index_to_docstore_id names a document that is not there: %s", quoted(key, id))
	}
	return doc, nil
}

// idText is the id that a docstore's key becomes: a text is itself, None is
// none, anything else is what it would be as a value, as text.
func idText(key pickle.Value) (string, error) {
	if key == pickle.None {
		return "", nil
	}
	return pickle.KeyText(key)
}

// position is a place in the index and the document that belongs there.
type position struct {
	label int64
	doc   int32
}

// positions reads index_to_docstore_id, by rising labels.
func (d *docstore) positions(v pickle.Value) ([]position, error) {
	mapping, ok := v.(*pickle.Dict)
	if !ok {
		return nil, fmt.Errorf("%s where index_to_docstore_id belongs", pickle.Describe(v))
	}
	all := make([]position, 0, len(mapping.Entries))
	for _, e := range mapping.Entries {
		label, ok := e.Key.(int64)
		if !ok {
			return nil, fmt.Errorf("index_to_docstore_id has %s as a position", describeKey(e.Key))
		}
		doc, err := d.find(e.Value)
		if err != nil {
			return nil, err
		}
		all = append(all, position{label, doc})
	}
	slices.SortStableFunc(all, func(a, b position) int { return cmp.Compare(a.label, b.label) })
	for i := 1; i < len(all); i++ {
		if all[i].label == all[i-1].label {
			return nil, fmt.Errorf("index_to_docstore_id has the position %d twice", all[i].label)
		}
	}
	return all, nil
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
