// The sums of products for NEON, and for NEON with the products of bytes.

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

// The two sums of a byte are at most 248, as each of 4 numbers of at most 31 is.
static inline void signs_generic(const uint8_t *plane, size_t pairs, const uint8_t *table, int32_t *sums) {
  uint16x8_t sum[2] = {0};
  for (size_t p = 0; p < pairs; p++, table += 64)
    for (int o = 0; o < 2; o++, plane += 16) {
      const uint8x16_t v = vld1q_u8(plane);
      const uint8x16_t low = vqtbl1q_u8(vld1q_u8(table + 16 * o), vandq_u8(v, vdupq_n_u8(15)));
      const uint8x16_t both = vaddq_u8(low, vqtbl1q_u8(vld1q_u8(table + 32 + 16 * o), vshrq_n_u8(v, 4)));
      sum[0] = vaddw_u8(sum[0], vget_low_u8(both));
      sum[1] = vaddw_high_u8(sum[1], both);
    }
  for (int i = 0; i < 2; i++) {
    vst1q_s32(sums + 8 * i, vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(sum[i]))));
    vst1q_s32(sums + 8 * i + 4, vreinterpretq_s32_u32(vmovl_high_u16(sum[i])));
  }
}

#ifdef __ARM_FEATURE_DOTPROD
#define TARGET_DOT
#else
#define TARGET_DOT __attribute__((target("arch=armv8.2-a+dotprod")))
#endif

#define narrow_dot narrow_generic
#define passing_dot passing_generic
#define signs_dot signs_generic

TARGET_DOT static inline void sums_dot(const uint8_t *plane, size_t octets, const int8_t *query, int32_t *sums) {
  int32x4_t sum[4][2] = {0};
  for (size_t o = 0; o < octets; o++, query += CODES_OCTET) {
    const int8x16_t p = four(query), q = four(query + 4);
    for (int i = 0; i < 4; i++, plane += 16) {
      const uint8x16_t v = vld1q_u8(plane);
      sum[i][0] = vdotq_s32(sum[i][0], vreinterpretq_s8_u8(vandq_u8(v, vdupq_n_u8(15))), p);
      sum[i][1] = vdotq_s32(sum[i][1], vreinterpretq_s8_u8(vshrq_n_u8(v, 4)), q);
    }
  }
  for (int i = 0; i < 4; i++) vst1q_s32(sums + 4 * i, vaddq_s32(sum[i][0], sum[i][1]));
}

// Writes the sums of a group of rows, each of quads times 4 numbers less 128, which a signed byte
// holds, with a tile of queries.
TARGET_DOT static inline void tile_dot(const uint8_t *x, size_t quads, const int8_t *queries, int32_t *sums) {
  int32x4_t sum[CODES_TILE][4] = {0};
  for (size_t k = 0; k < quads; k++, queries += 4 * CODES_TILE) {
    const int8x16_t q = vld1q_s8(queries), r = vcombine_s8(vld1_s8(queries + 16), vdup_n_s8(0));
    for (int i = 0; i < 4; i++, x += 16) {
      const int8x16_t v = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(x), vdupq_n_u8(128)));
      sum[0][i] = vdotq_laneq_s32(sum[0][i], v, q, 0);
      sum[1][i] = vdotq_laneq_s32(sum[1][i], v, q, 1);
      sum[2][i] = vdotq_laneq_s32(sum[2][i], v, q, 2);
      sum[3][i] = vdotq_laneq_s32(sum[3][i], v, q, 3);
      sum[4][i] = vdotq_laneq_s32(sum[4][i], v, r, 0);
      sum[5][i] = vdotq_laneq_s32(sum[5][i], v, r, 1);
    }
  }
  for (int j = 0; j < CODES_TILE; j++)
    for (int i = 0; i < 4; i++, sums += 4) vst1q_s32(sums, sum[j][i]);
}
