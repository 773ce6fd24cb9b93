// The distance kernels, compiled from one text for every instruction set and chosen at
// run time. They use the compilers' vector extension (GCC and Clang) in place of
// intrinsics; on arm64 the generic kernel is NEON.

#include "kernel.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "sheaf reads the little-endian floats of an index file in place"
#endif

typedef float quad __attribute__((vector_size(16)));

#define LANES 4
#define TARGET
#define NAME(f) f##_generic
#include "kernel_body.h"
#undef LANES
#undef TARGET
#undef NAME

#ifdef __x86_64__
#define LANES 8
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(f) f##_avx2
#include "kernel_body.h"
#undef LANES
#undef TARGET
#undef NAME

#define LANES 16
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")))
#define NAME(f) f##_avx512
#include "kernel_body.h"
#undef LANES
#undef TARGET
#undef NAME
#endif

typedef float (*score_fn)(const char *x, const char *q, size_t bytes);

static const struct {
  score_fn score[2];  // by metric
  size_t (*below)(const float *, const float *, size_t, float, float, int32_t *);
} kernels[] = {
    {{ip_generic, l2_generic}, below_generic},
#ifdef __x86_64__
    {{ip_avx2, l2_avx2}, below_avx2},
    {{ip_avx512, l2_avx512}, below_avx512},
#endif
};

int sheaf_best_level(void) {
#ifdef __x86_64__
  // These ask the operating system too: it must save the wide registers.
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return SHEAF_GENERIC;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
    return SHEAF_AVX512;
  return SHEAF_AVX2;
#else
  return SHEAF_GENERIC;
#endif
}

static inline float key(int metric, float score) {
  return metric == SHEAF_IP ? -score : score;
}

void sheaf_keys(int level, int metric, const void *x, size_t n, size_t d,
                const float *q, size_t nq, float *out) {
  const char *row = x;
  const score_fn score = kernels[level].score[metric];
  const size_t bytes = d * sizeof(float);
  for (size_t i = 0; i < n; i++, row += bytes)
    for (size_t j = 0; j < nq; j++)
      out[j * n + i] = key(metric, score(row, (const char *)(q + j * d), bytes));
}

void sheaf_keys_at(int level, int metric, const void *x, const int32_t *at, size_t m,
                   size_t d, const float *q, float *out) {
  const score_fn score = kernels[level].score[metric];
  const size_t bytes = d * sizeof(float);
  for (size_t i = 0; i < m; i++)
    out[i] = key(metric, score((const char *)x + (size_t)at[i] * bytes, (const char *)q, bytes));
}

void sheaf_norms(int level, const void *x, size_t n, size_t d, float *out) {
  const char *row = x;
  const score_fn score = kernels[level].score[SHEAF_IP];
  const size_t bytes = d * sizeof(float);
  for (size_t i = 0; i < n; i++, row += bytes) out[i] = score(row, row, bytes);
}

size_t sheaf_below(int level, const float *v, const float *w, size_t n, float scale,
                   float bound, int32_t *at) {
  return kernels[level].below(v, w, n, scale, bound, at);
}

// Declared here because the name and place of OpenBLAS's headers differ from one system
// to the next; Faiss declares them by hand for the same reason.
void sgemm_(const char *transa, const char *transb, const int *m, const int *n, const int *k,
            const float *alpha, const float *a, const int *lda, const float *b, const int *ldb,
            const float *beta, float *c, const int *ldc);
void openblas_set_num_threads(int threads);

void sheaf_products(const void *x, size_t n, size_t d, const float *q, size_t nq,
                    float alpha, float *out) {
  const int m = (int)n, cols = (int)nq, k = (int)d;
  const float beta = 0;
  sgemm_("T", "N", &m, &cols, &k, &alpha, x, &k, q, &k, &beta, out, &m);
}

void sheaf_one_thread(void) { openblas_set_num_threads(1); }
