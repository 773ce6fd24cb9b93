package ingest

import (
	"hash/maphash"
	"maps"
	"sync/atomic"
)

// window is the set of texts that were sent to the embedder and are not committed
// yet, so that an equal text is not sent again. Those that are committed are found
// in the store. Run's goroutine uses applied and commit, the planner the rest.
type window struct {
	applied   int64        // number of steps that are applied
	committed atomic.Int64 // and of those that are committed

	planned   int64            // number of steps that are planned
	sent      map[uint64]int64 // by hash of the text: the step that sends it
	forgotten int64            // texts of steps before this one are not in the set
}

var seed = maphash.MakeSeed()

// hashOf returns a hash that is good for this process. Two texts may share it: a caller
// that must be sure compares the texts.
func hashOf(text string) uint64 { return maphash.String(seed, text) }

func (w *window) commit() { w.committed.Store(w.applied) }

// send adds a text, which the next step sends, and reports whether it was in the
// set already.
func (w *window) send(text string) (already bool) {
	if w.sent == nil {
		w.sent = map[uint64]int64{}
	}
	hash := hashOf(text)
	if _, already = w.sent[hash]; !already {
		w.sent[hash] = w.planned
	}
	return already
}

// forget removes the texts of steps that were committed before a look-up whose
// answers are used by now.
func (w *window) forget(committed int64) {
	if committed == w.forgotten {
		return
	}
	w.forgotten = committed
	maps.DeleteFunc(w.sent, func(_ uint64, step int64) bool { return step < committed })
}
