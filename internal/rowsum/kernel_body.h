// One instruction set's kernel. kernel.c includes this file once for each, with LANES (sums in a
// vector), VECS (vectors of a stripe, which stay in registers), TARGET (function attribute) and
// NAME (function suffix) defined.

#define STRIPE (LANES * VECS)

typedef int8_t NAME(bytes) __attribute__((vector_size(LANES)));
typedef int16_t NAME(shorts) __attribute__((vector_size(LANES * 2)));
typedef int32_t NAME(ints) __attribute__((vector_size(LANES * 4)));

// Widened in two steps, each of which compilers have an instruction for.
TARGET static inline NAME(ints) NAME(load)(const int8_t *p) {
  NAME(bytes) b;
  memcpy(&b, p, sizeof b);
  return __builtin_convertvector(__builtin_convertvector(b, NAME(shorts)), NAME(ints));
}

// Adds at most BLOCK rows to a stripe of columns.
TARGET static inline void NAME(stripe)(const int8_t *matrix, size_t dim, const int32_t *rows,
                                       const int32_t *weights, size_t n, int64_t *sum) {
  NAME(ints) acc[VECS] = {{0}};
  for (size_t i = 0; i < n; i++) {
    const int8_t *row = matrix + (size_t)rows[i] * dim;
#pragma GCC unroll 16
    for (int j = 0; j < VECS; j++) acc[j] += NAME(load)(row + j * LANES) * weights[i];
  }
  int32_t block[STRIPE];
  memcpy(block, acc, sizeof block);
  for (int j = 0; j < STRIPE; j++) sum[j] += block[j];
}

TARGET static void NAME(add)(const int8_t *matrix, size_t dim, const int32_t *rows,
                             const int32_t *weights, size_t n, int64_t *sum) {
  const size_t whole = dim / STRIPE * STRIPE;
  for (size_t i = 0; i < n; i += BLOCK) {
    const size_t block = n - i < BLOCK ? n - i : BLOCK;
    for (size_t j = 0; j < whole; j += STRIPE)
      NAME(stripe)(matrix + j, dim, rows + i, weights + i, block, sum + j);
  }
  rest(matrix, dim, whole, rows, weights, n, sum);
}

#undef STRIPE
