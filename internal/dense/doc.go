// Package dense stores millions of small items in little memory and in few
// allocations, so that the garbage collector has next to nothing to follow. A Go map of a
// million texts takes several times as much.
package dense
