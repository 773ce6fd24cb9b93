package embed

import "time"

// Tokens are the ids that a BERT embedder computes for a text.
func Tokens(e Embedder, text string) []int32 {
	ids, _ := e.(*bert).ids(text)
	return ids
}

// TakeWorkspace occupies one thread of a BERT embedder until the function is called.
func TakeWorkspace(e Embedder) (giveBack func()) {
	b := e.(*bert)
	w := <-b.workspaces
	return func() { b.workspaces <- w }
}

// NewStallingCommand is NewCommand with a time after which people are told that the program
// does not answer.
func NewStallingCommand(name string, o Options, d time.Duration) Embedder {
	return newCommand(name, o, d)
}

// PairTokens are the ids that a cross-encoder computes for a pair, and where its second text begins.
func PairTokens(c *CrossEncoder, p Pair) (ids []int32, second int) { return c.pairTokens(p) }
