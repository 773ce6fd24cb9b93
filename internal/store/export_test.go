package store

import "math"

// ForceCodes has a writer make codes from 16 rows on, in blocks of as many, and search by
// them.
func (w *Writer) ForceCodes() {
	w.coding = coding{from: 16, blockRows: 16, listRows: 16}
	w.PreferCodes()
}

// PreferCodes has a store search by codes however few rows they exclude.
func (s *Store) PreferCodes() { s.codesMost = math.MaxInt32 }

// Setting returns the value of a setting of the writer's connection.
func (w *Writer) Setting(name string) (int64, error) { return pragma(w.db.conn, name) }
