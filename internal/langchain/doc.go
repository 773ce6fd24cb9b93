// Package langchain reads and writes the stores of LangChain's FAISS vector
// store: a folder with index.faiss and index.pkl (save_local), or one byte
// string (serialize_to_bytes), by whichever version of LangChain.
//
// It takes no file's word for anything. The pickle is read by package pickle,
// which executes none; the index's header is held against the size of the
// file, and an index that is no plain IndexFlat is left to the Faiss library in
// a process that the caller limits ([Options]). Whatever is wrong with a file
// is a *[FormatError] that names the file and the reason.
//
// Documents come in the order of the index, one at a time. Memory grows with
// the number of documents, by their ids and some 100 bytes each, not with
// their texts, metadata or vectors.
package langchain
