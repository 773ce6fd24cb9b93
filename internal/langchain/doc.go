// Package langchain reads and writes the stores of LangChain's FAISS vector
// store: a folder with index.faiss and index.pkl (save_local), or one byte
// string (serialize_to_bytes), of any version of LangChain.
//
// Files are not trusted. Package pickle reads the pickle and executes nothing of
// it. The header of the index is compared with the size of the file. An index that
// is not a plain IndexFlat is read by the Faiss library, in a process that the
// caller limits ([Options]). Each fault of a file is a *[FormatError] with the file
// and the reason.
//
// Documents come in the order of the index, one at a time. Texts and metadata pass
// through a temporary file. Memory grows with the number of documents, by their
// ids and some 100 bytes each.
package langchain
