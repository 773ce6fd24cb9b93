// Package dense keeps millions of small things in little memory, and in few
// pieces of it, so that the garbage collector has next to nothing to follow. A
// Go map of a million texts takes several times as much.
package dense
