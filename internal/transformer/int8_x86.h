// The tiles of int8 for AVX2, AVX-512 and AVX-512 with VNNI.

#include <immintrin.h>

#define TARGET_AVX2 __attribute__((target("avx2,fma")))
#define TARGET_AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")))
#define TARGET_VNNI __attribute__((target("avx512vnni,avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")))

enum { ROWS_AVX2 = 4, ROWS_AVX512 = 12, ROWS_VNNI = 12 };

// AVX2 and AVX-512 have products of bytes that saturate, so codes are widened to 16 bits here:
// a sum of two of their products always fits 32 bits. A vector of sums then has two numbers for
// each column, which are added at the end.
TARGET_AVX2 static inline void sums_avx2(const int16_t *x, size_t ldx, panel p, int32_t (*sums)[BERT_PANEL]) {
  for (int j = 0; j < BERT_PANEL; j += 8) {
    const int8_t *w = p.codes + 4 * j;
    __m256i a[ROWS_AVX2], b[ROWS_AVX2];
    for (int i = 0; i < ROWS_AVX2; i++) a[i] = b[i] = _mm256_setzero_si256();
    for (size_t k = 0; k < ldx; k += 4, w += 4 * BERT_PANEL) {
      const __m256i v = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w));
      const __m256i u = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w + 1));
#pragma GCC unroll 4
      for (int i = 0; i < ROWS_AVX2; i++) {
        int64_t four;
        memcpy(&four, x + i * ldx + k, sizeof four);
        const __m256i q = _mm256_set1_epi64x(four);
        a[i] = _mm256_add_epi32(a[i], _mm256_madd_epi16(v, q));
        b[i] = _mm256_add_epi32(b[i], _mm256_madd_epi16(u, q));
      }
    }
    for (int i = 0; i < ROWS_AVX2; i++) {
      const __m256i mixed = _mm256_hadd_epi32(a[i], b[i]);  // columns 0 1 4 5 2 3 6 7
      _mm256_storeu_si256((__m256i *)(sums[i] + j), _mm256_permute4x64_epi64(mixed, 0xd8));
    }
  }
}

TARGET_AVX512 static inline void sums_avx512(const int16_t *x, size_t ldx, panel p, int32_t (*sums)[BERT_PANEL]) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  for (int j = 0; j < BERT_PANEL; j += 16) {
    const int8_t *w = p.codes + 4 * j;
    __m512i a[ROWS_AVX512], b[ROWS_AVX512];
    for (int i = 0; i < ROWS_AVX512; i++) a[i] = b[i] = _mm512_setzero_si512();
    for (size_t k = 0; k < ldx; k += 4, w += 4 * BERT_PANEL) {
      const __m512i v = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)w));
      const __m512i u = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)w + 1));
#pragma GCC unroll 12
      for (int i = 0; i < ROWS_AVX512; i++) {
        int64_t four;
        memcpy(&four, x + i * ldx + k, sizeof four);
        const __m512i q = _mm512_set1_epi64(four);
        a[i] = _mm512_add_epi32(a[i], _mm512_madd_epi16(v, q));
        b[i] = _mm512_add_epi32(b[i], _mm512_madd_epi16(u, q));
      }
    }
    for (int i = 0; i < ROWS_AVX512; i++)
      _mm512_storeu_si512(sums[i] + j, _mm512_add_epi32(_mm512_permutex2var_epi32(a[i], even, b[i]),
                                                        _mm512_permutex2var_epi32(a[i], odd, b[i])));
  }
}

// GCC 12 moves the sums of _mm512_dpbusd_epi32 to another register and back each time, which
// takes twice as long.
#define DPBUSD(sum, codes, weights) __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(codes), "v"(weights))

// The codes of x are VNNI_ZERO too large, which p.start makes up for. The sums have names, so that
// they stay in registers.
TARGET_VNNI static inline void sums_vnni(const uint8_t *x, size_t ldx, panel p, int32_t (*sums)[BERT_PANEL]) {
  const __m512i s = _mm512_loadu_si512(p.start), t = _mm512_loadu_si512(p.start + 16);
  const int8_t *w = p.codes;
#define ALL(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11)
#define START(i) __m512i a##i = s, b##i = t;
#define STEP(i)                                       \
  {                                                   \
    int32_t four;                                     \
    memcpy(&four, x + i * ldx + k, sizeof four);      \
    const __m512i q = _mm512_set1_epi32(four);        \
    DPBUSD(a##i, q, v);                               \
    DPBUSD(b##i, q, u);                               \
  }
#define STORE(i) _mm512_storeu_si512(sums[i], a##i), _mm512_storeu_si512(sums[i] + 16, b##i);
  ALL(START)
  for (size_t k = 0; k < ldx; k += 4, w += 4 * BERT_PANEL) {
    const __m512i v = _mm512_loadu_si512(w), u = _mm512_loadu_si512(w + 64);
    ALL(STEP)
  }
  ALL(STORE)
#undef ALL
#undef START
#undef STEP
#undef STORE
}
