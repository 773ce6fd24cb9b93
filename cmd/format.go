package cmd

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sheaf/internal/faiss"
	"sheaf/internal/langchain"
	"sheaf/internal/store"
	"sheaf/internal/vector"
)

// The formats in which documents move with their vectors.
const (
	formatLangchain = "langchain" // a folder, as save_local writes it
	formatBytes     = "bytes"     // as serialize_to_bytes makes them
	formatRecords   = "jsonl"
	formatNpy       = "npy"   // a matrix, and a .jsonl beside it
	formatFaiss     = "faiss" // vectors alone
	formatSheaf     = "sheaf" // another store; only read
)

var (
	exportFormats = []string{formatLangchain, formatBytes, formatRecords, formatNpy, formatFaiss}
	importFormats = append(slices.Clone(exportFormats), formatSheaf)
)

// npyName is the matrix of a folder that holds one; its documents are in the
// file of the same name that ends in .jsonl.
const npyName = "vectors.npy"

// beside is the file with the documents of a matrix.
func beside(npy string) string { return strings.TrimSuffix(npy, filepath.Ext(npy)) + ".jsonl" }

// formatOfName is the format that a file's name asks for, else the folder.
func formatOfName(path string) string {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".jsonl", ".ndjson":
		return formatRecords
	case ".npy":
		return formatNpy
	case ".faiss":
		return formatFaiss
	case ".bin", ".pkl", ".pickle":
		return formatBytes
	}
	return formatLangchain
}

// errUnknownFormat says that nothing tells what a file is.
var errUnknownFormat = errors.New("it is in none of the formats that are read")

// formatOfContent finds out what is at a path.
func formatOfContent(path, indexName string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return formatOfFile(path)
	}
	switch {
	case store.Is(path):
		return formatSheaf, nil
	case exists(filepath.Join(path, npyName)) && !exists(langchain.DocumentsFile(path, indexName)):
		return formatNpy, nil
	}
	return formatLangchain, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// sniffed is how much of a file tells its format.
const sniffed = 4096

func formatOfFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, sniffed))
	if err != nil {
		return "", err
	}
	const pickleProto, utf8Mark = "\x80", "\xef\xbb\xbf"
	switch text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte(utf8Mark)), " \t\r\n"); {
	case bytes.HasPrefix(head, []byte(vector.NpyMagic)):
		return formatNpy, nil
	case bytes.HasPrefix(head, []byte(pickleProto)):
		return formatBytes, nil
	case bytes.HasPrefix(text, []byte("{")), len(text) == 0 && formatOfName(path) == formatRecords:
		return formatRecords, nil
	case len(head) >= 4 && faiss.IsIndexType(string(head[:4])):
		return formatFaiss, nil
	}
	return "", &langchain.FormatError{Path: path, Err: errUnknownFormat}
}
