// The distance kernels behind the exact search: see kernel.c.
#ifndef SHEAF_KERNEL_H
#define SHEAF_KERNEL_H

#include <stddef.h>
#include <stdint.h>

// Instruction sets in rising order: kernel.Level has the same numbers.
enum { SHEAF_GENERIC, SHEAF_AVX2, SHEAF_AVX512 };
enum { SHEAF_IP, SHEAF_L2 };

// sheaf_keys writes the keys of n rows of d floats at x (of any alignment) for nq
// queries: out[j*n+i] belongs to query j and row i. A key is the squared L2 distance or
// the negated inner product, so the lower is the better.
void sheaf_keys(int level, int metric, const void *x, size_t n, size_t d,
                const float *q, size_t nq, float *out);

// sheaf_pair names a row and a query.
typedef struct {
  int32_t row, query;
} sheaf_pair;

// sheaf_keys_of writes the keys of m pairs of a row of x and a query of q.
void sheaf_keys_of(int level, int metric, const void *x, size_t d, const float *q,
                   const sheaf_pair *pairs, size_t m, float *out);

// sheaf_norms writes the squared norms of n rows of d floats at x.
void sheaf_norms(int level, const void *x, size_t n, size_t d, float *out);

// sheaf_panel is how many rows lie in a panel, sheaf_group how many queries in a group.
size_t sheaf_panel(int level);
size_t sheaf_group(int level);

// sheaf_pack writes n rows of d floats in panels of width rows: out[k*width+i] of a panel
// is float k of its row i. The last panel is filled up with zeros.
void sheaf_pack(const void *x, size_t n, size_t d, size_t width, float *out);

// sheaf_sift finds the pairs of the n rows of packed panels and the queries j < used of a
// packed group for which alpha*(row · query) + weights[row]*scale[j] >= limit[j] does not hold (so
// NaN on either side lets a pair through), writes them to out, by rows, and returns how
// many they are. Weights reach to the end of the last panel.
size_t sheaf_sift(int level, const float *panels, size_t n, size_t d, const float *group,
                  const float *weights, float alpha, const float *scale, const float *limit,
                  int used, sheaf_pair *out);

#endif
