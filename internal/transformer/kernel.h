// The arithmetic of a BERT encoder on rows of floats: see kernel.c. Matrices are row-major;
// a stride (ld...) counts floats from one row to the next.
#ifndef SHEAF_BERT_KERNEL_H
#define SHEAF_BERT_KERNEL_H

#include <stddef.h>
#include <stdint.h>

// Instruction sets in rising order: kernel.Level has the same numbers.
enum { BERT_GENERIC, BERT_AVX2, BERT_AVX512 };

enum { BERT_LINEAR, BERT_GELU };

// bert_scratch returns the number of floats of scratch memory that the functions below need
// for sums over at most k columns, texts of at most tokens rows and heads of at most dim
// columns.
size_t bert_scratch(size_t k, size_t tokens, size_t dim);

// bert_linear sets out[m][n] = f(x[m][k] * w[n][k]^T + bias[n]), where f is the identity or
// GELU. It is PyTorch's Linear.
void bert_linear(int level, int f, const float *x, size_t ldx, size_t m, size_t k,
                 const float *w, const float *bias, size_t n, float *out, size_t ldout,
                 float *scratch);

// bert_attention sets out to the scaled dot-product attention of one text: m rows, each
// with its query, key and value side by side, heads * dim floats each.
void bert_attention(int level, const float *qkv, size_t ldqkv, size_t m, size_t heads,
                    size_t dim, float *out, size_t ldout, float *scratch);

// bert_norm sets x to x + y with every row scaled to mean 0 and variance 1, times gamma plus
// beta. A null y counts as zeros.
void bert_norm(int level, float *x, const float *y, size_t m, size_t n, const float *gamma,
               const float *beta, float epsilon);

#endif
