// Package codes finds the rows that can be among the nearest to a query by reading a
// quarter or an eighth of their bytes.
//
// Each number of a row is kept as 8 bits, of which the 4 high ones are a code of their
// own, after the row was moved by a mean and rotated (see frame). With them is kept how
// far the row lies from what its code says. From these follow, by an inequality that
// holds for every row and with all rounding (see query), a lower and an upper bound of
// the key that the faiss package computes: the squared distance, or the negated inner
// product. A row whose lower bound is above the k-th lowest upper bound is not one of
// the k nearest. The others are candidates: whoever computes their keys has the answer
// of a scan over all rows, to the last bit.
//
// In a file with an order of its own the signs of the numbers are kept as well, for
// searches that look at some of its blocks and need not find every row: see
// [Search.Blocks].
//
// A [File] holds the codes of the first rows of an index file, in blocks. It knows
// nothing but vectors: rows that a search must not find are passed over when it asks.
package codes
