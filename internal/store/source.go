package store

import (
	"context"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/sqlite"
)

// Home returns the folder that holds the store in dir: the store's own, where dir
// is a symbolic link to it.
func Home(dir string) (engine.Home, error) {
	dir = filepath.Clean(dir)
	if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if dir, err = filepath.EvalSymlinks(dir); err != nil {
			return "", err
		}
	}
	home, err := filepath.Abs(filepath.Dir(dir))
	return engine.Home(home), err
}

// selectSource reads whole sources; conditions are appended.
const selectSource = `SELECT source, key, name, size, mtime, hash, settings, documents FROM source `

func scanSource(row *sqlite.Row) engine.Source {
	src := engine.Source{
		Number: row.Int64(0), Key: row.Text(1), Name: row.Text(2), Size: row.Int64(3),
		Hash: row.Bytes(5), Settings: row.Text(6), Documents: row.Int64(7),
	}
	if ns := row.Int64(4); ns != 0 {
		src.ModTime = time.Unix(0, ns)
	}
	return src
}

// source returns the source whose column has a value; false where there is none.
func (t *tx) source(column string, value any) (engine.Source, bool, error) {
	for row, err := range t.Query(selectSource+`WHERE `+column+` = ?`, value) {
		if err != nil {
			return engine.Source{}, false, err
		}
		return scanSource(row), true, nil
	}
	return engine.Source{}, false, nil
}

// SourceByKey returns the source with a key; false where there is none.
func (s *Store) SourceByKey(ctx context.Context, key string) (src engine.Source, found bool, err error) {
	err = s.view(ctx, func(t *tx) error { src, found, err = t.source(`key`, key); return err })
	return src, found, err
}

// SourceByName returns the source with a name; false where there is none.
func (s *Store) SourceByName(ctx context.Context, name string) (src engine.Source, found bool, err error) {
	err = s.view(ctx, func(t *tx) error { src, found, err = t.source(`name`, name); return err })
	return src, found, err
}

// SourcesByKey returns those sources that have one of the keys, by key.
func (s *Store) SourcesByKey(ctx context.Context, keys []string) (map[string]engine.Source, error) {
	sources := make(map[string]engine.Source, len(keys))
	err := s.view(ctx, func(t *tx) error {
		for _, key := range keys {
			src, found, err := t.source(`key`, key)
			if err != nil {
				return err
			}
			if found {
				sources[key] = src
			}
		}
		return nil
	})
	return sources, err
}

// AllSources yields everything that the store remembers of its sources, in the
// order of their first ingest.
func (s *Store) AllSources(ctx context.Context) iter.Seq2[engine.Source, error] {
	last := int64(0)
	return whole(ctx, s, func(t *tx) (page []engine.Source, more bool, err error) {
		for row, err := range t.Query(selectSource+`WHERE source > ? ORDER BY source LIMIT ?`, last, pageRows) {
			if err != nil {
				return nil, false, err
			}
			page = append(page, scanSource(row))
			last = row.Int64(0)
		}
		return page, len(page) == pageRows, nil
	})
}

// sourceChange is a source as the next commit writes it.
type sourceChange struct {
	engine.Source
	documents int64
	gone      bool // the source is forgotten
}

// lose takes n documents off a source's count. The source is read again by its
// next ingest, or forgotten where none is left.
func (c *sourceChange) lose(n int64) {
	c.Hash, c.documents = nil, c.documents-n
	c.gone = c.documents <= 0
}

// saveSource writes a change. It is not REPLACE: that would take the row of another
// source away which has the same name or key.
func (t *tx) saveSource(c sourceChange) error {
	const query = `INSERT INTO source VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source) DO UPDATE SET
  key = excluded.key, name = excluded.name, size = excluded.size, mtime = excluded.mtime, hash = excluded.hash,
  settings = excluded.settings, documents = excluded.documents`
	if c.gone {
		return t.Exec(`DELETE FROM source WHERE source = ?`, c.Number)
	}
	mtime := int64(0)
	if !c.ModTime.IsZero() {
		mtime = c.ModTime.UnixNano()
	}
	return t.Exec(query, c.Number, c.Key, c.Name, c.Size, mtime, c.Hash, c.Settings, c.documents)
}
