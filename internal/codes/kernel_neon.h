// The sums of products for NEON.

#include <arm_neon.h>

// A product is at most 15 * 127, so 16 of them fit 16 bits: those of eight octets.
enum { OCTETS_IN_16_BITS = 8 };

static inline int8x16_t four(const int8_t *query) {
  int32_t q;
  memcpy(&q, query, sizeof q);
  return vreinterpretq_s8_s32(vdupq_n_s32(q));
}

static inline void sums_generic(const uint8_t *plane, size_t octets, const int8_t *query, int32_t *sums) {
  int32x4_t sum[4][2] = {0};
  for (size_t o = 0; o < octets;) {
    int16x8_t part[4][2] = {0};
    const size_t end = octets - o < OCTETS_IN_16_BITS ? octets : o + OCTETS_IN_16_BITS;
    for (; o < end; o++, query += CODES_OCTET) {
      const int8x16_t p = four(query), q = four(query + 4);
      for (int i = 0; i < 4; i++, plane += 16) {
        const uint8x16_t v = vld1q_u8(plane);
        const int8x16_t a = vreinterpretq_s8_u8(vandq_u8(v, vdupq_n_u8(15))), b = vreinterpretq_s8_u8(vshrq_n_u8(v, 4));
        part[i][0] = vmlal_s8(vmlal_s8(part[i][0], vget_low_s8(a), vget_low_s8(p)), vget_low_s8(b), vget_low_s8(q));
        part[i][1] = vmlal_high_s8(vmlal_high_s8(part[i][1], a, p), b, q);
      }
    }
    for (int i = 0; i < 4; i++)
      for (int h = 0; h < 2; h++) sum[i][h] = vpadalq_s16(sum[i][h], part[i][h]);
  }
  for (int i = 0; i < 4; i++) vst1q_s32(sums + 4 * i, vpaddq_s32(sum[i][0], sum[i][1]));
}
