package exchange

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/hint"
	"sheaf/internal/langchain"
	"sheaf/internal/vector"
)

// The files that StorageContext.persist of LlamaIndex writes. The vectors are in one of JSON, or in
// an index of Faiss under the same name, for whose labels id_map.json or else index_store.json has
// the ids. The vectors of pictures are in a file of their own, which begins with "image".
const (
	llamaVectors    = "vector_store.json" // after a name and two underscores, which old versions leave out
	llamaNodes      = "docstore.json"
	llamaStructures = "index_store.json"
	llamaMap        = "id_map.json"
	llamaName       = "default"
)

// llamaIndex is what LlamaIndex persists.
var llamaIndex = Format{
	Name:     "llamaindex",
	Several:  true,
	ReadHelp: "a folder with default__vector_store.json and docstore.json,\nwritten by LlamaIndex with its own vector store or with Faiss",
	detect: func(p candidate) bool {
		return p.holds(llamaNodes) && (p.holds(llamaStructures) || exists(llamaVectorsFile(p.path, p.indexName)))
	},
	open: openLlamaIndex,
}

// llamaVectorsFile returns the file with the vectors that --index-name asks for.
func llamaVectorsFile(dir, name string) string {
	if name == langchain.DefaultName {
		name = llamaName
	}
	path := filepath.Join(dir, name+"__"+llamaVectors)
	if old := filepath.Join(dir, llamaVectors); name == llamaName && !exists(path) && exists(old) {
		return old
	}
	return path
}

func openLlamaIndex(ctx context.Context, in *Input, o Options) error {
	d, err := in.openJSON(ctx, filepath.Join(in.path, llamaNodes))
	if err != nil {
		return err
	}
	s := newDocstore(d, llamaDocument)
	switch found, err := s.member("docstore/data", func() error { return s.members(s.add) }); {
	case err != nil:
		return err
	case !found:
		return s.errorf("it has no docstore/data, so it is no docstore of LlamaIndex")
	}
	if o.TextsOnly {
		return in.readTexts(s)
	}
	path := llamaVectorsFile(in.path, o.IndexName)
	head, err := readHead(path)
	if err != nil {
		return hint.With(err, "vectors that are kept elsewhere cannot be read: %s", ReembedHint)
	}
	if len(head) >= 4 && faiss.IsIndexType(string(head[:4])) {
		ids, err := in.llamaLabels(ctx)
		if err != nil {
			return err
		}
		return in.readIndex(ctx, s, path, o, ids)
	}
	return in.openLlamaVectors(ctx, s, path)
}

// openLlamaVectors reads vectors of JSON, which LlamaIndex compares by their cosines.
func (in *Input) openLlamaVectors(ctx context.Context, s *docstore, path string) error {
	d, err := in.openJSON(ctx, path)
	if err != nil {
		return err
	}
	in.Metric = string(engine.Cosine)
	in.Remarks = func() []string { return append(s.remarks(), in.otherVectors(ctx, path)...) }
	return in.peek(s.with(d.embeddings))
}

// embeddings yields the vectors of a file of LlamaIndex.
func (d *jsonFile) embeddings(yield func(embedding, error) bool) {
	stop := errors.New("stop")
	found, err := d.member("embedding_dict", func() error {
		return d.members(func(id string) error {
			raw, _, err := d.value()
			if err != nil {
				return err
			}
			v, err := vector.ParseJSON(raw)
			if err != nil {
				return d.errorf("the vector of %q: %v", id, err)
			}
			if !yield(embedding{id, v}, nil) {
				return stop
			}
			return nil
		})
	})
	if err == nil && !found {
		err = d.errorf("it has no embedding_dict, so it is no vector store of LlamaIndex")
	}
	if err != nil && err != stop {
		yield(embedding{}, err)
	}
}

// otherVectors says which files beside the one that was read have vectors too.
func (in *Input) otherVectors(ctx context.Context, read string) (remarks []string) {
	paths, _ := filepath.Glob(filepath.Join(in.path, "*__"+llamaVectors)) // a path that is no pattern has none
	for _, path := range paths {
		head, err := readHead(path)
		if path == read || err != nil || ctx.Err() != nil {
			continue
		}
		d := &jsonFile{json.NewDecoder(bytes.NewReader(head)), ctx, path, nil}
		_, err = d.member("embedding_dict", func() error {
			return d.members(func(string) error { return io.EOF }) // it has one
		})
		if err == io.EOF {
			name := strings.TrimSuffix(filepath.Base(path), "__"+llamaVectors)
			remarks = append(remarks, fmt.Sprintf("%q has more vectors, which --index-name %s imports", filepath.Base(path), name))
		}
	}
	return remarks
}

// llamaLabels returns the ids of the labels of an index of Faiss.
func (in *Input) llamaLabels(ctx context.Context) (ids map[int64]string, err error) {
	if path := filepath.Join(in.path, llamaMap); exists(path) {
		d, err := in.openJSON(ctx, path)
		if err != nil {
			return nil, err
		}
		_, err = d.member("faiss_id_to_node_id_map", func() error { ids, err = d.readLabels(); return err })
		return ids, err
	}
	d, err := in.openJSON(ctx, filepath.Join(in.path, llamaStructures))
	if err != nil {
		return nil, err
	}
	ids = map[int64]string{}
	_, err = d.member("index_store/data", func() error {
		return d.members(func(string) error { return d.addLabels(ids) })
	})
	return ids, err
}

// addLabels reads one of the indexes that share the vectors: {"__type__", "__data__"}, of which the
// data is an object or a text that holds one.
func (d *jsonFile) addLabels(ids map[int64]string) error {
	raw, _, err := d.value()
	if err != nil {
		return err
	}
	var index struct {
		Data json.RawMessage `json:"__data__"`
	}
	if err := unmarshal(raw, &index); err != nil {
		return d.errorf("%w", err)
	}
	var text string
	if json.Unmarshal(index.Data, &text) == nil {
		index.Data = []byte(text)
	}
	var data struct {
		Nodes map[string]json.RawMessage `json:"nodes_dict"`
	}
	if err := unmarshal(index.Data, &data); err != nil {
		return d.errorf("%w", err)
	}
	for key, value := range data.Nodes {
		var label int64
		var id string
		if json.Unmarshal([]byte(key), &label) == nil && json.Unmarshal(value, &id) == nil {
			ids[label] = id
		}
	}
	return nil
}

// llamaDocument reads a node, in the form of any version. Its source is the file that it came from.
func llamaDocument(raw []byte) (d engine.Document, err error) {
	type content struct {
		Text *string `json:"text"`
	}
	var node struct {
		Data struct {
			content
			Resource content         `json:"text_resource"`
			Metadata json.RawMessage `json:"metadata"`
			Extra    json.RawMessage `json:"extra_info"` // what old versions call it
		} `json:"__data__"`
	}
	if err := unmarshal(raw, &node); err != nil {
		return d, err
	}
	text := cmp.Or(node.Data.Text, node.Data.Resource.Text)
	if text == nil {
		return d, errors.New("it has no text")
	}
	d.Text = *text
	if d.Metadata, err = parseMetadata(node.Data.Metadata); err == nil && node.Data.Metadata == nil {
		d.Metadata, err = parseMetadata(node.Data.Extra)
	}
	if d.Metadata.Text("source") == "" {
		d.Source = cmp.Or(d.Metadata.Text("file_path"), d.Metadata.Text("file_name"))
	}
	return d, err
}
