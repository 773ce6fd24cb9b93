package postings

// LengthOf is the length that a byte stands for.
func LengthOf(b byte) uint32 { return lengthOf[b] }
