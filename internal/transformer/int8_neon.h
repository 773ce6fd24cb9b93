// The tile of int8 for NEON with the dot product of bytes.

#include <arm_neon.h>

#define TARGET_DOT __attribute__((target("arch=armv8.2-a+dotprod")))

enum { ROWS_DOT = 6 };

TARGET_DOT static inline void sums_dot(const int8_t *x, size_t ldx, panel p, int32_t (*sums)[BERT_PANEL]) {
  for (int j = 0; j < BERT_PANEL; j += 16) {
    const int8_t *w = p.codes + 4 * j;
    int32x4_t sum[ROWS_DOT][4] = {0};
    for (size_t k = 0; k < ldx; k += 4, w += 4 * BERT_PANEL)
      for (int i = 0; i < ROWS_DOT; i++) {
        int32_t four;
        memcpy(&four, x + i * ldx + k, sizeof four);
        const int8x16_t q = vreinterpretq_s8_s32(vdupq_n_s32(four));
        for (int h = 0; h < 4; h++) sum[i][h] = vdotq_s32(sum[i][h], vld1q_s8(w + 16 * h), q);
      }
    for (int i = 0; i < ROWS_DOT; i++)
      for (int h = 0; h < 4; h++) vst1q_s32(sums[i] + j + 4 * h, sum[i][h]);
  }
}
