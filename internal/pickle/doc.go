// Package pickle reads and writes the pickles that LangChain's stores consist of.
// A pickle is a program for a stack machine, which can call anything that Python
// can import. The machine of this package has the opcodes of protocols 0 to 5 and
// no calls: it builds plain values, and an error refuses each class that neither
// the caller asks for nor calls.go lists as a value of metadata. The format is
// that of CPython's pickletools.py, which documents it.
//
// A file is not trusted:
//
//   - It is read twice. The first time nothing is built: opcodes, lengths and
//     frames must be sound, and the file must end with the pickle.
//   - No value can hold itself, because a value that is in another one or comes
//     from the memo does not change any more. Values are nested to [MaxDepth].
//   - Memory is at most about 64 MiB plus the size of the file, whatever lengths
//     and memo slots the file names. Bytes stay in the file until they are needed.
//   - A value that occurs a million times counts a million times in [Weight], so
//     that a caller can refuse to write it out.
//
// Objects of classes that the caller streams are given to it one at a time
// ([Options]): a million documents need no more memory than their ids.
//
// The files form layers, each of which uses only its own and those below:
//
//	reader                 runs the machine
//	class, json, writer    calls of classes; values as JSON; the writer
//	calls                  the table of what may be called
//	numpy                  arrays and numbers that calls return
//	datetime               dates and times that calls return
//	builtin                other values that calls return
//	container, scalar      values without classes
//	machine                memory and memo of a run; it runs no instruction itself
//	scan                   the first reading of the file
//	instruction, memo      one instruction; the memo
//	pool                   the memory of values that do not last
//	source, value, stack   the file; plain values; the stack of the machine
//	opcode                 the table of opcodes
//	doc                    this comment
package pickle
