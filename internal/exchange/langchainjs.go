package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strconv"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
)

// The files that FaissStore.save of LangChain.js writes: an index of Faiss, and
// [[[ID, {"pageContent", "metadata"}], …], {LABEL: ID, …}].
const (
	jsIndexName    = "faiss.index"
	jsDocstoreName = "docstore.json"
)

// langchainJS is what LangChain.js saves, in any of its versions.
var langchainJS = Format{
	Name:     "langchain-js",
	Several:  true,
	ReadHelp: "a folder with faiss.index and docstore.json, written by\nLangChain.js",
	detect:   func(p candidate) bool { return p.holds(jsIndexName) && p.holds(jsDocstoreName) },
	open:     openLangchainJS,
}

func openLangchainJS(ctx context.Context, in *Input, o Options) error {
	d, err := in.openJSON(ctx, filepath.Join(in.path, jsDocstoreName))
	if err != nil {
		return err
	}
	s := newDocstore(d, jsDocument)
	ids, err := s.readJS()
	if err != nil {
		return err
	}
	if o.TextsOnly {
		return in.readTexts(s)
	}
	return in.readIndex(ctx, s, filepath.Join(in.path, jsIndexName), o, ids)
}

// readJS reads the places of the documents, and the ids of the labels of the index.
func (s *docstore) readJS() (ids map[int64]string, err error) {
	if err := s.delim('['); err != nil {
		return nil, err
	}
	err = s.elements(func() error {
		if err := s.delim('['); err != nil {
			return err
		}
		id, err := s.text()
		if err != nil {
			return err
		}
		if err := s.add(id); err != nil {
			return err
		}
		return s.delim(']')
	})
	if err != nil {
		return nil, err
	}
	if ids, err = s.readLabels(); err != nil {
		return nil, err
	}
	return ids, s.delim(']')
}

// readLabels reads an object of ids by labels.
func (d *jsonFile) readLabels() (map[int64]string, error) {
	ids := map[int64]string{}
	return ids, d.members(func(key string) error {
		label, err := strconv.ParseInt(key, 10, 64)
		if err != nil {
			return d.errorf("%q is no label of a vector", key)
		}
		ids[label], err = d.text()
		return err
	})
}

func jsDocument(raw []byte) (d engine.Document, err error) {
	var in struct {
		PageContent *string         `json:"pageContent"`
		Metadata    json.RawMessage `json:"metadata"`
	}
	switch err := unmarshal(raw, &in); {
	case err != nil:
		return d, err
	case in.PageContent == nil:
		return d, errors.New("it has no pageContent")
	}
	d.Text = *in.PageContent
	d.Metadata, err = parseMetadata(in.Metadata)
	return d, err
}

// parseMetadata reads metadata that may be missing.
func parseMetadata(raw json.RawMessage) (metadata.Object, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return metadata.Object{}, nil
	}
	return metadata.Parse(raw)
}
