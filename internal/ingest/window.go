package ingest

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"sync/atomic"
)

// window knows the texts that were sent to the embedder and are not committed
// yet, so that an equal one is not sent again. Once they are committed the store
// knows them. The writer's goroutine has applied and commit, the planner's the
// rest.
type window struct {
	applied   int64        // steps that are done
	committed atomic.Int64 // steps whose outcome is committed

	planned int64            // steps so far
	sent    map[uint64]int64 // by hash of the text: the step that sends it
	cleared int64            // steps before it are out of the window
}

// hashOf tells texts apart well enough for hints: who must be sure compares.
func hashOf(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.LittleEndian.Uint64(sum[:8])
}

func (w *window) commit() { w.committed.Store(w.applied) }

// send notes that the next step sends a text, and tells whether one in the
// window does so already.
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

// clear takes texts out of the window that were committed before a look-up,
// whose answer is in use by now.
func (w *window) clear(committed int64) {
	if committed == w.cleared {
		return
	}
	w.cleared = committed
	maps.DeleteFunc(w.sent, func(_ uint64, step int64) bool { return step < committed })
}
