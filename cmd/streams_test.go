package cmd

import "bytes"

// recorded returns streams for a test: in is what the run reads, out and
// errs collect what it writes.
func recorded(in string) (s Streams, out, errs *bytes.Buffer) {
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	return Streams{In: bytes.NewBufferString(in), Out: out, Err: errs, Width: fallbackWidth}, out, errs
}
