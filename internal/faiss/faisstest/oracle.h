// Functions of the Faiss library that tests compare with. Those that return a message, which
// the caller frees, return NULL where all went well.
#ifndef SHEAF_ORACLE_H
#define SHEAF_ORACLE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  void *index;
  int d, metric;
  int64_t ntotal;
} oracle;

char *oracle_flat(int d, int metric, int64_t n, const float *x, oracle *out);
char *oracle_parse(const void *data, size_t size, oracle *out);
char *oracle_search(const oracle *o, int64_t n, const float *x, int64_t k, float *scores,
                    int64_t *labels);
char *oracle_vectors(const oracle *o, float *x);
void oracle_free(oracle *o);

// oracle_product is the sgemm of BLAS that Faiss gets, with alpha 1: matrices are in columns.
void oracle_product(int turn_a, int turn_b, int m, int n, int k, const float *a, int lda,
                    const float *b, int ldb, float beta, float *c, int ldc);

#ifdef __cplusplus
}
#endif
#endif
