// The kernels that make codes and compare queries with them, compiled for every instruction set;
// the caller chooses one. Only the sums of products of integers are written for each by hand. They
// are exact, and so the same for all.

#include "kernel.h"

#include <math.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "sheaf reads the little-endian numbers of a file in place"
#endif

// The vectors of all instruction sets have a lane for each row of a group. GCC and Clang divide
// them where registers are shorter. Rows lie at any alignment of 4.
typedef float floats __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint8_t bytes __attribute__((vector_size(16), aligned(1), may_alias));

static inline uint32_t load4(const uint8_t *from) {
  uint32_t four;
  memcpy(&four, from, sizeof four);
  return four;
}

static inline void store4(uint8_t *to, uint32_t four) { memcpy(to, &four, sizeof four); }

// narrow_LEVEL does the steps of the Hadamard transform that stay within CODES_GROUP numbers.
static inline void narrow_generic(float *x, size_t n) {
  for (size_t h = 1; h < CODES_GROUP; h *= 2)
    for (size_t i = 0; i < n; i += 2 * h)
      for (size_t j = i; j < i + h; j++) {
        const float a = x[j], b = x[j + h];
        x[j] = a + b;
        x[j + h] = a - b;
      }
}

// passing_LEVEL returns a bit for each number of a group that is not above the limit, as NaN is not.
// Compilers compare long vectors number by number.
static inline uint32_t passing_generic(const float *lows, float limit) {
  uint32_t mask = 0;
  for (int l = 0; l < CODES_GROUP; l++) mask |= (uint32_t)!(lows[l] > limit) << l;
  return mask;
}

// sums_LEVEL writes for each row of the group at plane the sum of nibble * query over octets *
// CODES_OCTET numbers.
// signs_LEVEL writes for each row of the group at plane the sum of what table has for its signs: see codes_sift_signs.
#ifdef __aarch64__
#include "kernel_neon.h"
#else
static inline void signs_generic(const uint8_t *plane, size_t pairs, const uint8_t *table, int32_t *sums) {
  memset(sums, 0, CODES_GROUP * sizeof *sums);
  for (size_t p = 0; p < pairs; p++, table += 64)
    for (int o = 0; o < 2; o++, plane += CODES_GROUP)
      for (int r = 0; r < CODES_GROUP; r++) sums[r] += table[16 * o + (plane[r] & 15)] + table[32 + 16 * o + (plane[r] >> 4)];
}

static inline void sums_generic(const uint8_t *plane, size_t octets, const int8_t *query, int32_t *sums) {
  memset(sums, 0, CODES_GROUP * sizeof *sums);
  for (size_t o = 0; o < octets; o++, plane += 4 * CODES_GROUP, query += CODES_OCTET)
    for (int r = 0; r < CODES_GROUP; r++)
      for (int j = 0; j < 4; j++)
        sums[r] += (plane[4 * r + j] & 15) * query[j] + (plane[4 * r + j] >> 4) * query[4 + j];
}
#endif

#define TARGET
#define NAME(f) f##_generic
#include "kernel_body.h"
#undef TARGET
#undef NAME

#ifdef __x86_64__
#include "kernel_x86.h"

#define TARGET TARGET_AVX2
#define NAME(f) f##_avx2
#include "kernel_body.h"
#undef TARGET
#undef NAME

#define TARGET TARGET_AVX512
#define NAME(f) f##_avx512
#include "kernel_body.h"
#undef TARGET
#undef NAME

#define TARGET TARGET_VNNI
#define NAME(f) f##_vnni
#include "kernel_body.h"
#undef TARGET
#undef NAME

TARGET_VNNI static size_t sift_tile_vnni(codes_planes b, const uint8_t *bytes, size_t first, size_t end,
                                         const int8_t *queries, const codes_query *bounds, int used, codes_hit *hits) {
  const size_t width = b.octets * CODES_OCTET * CODES_GROUP;
  size_t found = 0;
  for (size_t g = first; g < end; g += 2) {
    const int groups = end - g < 2 ? 1 : 2;  // the last one may be alone
    const uint8_t *x = bytes + g * width;
    __m512i sums[CODES_TILE][2];
    tile_vnni(x, groups == 2 ? x + width : x, 2 * b.octets, queries, sums);
    for (int h = 0; h < groups; h++)
      for (int j = 0; j < used; j++) {
        const size_t row = (g + h) * CODES_GROUP;
        found += pass_vnni((ints)sums[j][h], b.length + row, b.scale8 + row, b.residual8 + row, bounds + j, (int32_t)row, j, hits + found);
      }
  }
  return found;
}

TARGET_AVX2 static size_t sift_tile_avx2(codes_planes b, const uint8_t *bytes, size_t first, size_t end,
                                         const int8_t *queries, const codes_query *bounds, int used, codes_hit *hits) {
  size_t found = 0;
  for (size_t g = first; g < end; g++) {
    const size_t row = g * CODES_GROUP;
    ints sums[CODES_TILE];
    for (int i = 0; i < CODES_GROUP; i += 4)
      tile_avx2(bytes + row * b.octets * CODES_OCTET + 4 * i, 2 * b.octets, queries, (int32_t *)sums + i);
    for (int j = 0; j < used; j++)
      found += pass_avx2(sums[j], b.length + row, b.scale8 + row, b.residual8 + row, bounds + j, (int32_t)row, j, hits + found);
  }
  return found;
}
#endif

#ifdef __aarch64__
#define TARGET TARGET_DOT
#define NAME(f) f##_dot
#include "kernel_body.h"
#undef TARGET
#undef NAME

TARGET_DOT static size_t sift_tile_dot(codes_planes b, const uint8_t *bytes, size_t first, size_t end,
                                       const int8_t *queries, const codes_query *bounds, int used, codes_hit *hits) {
  size_t found = 0;
  for (size_t g = first; g < end; g++) {
    const size_t row = g * CODES_GROUP;
    ints sums[CODES_TILE];
    tile_dot(bytes + row * b.octets * CODES_OCTET, 2 * b.octets, queries, (int32_t *)sums);
    for (int j = 0; j < used; j++) {
      sums[j] += bounds[j].offset / 255 * 128;  // which tile_dot leaves out
      found += pass_dot(sums[j], b.length + row, b.scale8 + row, b.residual8 + row, bounds + j, (int32_t)row, j, hits + found);
    }
  }
  return found;
}
#endif

static const struct {
  void (*encode)(const float *, size_t, const float *, const float *, float *, codes_planes, codes_rough, size_t);
  size_t (*sift)(codes_planes, size_t, size_t, int, const int8_t *, const codes_query *, codes_hit *);
  size_t (*sift_signs)(codes_rough, size_t, size_t, size_t, const uint8_t *, const codes_query *, codes_hit *);
  size_t (*sift_tile)(codes_planes, const uint8_t *, size_t, size_t, const int8_t *, const codes_query *, int, codes_hit *);
  int query_bytes;
} kernels[] = {
    [CODES_GENERIC] = {encode_generic, sift_generic, sift_signs_generic, NULL, 0},
#ifdef __x86_64__
    [CODES_AVX2] = {encode_avx2, sift_avx2, sift_signs_avx2, sift_tile_avx2, 2},
    [CODES_AVX512] = {encode_avx512, sift_avx512, sift_signs_avx512, sift_tile_avx2, 2},
    [CODES_VNNI] = {encode_vnni, sift_vnni, sift_signs_vnni, sift_tile_vnni, 1},
#endif
#ifdef __aarch64__
    [CODES_DOT] = {encode_dot, sift_dot, sift_signs_dot, sift_tile_dot, 1},
#endif
};

void codes_encode(int level, const float *x, size_t d, const float *mean, const float *signs,
                  float *work, codes_planes block, codes_rough rough) {
  for (size_t r = 0; r < block.rows; r++) kernels[level].encode(x + r * d, d, mean, signs, work, block, rough, r);
}

size_t codes_sift(int level, codes_planes block, size_t first, size_t end, int fine,
                  const int8_t *query, const codes_query *bound, codes_hit *hits) {
  return kernels[level].sift(block, first, end, fine, query, bound, hits);
}

size_t codes_sift_signs(int level, codes_rough rough, size_t octets, size_t first, size_t end,
                        const uint8_t *table, const codes_query *bound, codes_hit *hits) {
  return kernels[level].sift_signs(rough, octets, first, end, table, bound, hits);
}

void codes_unpack(codes_planes block, uint8_t *bytes) {
  const size_t width = 4 * CODES_GROUP;
  const uint8_t *high = block.high, *low = block.low;
  for (size_t o = 0; o < block.rows / CODES_GROUP * block.octets; o++, high += width, low += width, bytes += 2 * width)
    for (size_t i = 0; i < width; i++) {
      bytes[i] = (uint8_t)(high[i] << 4 | (low[i] & 15));
      bytes[width + i] = (uint8_t)((high[i] & 0xf0) | low[i] >> 4);
    }
}

int codes_query_bytes(int level) { return kernels[level].query_bytes; }

size_t codes_sift_tile(int level, codes_planes block, const uint8_t *bytes, size_t first, size_t end,
                       const int8_t *queries, const codes_query *bounds, int used, codes_hit *hits) {
  return kernels[level].sift_tile(block, bytes, first, end, queries, bounds, used, hits);
}
