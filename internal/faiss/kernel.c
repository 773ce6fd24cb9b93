// The distance kernels, compiled from one source for every instruction set; the caller chooses
// one. They use the vector extension of GCC and Clang instead of intrinsics; on arm64 the
// generic kernel is NEON.

#include "kernel.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "sheaf reads the little-endian floats of an index file in place"
#endif

typedef float quad __attribute__((vector_size(16)));

#define LANES 4
#define QUERIES 6
#define TARGET
#define NAME(f) f##_generic
#include "kernel_body.h"
#undef LANES
#undef QUERIES
#undef TARGET
#undef NAME

#ifdef __x86_64__
#define LANES 8
#define QUERIES 6
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(f) f##_avx2
#include "kernel_body.h"
#undef LANES
#undef QUERIES
#undef TARGET
#undef NAME

#define LANES 16
#define QUERIES 12
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")))
#define NAME(f) f##_avx512
#include "kernel_body.h"
#undef LANES
#undef QUERIES
#undef TARGET
#undef NAME
#endif

typedef float (*score_fn)(const char *x, const char *q, size_t bytes);

static const struct {
  score_fn score[2];  // by metric
  size_t (*sift)(const float *, size_t, size_t, const float *, const float *, float,
                 const float *, const float *, int, sheaf_pair *);
  size_t panel, group;
} kernels[] = {
    {{ip_generic, l2_generic}, sift_generic, 8, 6},
#ifdef __x86_64__
    {{ip_avx2, l2_avx2}, sift_avx2, 16, 6},
    {{ip_avx512, l2_avx512}, sift_avx512, 32, 12},
#endif
};

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

void sheaf_keys_of(int level, int metric, const void *x, size_t d, const float *q,
                   const sheaf_pair *pairs, size_t m, float *out) {
  const score_fn score = kernels[level].score[metric];
  const size_t bytes = d * sizeof(float);
  for (size_t i = 0; i < m; i++)
    out[i] = key(metric, score((const char *)x + (size_t)pairs[i].row * bytes,
                               (const char *)(q + (size_t)pairs[i].query * d), bytes));
}

void sheaf_norms(int level, const void *x, size_t n, size_t d, float *out) {
  const char *row = x;
  const score_fn score = kernels[level].score[SHEAF_IP];
  const size_t bytes = d * sizeof(float);
  for (size_t i = 0; i < n; i++, row += bytes) out[i] = score(row, row, bytes);
}

size_t sheaf_panel(int level) { return kernels[level].panel; }

size_t sheaf_group(int level) { return kernels[level].group; }

// Transposes four floats of four rows.
static inline void transpose(const char *x, size_t bytes, float *out, size_t width) {
  quad r[4];
  for (int i = 0; i < 4; i++) memcpy(&r[i], x + i * bytes, sizeof r[i]);
  const quad a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
  const quad b = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
  const quad c = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
  const quad e = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
  const quad t[4] = {
      __builtin_shufflevector(a, b, 0, 1, 4, 5), __builtin_shufflevector(a, b, 2, 3, 6, 7),
      __builtin_shufflevector(c, e, 0, 1, 4, 5), __builtin_shufflevector(c, e, 2, 3, 6, 7)};
  for (int i = 0; i < 4; i++) memcpy(out + i * width, &t[i], sizeof t[i]);
}

// Packs up to width rows, the missing ones as zeros.
static void pack(const char *x, size_t n, size_t d, size_t width, float *out) {
  const size_t bytes = d * sizeof(float);
  size_t r = 0;
  for (; r + 4 <= n; r += 4, x += 4 * bytes) {
    size_t k = 0;
    for (; k + 4 <= d; k += 4) transpose(x + k * sizeof(float), bytes, out + k * width + r, width);
    for (; k < d; k++)
      for (size_t i = 0; i < 4; i++) memcpy(out + k * width + r + i, x + i * bytes + k * sizeof(float), sizeof(float));
  }
  for (; r < width; r++, x += bytes)
    for (size_t k = 0; k < d; k++) {
      out[k * width + r] = 0;
      if (r < n) memcpy(out + k * width + r, x + k * sizeof(float), sizeof(float));
    }
}

void sheaf_pack(const void *x, size_t n, size_t d, size_t width, float *out) {
  const char *row = x;
  for (; n > width; n -= width, row += width * d * sizeof(float), out += width * d)
    pack(row, width, d, width, out);
  if (n > 0) pack(row, n, d, width, out);
}

size_t sheaf_sift(int level, const float *panels, size_t n, size_t d, const float *group,
                  const float *weights, float alpha, const float *scale, const float *limit,
                  int used, sheaf_pair *out) {
  return kernels[level].sift(panels, n, d, group, weights, alpha, scale, limit, used, out);
}
