// The sums, compiled from one source for every instruction set; the caller chooses one. They use
// the vector extension of GCC and Clang instead of intrinsics; on arm64 the generic kernel is NEON.

#include "kernel.h"

#include <string.h>

// Products of 8 and 20 bits leave room in 32 bits for the sum of so many.
#define BLOCK 16

// Columns from first on that do not fill a stripe.
static void rest(const int8_t *matrix, size_t dim, size_t first, const int32_t *rows,
                 const int32_t *weights, size_t n, int64_t *sum) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = first; j < dim; j++)
      sum[j] += (int64_t)weights[i] * matrix[(size_t)rows[i] * dim + j];
}

#define LANES 4
#define VECS 8
#define TARGET
#define NAME(f) f##_generic
#include "kernel_body.h"
#undef LANES
#undef VECS
#undef TARGET
#undef NAME

#ifdef __x86_64__
#define LANES 8
#define VECS 8
#define TARGET __attribute__((target("avx2")))
#define NAME(f) f##_avx2
#include "kernel_body.h"
#undef LANES
#undef VECS
#undef TARGET
#undef NAME

#define LANES 16
#define VECS 16
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2")))
#define NAME(f) f##_avx512
#include "kernel_body.h"
#undef LANES
#undef VECS
#undef TARGET
#undef NAME
#endif

void rowsum_add(int level, const int8_t *matrix, size_t dim, const int32_t *rows,
                const int32_t *weights, size_t n, int64_t *sum) {
  static void (*const add[])(const int8_t *, size_t, const int32_t *, const int32_t *, size_t,
                             int64_t *) = {
      add_generic,
#ifdef __x86_64__
      add_avx2,
      add_avx512,
#endif
  };
  add[level](matrix, dim, rows, weights, n, sum);
}
