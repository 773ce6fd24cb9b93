// Weighted sums of rows: see kernel.c.
#ifndef SHEAF_ROWSUM_KERNEL_H
#define SHEAF_ROWSUM_KERNEL_H

#include <stddef.h>
#include <stdint.h>

// Instruction sets in rising order: kernel.Level has the same numbers.
enum { ROWSUM_GENERIC, ROWSUM_AVX2, ROWSUM_AVX512 };

enum { ROWSUM_MAX_WEIGHT = (1 << 20) - 1 };

// rowsum_add adds weights[i] times row rows[i] of the matrix to sum, for each i < n.
void rowsum_add(int level, const int8_t *matrix, size_t dim, const int32_t *rows,
                const int32_t *weights, size_t n, int64_t *sum);

#endif
