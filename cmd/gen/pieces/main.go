// Pieces writes what the tokenizer of builtin:multilingual looks pieces up in, pieces.trie and
// pieces.scores, made of pieces.txt and scores.f32 in the folder that its argument names.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"sheaf/internal/unigram"
)

// controlPieces is the number of pieces, from 0, that match no text.
const controlPieces = 3

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pieces FOLDER")
		os.Exit(2)
	}
	if err := generate(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "pieces:", err)
		os.Exit(1)
	}
}

func generate(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "pieces.txt"))
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "scores.f32"))
	if err != nil {
		return err
	}
	pieces := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for id := range controlPieces {
		pieces[id] = ""
	}
	scores := make([]float32, len(raw)/4)
	for i := range scores {
		scores[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	trie, unitScores, err := unigram.Build(pieces, scores)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "pieces.trie"), []byte(trie), 0o644),
		os.WriteFile(filepath.Join(dir, "pieces.scores"), []byte(unitScores), 0o644),
	)
}
