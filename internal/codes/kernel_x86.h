// The sums of products for AVX2, AVX-512 and AVX-512 with VNNI.

#include <immintrin.h>

#define TARGET_AVX2 __attribute__((target("avx2,fma")))
#define TARGET_AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")))
#define TARGET_VNNI __attribute__((target("avx512vnni,avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")))

// The sums and differences of neighbours by 1, 2 and 4 are those of a vector, which a shuffle
// exchanges, with itself or its negative.
TARGET_AVX2 static inline __m256 narrow8(__m256 v) {
  v = _mm256_fmadd_ps(v, _mm256_setr_ps(1, -1, 1, -1, 1, -1, 1, -1), _mm256_permute_ps(v, 0xb1));
  v = _mm256_fmadd_ps(v, _mm256_setr_ps(1, 1, -1, -1, 1, 1, -1, -1), _mm256_permute_ps(v, 0x4e));
  return _mm256_fmadd_ps(v, _mm256_setr_ps(1, 1, 1, 1, -1, -1, -1, -1), _mm256_permute2f128_ps(v, v, 1));
}

TARGET_AVX2 static inline void narrow_avx2(float *x, size_t n) {
  for (size_t i = 0; i < n; i += CODES_GROUP) {
    const __m256 a = narrow8(_mm256_loadu_ps(x + i)), b = narrow8(_mm256_loadu_ps(x + i + 8));
    _mm256_storeu_ps(x + i, _mm256_add_ps(a, b));
    _mm256_storeu_ps(x + i + 8, _mm256_sub_ps(a, b));
  }
}

#define narrow_avx512 narrow_avx2
#define narrow_vnni narrow_avx2

TARGET_AVX2 static inline uint32_t passing_avx2(const float *lows, float limit) {
  const __m256 most = _mm256_set1_ps(limit);
  const int a = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(lows), most, _CMP_NGT_UQ));
  const int b = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(lows + 8), most, _CMP_NGT_UQ));
  return (uint32_t)(a | b << 8);
}

TARGET_AVX512 static inline uint32_t passing_avx512(const float *lows, float limit) {
  return _mm512_cmp_ps_mask(_mm512_loadu_ps(lows), _mm512_set1_ps(limit), _CMP_NGT_UQ);
}

#define passing_vnni passing_avx512

// A nibble is at most 15 and a number of a query at most 127, so a sum of two products is at most
// 3,810 and eight of these fit 16 bits: those of four octets.
enum { OCTETS_IN_16_BITS = 4 };

static inline int32_t four(const int8_t *query) {
  int32_t q;
  memcpy(&q, query, sizeof q);
  return q;
}

static inline int64_t load8(const int8_t *from) {
  int64_t eight;
  memcpy(&eight, from, sizeof eight);
  return eight;
}

TARGET_AVX2 static inline void sums_avx2(const uint8_t *plane, size_t octets, const int8_t *query, int32_t *sums) {
  const __m256i nibble = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
  __m256i sum[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  for (size_t o = 0; o < octets;) {
    __m256i part[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    const size_t end = octets - o < OCTETS_IN_16_BITS ? octets : o + OCTETS_IN_16_BITS;
    for (; o < end; o++, query += CODES_OCTET)
      for (int h = 0; h < 2; h++, plane += 32) {
        const __m256i v = _mm256_loadu_si256((const __m256i *)plane);
        const __m256i a = _mm256_maddubs_epi16(_mm256_and_si256(v, nibble), _mm256_set1_epi32(four(query)));
        const __m256i b = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(v, 4), nibble), _mm256_set1_epi32(four(query + 4)));
        part[h] = _mm256_add_epi16(part[h], _mm256_add_epi16(a, b));
      }
    for (int h = 0; h < 2; h++) sum[h] = _mm256_add_epi32(sum[h], _mm256_madd_epi16(part[h], ones));
  }
  memcpy(sums, sum, sizeof sum);
}

// The two sums of a byte are at most 248, as each of 4 numbers of at most 31 is.
TARGET_AVX2 static inline void signs_avx2(const uint8_t *plane, size_t pairs, const uint8_t *table, int32_t *sums) {
  const __m256i nibble = _mm256_set1_epi8(15), byte = _mm256_set1_epi16(255);
  __m256i even = _mm256_setzero_si256(), odd = even;  // rows, of both octets
  for (size_t p = 0; p < pairs; p++, plane += 32, table += 64) {
    const __m256i v = _mm256_loadu_si256((const __m256i *)plane);
    const __m256i low = _mm256_shuffle_epi8(_mm256_loadu_si256((const __m256i *)table), _mm256_and_si256(v, nibble));
    const __m256i high = _mm256_shuffle_epi8(_mm256_loadu_si256((const __m256i *)(table + 32)), _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble));
    const __m256i both = _mm256_add_epi8(low, high);
    even = _mm256_add_epi16(even, _mm256_and_si256(both, byte));
    odd = _mm256_add_epi16(odd, _mm256_srli_epi16(both, 8));
  }
  const __m128i a = _mm_add_epi16(_mm256_castsi256_si128(even), _mm256_extracti128_si256(even, 1));
  const __m128i b = _mm_add_epi16(_mm256_castsi256_si128(odd), _mm256_extracti128_si256(odd, 1));
  _mm256_storeu_si256((__m256i *)sums, _mm256_cvtepu16_epi32(_mm_unpacklo_epi16(a, b)));
  _mm256_storeu_si256((__m256i *)(sums + 8), _mm256_cvtepu16_epi32(_mm_unpackhi_epi16(a, b)));
}

#define signs_avx512 signs_avx2
#define signs_vnni signs_avx2

TARGET_AVX512 static inline void sums_avx512(const uint8_t *plane, size_t octets, const int8_t *query, int32_t *sums) {
  const __m512i nibble = _mm512_set1_epi8(15), ones = _mm512_set1_epi16(1);
  __m512i sum = _mm512_setzero_si512();
  for (size_t o = 0; o < octets;) {
    __m512i part = _mm512_setzero_si512();
    const size_t end = octets - o < OCTETS_IN_16_BITS ? octets : o + OCTETS_IN_16_BITS;
    for (; o < end; o++, query += CODES_OCTET, plane += 64) {
      const __m512i v = _mm512_loadu_si512(plane);
      const __m512i a = _mm512_maddubs_epi16(_mm512_and_si512(v, nibble), _mm512_set1_epi32(four(query)));
      const __m512i b = _mm512_maddubs_epi16(_mm512_and_si512(_mm512_srli_epi16(v, 4), nibble), _mm512_set1_epi32(four(query + 4)));
      part = _mm512_add_epi16(part, _mm512_add_epi16(a, b));
    }
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(part, ones));
  }
  _mm512_storeu_si512(sums, sum);
}

// GCC 12 moves the sums of _mm512_dpbusd_epi32 to another register and back each time, which
// takes twice as long.
#define DPBUSD(sum, codes, query) __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(codes), "v"(query))

TARGET_VNNI static inline void sums_vnni(const uint8_t *plane, size_t octets, const int8_t *query, int32_t *sums) {
  const __m512i nibble = _mm512_set1_epi8(15);
  __m512i a = _mm512_setzero_si512(), b = a;
  for (size_t o = 0; o < octets; o++, query += CODES_OCTET, plane += 64) {
    const __m512i v = _mm512_loadu_si512(plane);
    DPBUSD(a, _mm512_and_si512(v, nibble), _mm512_set1_epi32(four(query)));
    DPBUSD(b, _mm512_and_si512(_mm512_srli_epi16(v, 4), nibble), _mm512_set1_epi32(four(query + 4)));
  }
  _mm512_storeu_si512(sums, _mm512_add_epi32(a, b));
}

// Writes the sums of two groups of rows, each of quads times 4 numbers a row, with a tile of
// queries. The sums have names, so that they stay in registers.
TARGET_VNNI static inline void tile_vnni(const uint8_t *x, const uint8_t *y, size_t quads, const int8_t *queries,
                                         __m512i sums[CODES_TILE][2]) {
  const __m512i zero = _mm512_setzero_si512();
  __m512i x0 = zero, x1 = zero, x2 = zero, x3 = zero, x4 = zero, x5 = zero;
  __m512i y0 = zero, y1 = zero, y2 = zero, y3 = zero, y4 = zero, y5 = zero;
#define STEP(j)                                                  \
  {                                                              \
    const __m512i q = _mm512_set1_epi32(four(queries + 4 * j)); \
    DPBUSD(x##j, v, q);                                          \
    DPBUSD(y##j, w, q);                                          \
  }
  for (size_t k = 0; k < quads; k++, x += 64, y += 64, queries += 4 * CODES_TILE) {
    const __m512i v = _mm512_loadu_si512(x), w = _mm512_loadu_si512(y);
    STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5)
  }
#undef STEP
  sums[0][0] = x0, sums[1][0] = x1, sums[2][0] = x2, sums[3][0] = x3, sums[4][0] = x4, sums[5][0] = x5;
  sums[0][1] = y0, sums[1][1] = y1, sums[2][1] = y2, sums[3][1] = y3, sums[4][1] = y4, sums[5][1] = y5;
}

// Writes the sums of four rows of a group, each of quads times 4 numbers, with a tile of queries,
// whose numbers have 16 bits. The sums of a query are CODES_GROUP apart.
TARGET_AVX2 static inline void tile_avx2(const uint8_t *x, size_t quads, const int8_t *queries, int32_t *sums) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i a0 = zero, a1 = zero, a2 = zero, a3 = zero, a4 = zero, a5 = zero;  // two sums for each row
#define STEP(j) a##j = _mm256_add_epi32(a##j, _mm256_madd_epi16(v, _mm256_set1_epi64x(load8(queries + 8 * j))));
  for (size_t k = 0; k < quads; k++, x += 4 * CODES_GROUP, queries += 8 * CODES_TILE) {
    const __m256i v = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)x));
    STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5)
  }
#undef STEP
#define ROWS(j) \
  _mm_storeu_si128((__m128i *)(sums + j * CODES_GROUP), _mm256_castsi256_si128(_mm256_permute4x64_epi64(_mm256_hadd_epi32(a##j, zero), 8)));
  ROWS(0) ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5)
#undef ROWS
}
