package postings

// LengthByte and LengthOf are how lengths are kept.
var LengthByte = lengthByte

// LengthOf is the inverse of LengthByte, as far as it has one.
func LengthOf(b byte) uint32 { return lengthOf[b] }
