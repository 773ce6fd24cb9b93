// The arithmetic of a BERT encoder on rows of floats: see kernel.c. Matrices are row-major;
// a stride (ld...) counts floats from one row to the next.
#ifndef SHEAF_BERT_KERNEL_H
#define SHEAF_BERT_KERNEL_H

#include <stddef.h>
#include <stdint.h>

// Instruction sets in rising order. kernel.Level has the same numbers, but for the two last:
// AVX-512 and NEON with products of bytes.
enum { BERT_GENERIC, BERT_AVX2, BERT_AVX512, BERT_VNNI, BERT_DOT };

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

// A linear layer in int8. A row of numbers becomes a unit, 1/127 of the largest magnitude, and
// for each number how many units it is, rounded to the nearest (to the even one of two): its
// code, from -127 to 127. Sums of products of codes are exact, so they are the same for every
// instruction set. A row with a number that is not finite gives NaN.

enum {
  BERT_PANEL = 32,      // rows of weights that lie together
  BERT_FILL = 16,       // codes of a row are filled up with zeros to a multiple of it
  BERT_MAX_SUM = 65536  // columns that sums of 32 bits have room for: 255 * 127 each
};

// bert_panel_size returns the bytes of a panel of rows of k numbers, a multiple of 64.
size_t bert_panel_size(size_t k);

// bert_pack8 makes a panel of at most BERT_PANEL rows of k weights each, and their biases. It is the
// same at every level.
void bert_pack8(int level, const float *w, size_t n, size_t k, const float *bias, void *panel);

// bert_units returns the units of the BERT_PANEL rows of a panel.
const float *bert_units(const void *panel);

// bert_scratch8 returns the bytes of scratch memory that bert_linear8 needs.
size_t bert_scratch8(size_t m, size_t k);

// bert_linear8 is bert_linear with n rows of weights in panels, one after another.
void bert_linear8(int level, int f, const float *x, size_t ldx, size_t m, size_t k,
                  const void *panels, size_t n, float *out, size_t ldout, void *scratch);

#endif
