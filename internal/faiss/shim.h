// What Go calls of the Faiss library. No function throws. Those with err return SHEAF_OK, or
// SHEAF_FAILED with a message in *err that the caller frees.
#ifndef SHEAF_SHIM_H
#define SHEAF_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SHEAF_OK, SHEAF_FAILED };

typedef struct sheaf_index sheaf_index;

// read reads an index of any type from a part of a file that anybody may have written. verify
// checks what read does not: before it has returned SHEAF_OK, nothing else may be done with
// the index but freeing it and asking for its type.
int sheaf_index_read(int fd, int64_t offset, int64_t size, sheaf_index **out, char **err);
int sheaf_index_verify(const sheaf_index *index, char **err);
void sheaf_index_free(sheaf_index *index);

int sheaf_index_d(const sheaf_index *index);
int64_t sheaf_index_ntotal(const sheaf_index *index);
int sheaf_index_metric(const sheaf_index *index);
// The caller frees the class name, such as IndexFlatL2; NULL means no memory.
char *sheaf_index_type(const sheaf_index *index);
// What the index does to vectors and questions before it compares them: it brings them to
// length 1, makes them of fewer numbers, or nothing that changes which are near.
enum { SHEAF_AS_THEY_ARE, SHEAF_NORMALIZED, SHEAF_SHORTENED };
int sheaf_index_transform(const sheaf_index *index);
// Whether decode gives back the vectors that were added, or normalized, bit by bit.
int sheaf_index_exact(const sheaf_index *index);

// labels gets the ntotal ids of the vectors, in the order of their places; decode makes the
// vectors at n places.
int sheaf_index_labels(const sheaf_index *index, int64_t *labels, char **err);
int sheaf_index_decode(const sheaf_index *index, const int64_t *places, int64_t n, float *x,
                       char **err);

// sheaf_blas_level chooses the instruction set (see kernel.h) of the products of matrices that
// Faiss asks for.
void sheaf_blas_level(int level);

// The version of the linked library; a static string.
const char *sheaf_faiss_version(void);

#ifdef __cplusplus
}
#endif
#endif
