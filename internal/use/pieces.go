package use

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
)

// pieces are those of a SentencePiece model, by their ids.
type pieces struct {
	texts    []string // "": matches no text
	scores   []float32
	charsmap string
}

// least returns the smallest score.
func (p *pieces) least() float32 { return slices.Min(p.scores) }

// The fields of SentencePiece's ModelProto, sentencepiece_model.proto, that are read. A field of
// another number or type is skipped.
const (
	fieldPiece      = 1 // of the model; repeated
	fieldNormalizer = 3
	fieldText       = 1 // of a piece
	fieldScore      = 2
	fieldKind       = 3
	fieldCharsmap   = 2 // of the normalizer
)

// The kinds of pieces that text is split into.
const (
	kindNormal = 1 // the default
	kindUser   = 4
)

func readPieces(from fs.FS) (*pieces, error) {
	data, err := readAll(from, PiecesFile)
	if err != nil {
		return nil, err
	}
	p := &pieces{}
	err = fields(data, func(field int, value []byte, _ uint64) error {
		switch field {
		case fieldPiece:
			return p.add(value)
		case fieldNormalizer:
			return fields(value, func(field int, value []byte, _ uint64) error {
				if field == fieldCharsmap {
					p.charsmap = string(value)
				}
				return nil
			})
		}
		return nil
	})
	if err == nil && (len(p.texts) < 3 || p.charsmap == "") {
		err = fmt.Errorf("%d pieces with a charsmap of %d bytes: %w", len(p.texts), len(p.charsmap), ErrFiles)
	}
	return p, err
}

func (p *pieces) add(message []byte) error {
	text, score, kind := "", float32(0), uint64(kindNormal)
	err := fields(message, func(field int, value []byte, number uint64) error {
		switch field {
		case fieldText:
			text = string(value)
		case fieldScore:
			score = math.Float32frombits(uint32(number))
		case fieldKind:
			kind = number
		}
		return nil
	})
	if kind != kindNormal && kind != kindUser {
		text = ""
	}
	if err == nil && score != score {
		err = fmt.Errorf("piece %d has no score: %w", len(p.texts), ErrFiles)
	}
	p.texts, p.scores = append(p.texts, text), append(p.scores, score)
	return err
}

var errMessage = errors.New("not a message of Protocol Buffers")

// fields calls f for each field of a message: with its bytes, or else its number. See
// https://protobuf.dev/programming-guides/encoding.
func fields(message []byte, f func(field int, value []byte, number uint64) error) error {
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 {
			return errMessage
		}
		message = message[n:]
		var value []byte
		var number uint64
		size := 0
		switch tag & 7 {
		case 0:
			number, size = binary.Uvarint(message)
		case 1:
			size = 8
		case 2:
			length, n := binary.Uvarint(message)
			if n <= 0 || length > uint64(len(message)-n) {
				return errMessage
			}
			size = n + int(length)
			value = message[n:size]
		case 5:
			if size = 4; len(message) >= size {
				number = uint64(binary.LittleEndian.Uint32(message))
			}
		}
		if size <= 0 || size > len(message) {
			return errMessage
		}
		message = message[size:]
		if err := f(int(tag>>3), value, number); err != nil {
			return err
		}
	}
	return nil
}
