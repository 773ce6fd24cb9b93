package engine

import (
	"hash/maphash"
	"sync"
)

// FreeIDs knows ids that no document has, so that each document that is added costs no
// question of its own: they were looked up before, many at a time. The planner of an ingest
// looks them up while its writer adds, so what was added since the look-up counts as well.
// What is known is forgotten after a commit and the next one, and asked again. A merge, which
// commits once, adds millions: of these it keeps hashes, and an id with the hash of another one is asked for.
type FreeIDs struct {
	mu    sync.Mutex
	seed  maphash.Seed
	turn  int                    // grows with each commit
	free  [2]map[string]bool     // of this turn and the one before: ids that were free then, and were not added since
	added [2]map[uint64]struct{} // the hashes of those that were added in them
}

// hash is called with the lock held.
func (f *FreeIDs) hash(id string) uint64 {
	if f.seed == (maphash.Seed{}) {
		f.seed = maphash.MakeSeed()
	}
	return maphash.String(f.seed, id)
}

// Now returns the turn, to be given to Learn with what is read after it.
func (f *FreeIDs) Now() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.turn
}

// Learn notes ids that were free in a turn.
func (f *FreeIDs) Learn(turn int, ids []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.turn-turn > 1 {
		return
	}
	if f.free[turn%2] == nil {
		f.free[turn%2] = map[string]bool{}
	}
	for _, id := range ids {
		f.free[turn%2][id] = true
	}
}

// Has reports whether an id is known to be free.
func (f *FreeIDs) Has(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.free[0][id] && !f.free[1][id] {
		return false
	}
	hash := f.hash(id)
	_, before := f.added[0][hash]
	_, now := f.added[1][hash]
	return !before && !now
}

// Add notes that an id was added.
func (f *FreeIDs) Add(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.added[f.turn%2] == nil {
		f.added[f.turn%2] = map[uint64]struct{}{}
	}
	f.added[f.turn%2][f.hash(id)] = struct{}{}
	delete(f.free[0], id)
	delete(f.free[1], id)
}

// Next begins a turn, after a commit.
func (f *FreeIDs) Next() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn++
	f.free[f.turn%2], f.added[f.turn%2] = nil, nil
}
