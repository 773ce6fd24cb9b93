package pickle

import "strings"

// LoadWithin loads a pickle with a limit of memory, and returns what it took.
func LoadWithin(stream string, limit int64, o Options) (v Value, took int64, err error) {
	m := newMachine(strings.NewReader(stream), int64(len(stream)), o)
	m.limit = limit
	v, err = m.load()
	return v, m.memory + m.memo.memory, err
}
