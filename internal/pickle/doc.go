// Package pickle reads and writes the pickles that LangChain's stores are made
// of. A pickle is a program for a small stack machine that may call anything
// which Python can import. This package is such a machine without the calls:
// nothing of a file is ever executed. It knows the opcodes of protocols 0 to
// 5, builds plain values, and refuses every class that is neither named by the
// caller nor one of the value types found in metadata (class.go lists them).
//
// What a file says is believed only as far as the file goes:
//
//   - the whole file is walked before anything is built: its opcodes, lengths
//     and frames must be sound, and it must end where it says;
//   - no value may hold itself, and none is nested deeper than [MaxDepth];
//   - memory is bounded by 64 MiB plus the size of the file, whatever lengths
//     and memo slots it names; a value that is shared a million times weighs a
//     million times ([Weight]), so a caller can refuse to write it out;
//   - bytes stay in the file until they are asked for.
//
// Objects of the classes that the caller defers are not kept but read again
// when wanted ([Reader.State]): a million documents need no more memory than
// their places.
//
// The format is that of CPython's pickletools.py, which documents it.
package pickle
