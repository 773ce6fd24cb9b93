package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"sheaf/internal/sqlite"
)

// The kinds of a typed metadata value. Booleans are kept as 0 and 1, so that
// SQL compares them with numbers as Python does. What SQL has no values for is
// kept as the blob of its JSON, which sorts after all texts: null, and by
// kindOther lists, objects and numbers past int64 and float64.
const (
	kindNull   = 0
	kindBool   = 1
	kindInt    = 2
	kindFloat  = 3
	kindString = 4
	kindOther  = 5
)

// field is a row of table field without the number of its metadata object.
type field struct {
	key   string
	kind  int
	value any
}

// fieldsOf are the typed rows of a metadata object.
func fieldsOf(object []byte) ([]field, error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(object, &values); err != nil {
		return nil, fmt.Errorf("metadata is not a JSON object: %w", err)
	}
	fields := make([]field, 0, len(values))
	for key, raw := range values {
		kind, value := typed(raw)
		fields = append(fields, field{key, kind, value})
	}
	return fields, nil
}

// intern returns the number of a metadata object, which it adds with its typed
// rows when the store has not seen it: fields, where they are known already. The
// caller is inside a writing transaction.
func intern(conn *sqlite.Conn, object json.RawMessage, fields []field) (int64, error) {
	meta := int64(-1)
	for row, err := range conn.Query(`SELECT meta FROM meta WHERE hash = ?`, metaHash(object)) {
		if err != nil {
			return 0, err
		}
		meta = row.Int64(0)
	}
	if meta >= 0 {
		return meta, nil
	}
	meta, fields, err := insertMeta(conn, object, fields)
	if err != nil {
		return 0, err
	}
	return meta, insertFields(conn, meta, fields)
}

// insertMeta adds a metadata object without its typed rows, which it returns:
// fields, where they are known already.
func insertMeta(conn *sqlite.Conn, object json.RawMessage, fields []field) (_ int64, _ []field, err error) {
	if fields == nil {
		if fields, err = fieldsOf(object); err != nil {
			return 0, nil, err
		}
	}
	err = conn.Exec(`INSERT INTO meta (hash, json) VALUES (?, ?)`, metaHash(object), string(object))
	return conn.LastInsertID(), fields, err
}

func metaHash(object json.RawMessage) []byte {
	sum := sha256.Sum256(object)
	return sum[:hashSize]
}

// insertFields adds the typed rows of a metadata object.
func insertFields(conn *sqlite.Conn, meta int64, fields []field) error {
	for _, f := range fields {
		err := conn.Exec(`INSERT INTO field VALUES (?, ?, ?, ?)`, f.key, f.value, f.kind, meta)
		if err != nil {
			return err
		}
	}
	return nil
}

// forget removes a metadata object with its typed rows.
func forget(conn *sqlite.Conn, meta int64) error {
	var object []byte
	for row, err := range conn.Query(`SELECT json FROM meta WHERE meta = ?`, meta) {
		if err != nil {
			return err
		}
		object = row.Bytes(0)
	}
	fields, err := fieldsOf(object)
	if err != nil {
		return err
	}
	for _, f := range fields {
		err := conn.Exec(`DELETE FROM field WHERE key = ? AND value = ? AND kind = ? AND meta = ?`, f.key, f.value, f.kind, meta)
		if err != nil {
			return err
		}
	}
	return conn.Exec(`DELETE FROM meta WHERE meta = ?`, meta)
}

// typed gives a JSON value's kind and the SQL value it is compared by.
func typed(raw json.RawMessage) (kind int, value any) {
	raw = bytes.TrimSpace(raw)
	switch raw[0] {
	case 'n':
		return kindNull, []byte(raw)
	case 't':
		return kindBool, 1
	case 'f':
		return kindBool, 0
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return kindOther, []byte(raw)
		}
		return kindString, s
	case '{', '[':
		return kindOther, []byte(raw)
	}
	return typedNumber(string(raw))
}

func typedNumber(s string) (int, any) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return kindInt, i
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || !strings.ContainsAny(s, ".eE") {
		return kindOther, []byte(s)
	}
	return kindFloat, f
}
