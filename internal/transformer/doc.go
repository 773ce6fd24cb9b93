// Package transformer computes sentence vectors with BERT and XLM-R encoders, such as
// all-MiniLM-L6-v2, from a folder in the layout of sentence-transformers:
//
//	config.json                  the sizes of the encoder
//	model.safetensors            its weights, in F32, F16 or BF16
//	modules.json                 what follows it: pooling, normalizing
//	1_Pooling/config.json        mean or cls
//	sentence_bert_config.json    the longest sequence of tokens
//	config_sentence_transformers.json    prompts
//
// A cross-encoder's folder, see [OpenClassifier], has a classifier in config.json and the weights, and
// no modules.
//
// The tokenizer's files lie beside them and are read by the caller: [Model.Encode] takes
// token ids. The vectors are those of sentence-transformers up to rounding in float32. A
// text has the same vector, bit for bit, whatever other texts are in the call.
//
// The files are not trusted: every size and offset is checked against the file before
// anything is computed, and nothing in them is run. What would be computed wrongly is
// refused by name: other architectures, activations, position embeddings and poolings,
// checkpoints in pickle or in several files.
//
// Weights in F32 are used from the mapped file, which processes share. Truncating the file
// while it is mapped ends the process: to replace a model, replace the file, not its content.
//
// [OpenUSE] makes a model of another kind over the same kernels: convolutions and no attention.
//
// [OpenInt8] makes a model whose linear layers are computed with integers. Its vectors are near
// those of [Open], not equal, and its fingerprint is another. It reads the file instead of
// mapping it.
//
// One instruction set is chosen from those that the kernels were compiled for, see [Open].
// The package keeps no global state and refuses to build without cgo.
package transformer
