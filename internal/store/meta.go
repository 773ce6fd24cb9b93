package store

import (
	"crypto/sha256"

	"sheaf/internal/metadata"
)

const insertField = `INSERT INTO field VALUES (?, ?, ?, ?)`

func metaHash(object metadata.Object) []byte {
	sum := sha256.Sum256(object.JSON())
	return sum[:hashSize]
}

// intern returns the number of a metadata object, which it adds with its typed
// rows when the store has not seen it.
func (t *tx) intern(object metadata.Object) (int64, error) {
	for row, err := range t.Query(`SELECT meta FROM meta WHERE hash = ?`, metaHash(object)) {
		if err != nil {
			return 0, err
		}
		return row.Int64(0), nil
	}
	meta, err := t.insertMeta(object)
	if err != nil {
		return 0, err
	}
	return meta, t.insertFields(insertField, meta, object)
}

// insertMeta adds a metadata object without its typed rows.
func (t *tx) insertMeta(object metadata.Object) (int64, error) {
	err := t.Exec(`INSERT INTO meta (hash, json) VALUES (?, ?)`, metaHash(object), string(object.JSON()))
	return t.LastInsertID(), err
}

// insertFields adds the typed rows of a metadata object by a statement that takes
// the columns of table field.
func (t *tx) insertFields(statement string, meta int64, object metadata.Object) error {
	return eachField(object, func(key string, value any, kind metadata.Kind) error {
		return t.Exec(statement, key, value, int64(kind), meta)
	})
}

// eachField passes the typed members of a metadata object on.
func eachField(object metadata.Object, f func(key string, value any, kind metadata.Kind) error) error {
	members, err := object.Members()
	if err != nil {
		return err
	}
	for _, m := range members {
		kind, value := m.Typed()
		if err := f(m.Key, value, kind); err != nil {
			return err
		}
	}
	return nil
}

// metaObject reads a metadata object.
func (t *tx) metaObject(meta int64) (metadata.Object, error) {
	for row, err := range t.Query(`SELECT json FROM meta WHERE meta = ?`, meta) {
		if err != nil {
			return metadata.Object{}, err
		}
		return metadata.Raw(row.Bytes(0)), nil
	}
	return metadata.Object{}, damaged(t.path, "metadata %d is missing", meta)
}

// deleteMeta removes a metadata object with its typed rows.
func (t *tx) deleteMeta(meta int64) error {
	object, err := t.metaObject(meta)
	if err != nil {
		return err
	}
	err = eachField(object, func(key string, value any, kind metadata.Kind) error {
		return t.Exec(`DELETE FROM field WHERE key = ? AND value = ? AND kind = ? AND meta = ?`, key, value, int64(kind), meta)
	})
	if err != nil {
		return err
	}
	return t.Exec(`DELETE FROM meta WHERE meta = ?`, meta)
}
