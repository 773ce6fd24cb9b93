// Package transformer computes sentence vectors with BERT encoders, such as
// all-MiniLM-L6-v2, from a folder in the layout of sentence-transformers:
//
//	config.json                  the sizes of the encoder
//	model.safetensors            its weights, in F32, F16 or BF16
//	modules.json                 what follows it: pooling, bringing to length 1
//	1_Pooling/config.json        mean or cls
//	sentence_bert_config.json    the longest sequence of tokens
//	config_sentence_transformers.json    prompts
//
// The tokenizer's files lie beside them and are the caller's business: [Model.Encode] takes
// token ids. The vectors are the reference's up to rounding in float32, and the same bits
// for a text whichever others share a call.
//
// It promises that no file of the folder is believed: every size and offset is checked
// against what is there before anything is computed, and nothing that the files ask for is
// run. It refuses, by name, what it would compute wrongly: other architectures, activations,
// position embeddings and poolings, checkpoints in pickle or in several files.
//
// Weights in F32 are used where the system mapped the file, so processes share them; a
// file that is cut short meanwhile ends the process. Where models are replaced, replace the
// file, not its content.
//
// One instruction set is chosen from those that the kernels were compiled for, see [Open].
// The package keeps no global state and refuses to build without cgo.
package transformer
