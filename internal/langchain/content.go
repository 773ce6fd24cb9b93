package langchain

import (
	"errors"
	"fmt"
	"slices"
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
	// The module of a pickled index depends on the writer's processor. "faiss"
	// is the reader's own, and is what is written here.
	indexModules = []string{
		"faiss", "faiss.swigfaiss", "faiss.swigfaiss_avx2", "faiss.swigfaiss_avx512", "faiss.swigfaiss_avx512_spr", "faiss.swigfaiss_sve",
	}
)

// classOf tells package pickle which classes become objects, and that documents
// are streamed.
func classOf(module, name string) (object, streamed bool) {
	full := module + "." + name
	streamed = slices.Contains(documentClasses, full)
	index := slices.Contains(indexModules, module) && strings.HasPrefix(name, "Index") && !strings.Contains(name, ".")
	return streamed || index || slices.Contains(docstoreClasses, full), streamed
}

// content is the text and the metadata of a document.
type content struct {
	text     string
	metadata *pickle.Dict // nil: none
}

// contentOf reads the state of a Document. The models of pydantic 1 and of
// pydantic 2 both have their fields in __dict__.
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

// documentsOf returns the dict of an InMemoryDocstore.
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
