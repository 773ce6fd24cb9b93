// The distance kernels behind the exact search: see kernel.c.
#ifndef SHEAF_KERNEL_H
#define SHEAF_KERNEL_H

#include <stddef.h>
#include <stdint.h>

// Instruction sets in rising order; the Go type level has the same values.
enum { SHEAF_GENERIC, SHEAF_AVX2, SHEAF_AVX512 };
enum { SHEAF_IP, SHEAF_L2 };

// sheaf_best_level is the highest instruction set that CPU and operating system support.
int sheaf_best_level(void);

// sheaf_keys writes the keys of n rows of d floats at x (of any alignment) for nq
// queries: out[j*n+i] belongs to query j and row i. A key is the squared L2 distance or
// the negated inner product, so the lower is the better.
void sheaf_keys(int level, int metric, const void *x, size_t n, size_t d,
                const float *q, size_t nq, float *out);

// sheaf_keys_at writes the keys of the m rows at[] of x for one query.
void sheaf_keys_at(int level, int metric, const void *x, const int32_t *at, size_t m,
                   size_t d, const float *q, float *out);

// sheaf_norms writes the squared norms of n rows of d floats at x.
void sheaf_norms(int level, const void *x, size_t n, size_t d, float *out);

// sheaf_below writes to at[] the i < n for which v[i] + w[i]*scale >= bound does not
// hold (so NaN on either side lets i through) and returns how many they are.
size_t sheaf_below(int level, const float *v, const float *w, size_t n, float scale,
                   float bound, int32_t *at);

// sheaf_products writes alpha * (q · x) of n rows and nq queries: out[j*n+i]. It is
// OpenBLAS's sgemm, single-threaded once sheaf_one_thread was called.
void sheaf_products(const void *x, size_t n, size_t d, const float *q, size_t nq,
                    float alpha, float *out);

// sheaf_one_thread stops OpenBLAS from using threads of its own.
void sheaf_one_thread(void);

#endif
