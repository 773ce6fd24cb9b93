// Linear layers in int8: what all instruction sets share, and the including of each.

enum { VNNI_ZERO = 128 };  // with VNNI, codes of x are unsigned: larger by so much

// panel is where the parts of a panel lie: for each row of weights its unit, its bias and where
// its sums start with VNNI; and the codes, 4 of each row, then the next 4.
typedef struct {
  int32_t *start;
  float *units, *bias;
  int8_t *codes;
} panel;

static panel panel_at(void *p) {
  int32_t *start = p;
  float *units = (float *)(start + BERT_PANEL), *bias = units + BERT_PANEL;
  return (panel){start, units, bias, (int8_t *)(bias + BERT_PANEL)};
}

size_t bert_panel_size(size_t k) { return BERT_PANEL * (3 * sizeof(float) + up(k, BERT_FILL)); }

const float *bert_units(const void *p) { return panel_at((void *)p).units; }

enum { ROWS_MOST = 12, CODE_MOST = sizeof(int16_t) };

size_t bert_scratch8(size_t m, size_t k) {
  return up(m, ROWS_MOST) * (sizeof(float) + CODE_MOST * up(k, BERT_FILL));
}

typedef struct {
  float value, inverse;
} unit;

// Below it, numbers count as zeros: the inverse of their unit might be infinite.
static const float least = 1e-30f;

static unit unit_of(float largest) {
  if (!(largest <= 3.40282347e38f)) return (unit){NAN, 0};
  if (largest < least) return (unit){0, 0};
  return (unit){largest / 127, 127 / largest};
}

// Keeps the compiler from fusing a product with what is added to it, which not every processor
// can: codes must be the same on all of them.
#ifdef __x86_64__
#define ROUNDED(v) __asm__("" : "+v"(v))
#elif defined __aarch64__
#define ROUNDED(v) __asm__("" : "+w"(v))
#else
#define ROUNDED(v) __asm__("" : "+m"(v))
#endif

enum { ROWS_GENERIC = 4 };

typedef int8_t bytes __attribute__((vector_size(8)));
typedef int16_t shorts __attribute__((vector_size(16)));
typedef int32_t ints __attribute__((vector_size(16)));

// Products of codes fit 16 bits. A vector of sums has two numbers for each of two columns, which
// are added at the end.
static inline void sums_generic(const int16_t *x, size_t ldx, panel p, int32_t (*sums)[BERT_PANEL]) {
  for (int j = 0; j < BERT_PANEL; j += 4) {
    const int8_t *w = p.codes + 4 * j;
    ints sum[ROWS_GENERIC][2] = {0};
    for (size_t k = 0; k < ldx; k += 4, w += 4 * BERT_PANEL) {
      shorts v[2];
      for (int h = 0; h < 2; h++) {
        bytes b;
        memcpy(&b, w + 8 * h, sizeof b);
        v[h] = __builtin_convertvector(b, shorts);
      }
      for (int i = 0; i < ROWS_GENERIC; i++) {
        int64_t four;
        memcpy(&four, x + i * ldx + k, sizeof four);
        const shorts q = (shorts)(__attribute__((vector_size(16))) int64_t){four, four};
        for (int h = 0; h < 2; h++) {
          const ints pairs = (ints)(v[h] * q);
          sum[i][h] += (pairs << 16 >> 16) + (pairs >> 16);
        }
      }
    }
    for (int i = 0; i < ROWS_GENERIC; i++)
      for (int c = 0; c < 4; c++) sums[i][j + c] = sum[i][c / 2][c % 2 * 2] + sum[i][c / 2][c % 2 * 2 + 1];
  }
}

#define LANES 4
#define ROWS ROWS_GENERIC
#define TARGET
#define NAME(f) f##_generic
#define FLOAT(f) f##_generic
#define CODE int16_t
#define ZERO 0
#include "int8_body.h"

#ifdef __x86_64__
#include "int8_x86.h"

#define LANES 8
#define ROWS ROWS_AVX2
#define TARGET TARGET_AVX2
#define NAME(f) f##_avx2
#define FLOAT(f) f##_avx2
#define CODE int16_t
#define ZERO 0
#include "int8_body.h"

#define LANES 16
#define ROWS ROWS_AVX512
#define TARGET TARGET_AVX512
#define NAME(f) f##_avx512
#define FLOAT(f) f##_avx512
#define CODE int16_t
#define ZERO 0
#include "int8_body.h"

#define LANES 16
#define ROWS ROWS_VNNI
#define TARGET TARGET_VNNI
#define NAME(f) f##_vnni
#define FLOAT(f) f##_avx512
#define CODE uint8_t
#define ZERO VNNI_ZERO
#include "int8_body.h"
#elif defined __aarch64__
#include "int8_neon.h"

#define LANES 4
#define ROWS ROWS_DOT
#define TARGET TARGET_DOT
#define NAME(f) f##_dot
#define FLOAT(f) f##_generic
#define CODE int8_t
#define ZERO 0
#include "int8_body.h"
#endif
