// What one instruction set compiles of the kernels besides NAME(sums). kernel.c includes this file
// once for each, with TARGET (function attribute) and NAME (function suffix) defined. The bounds
// hold for whatever rounding a compiler chooses: see bound.go.

// Multiplies n numbers, a power of two, by a normalized Hadamard matrix.
TARGET static inline void NAME(hadamard)(float *x, size_t n) {
  const int wide = n >= CODES_GROUP;
  if (wide) NAME(narrow)(x, n);
  for (size_t h = wide ? CODES_GROUP : 1; h < n; h *= 2)
    for (size_t i = 0; i < n; i += 2 * h)
#pragma GCC ivdep
      for (size_t j = i; j < i + h; j++) {
        const float a = x[j], b = x[j + h];
        x[j] = a + b;
        x[j + h] = a - b;
      }
  const float scale = 1 / sqrtf((float)n);
  for (size_t i = 0; i < n; i++) x[i] *= scale;
}

// Returns the largest of the magnitudes of d numbers: NaN where one is. As integers they have the
// same order, and NaN is the largest.
TARGET static inline float NAME(largest)(const float *x, size_t d) {
  int32_t most = 0;
  for (size_t i = 0; i < d; i++) {
    int32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7fffffff;
    most = bits > most ? bits : most;
  }
  float largest;
  memcpy(&largest, &most, sizeof largest);
  return largest;
}

// Writes the centred and rotated row to y and returns the largest magnitude before the rotation.
TARGET static inline float NAME(rotate)(const float *x, size_t d, const float *mean, const float *signs, float *y) {
  for (size_t i = 0; i < d; i++) y[i] = x[i] - mean[i];
  const float largest = NAME(largest)(y, d);
  size_t n = 1;
  while (2 * n <= d) n *= 2;
  for (int round = 0; round < 3; round++, signs += d) {
    for (size_t i = 0; i < d; i++) y[i] *= signs[i];
    NAME(hadamard)(round == 1 ? y + d - n : y, n);
  }
  return largest;
}

TARGET static inline float NAME(sum)(floats v) {
  float s = 0;
  for (int l = 0; l < CODES_GROUP; l++) s += v[l];
  return s;
}

// Rows that are shorter or longer have no codes; see bound.go.
#define SHORTEST 0x1p-40f
#define LONGEST 0x1p50f

typedef struct {
  float length, scale4, residual4, scale8, residual8, scale1, spread;
} NAME(head);

// Quantizes the d numbers at y, behind which zeros fill the last vector, to the bytes at codes.
TARGET static inline NAME(head) NAME(quantize)(const float *y, size_t d, uint8_t *codes) {
  const float inverse = 127.5f / NAME(largest)(y, d);
  const float ones[2 * CODES_GROUP] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
#define VALUES                                                                               \
  const floats x = *(const floats *)(y + i);                                                 \
  const floats used = *(const floats *)(ones + (d - i < CODES_GROUP ? CODES_GROUP - (d - i) : 0)); \
  const ints c = __builtin_convertvector(x * inverse + 128.0f, ints);                        \
  const floats v = (__builtin_convertvector(c, floats) - 127.5f) * used;                     \
  const floats w = (__builtin_convertvector(c >> 4, floats) - 7.5f) * used;
  floats xx = {0}, xv = {0}, vv = {0}, xw = {0}, ww = {0}, xs = {0};
  for (size_t i = 0; i < d; i += CODES_GROUP) {
    VALUES
    xx += x * x, xv += x * v, vv += v * v, xw += x * w, ww += w * w;
    xs += x * (__builtin_convertvector(c >> 7, floats) - 0.5f);
    *(bytes *)(codes + i) = __builtin_convertvector(c, bytes);
  }
  NAME(head) h = {
      .length = sqrtf(NAME(sum)(xx)),
      .scale8 = NAME(sum)(xv) / NAME(sum)(vv),
      .scale4 = NAME(sum)(xw) / NAME(sum)(ww),
  };
  floats r8 = {0}, r4 = {0};
  for (size_t i = 0; i < d; i += CODES_GROUP) {
    VALUES
    r8 += (x - h.scale8 * v) * (x - h.scale8 * v);
    r4 += (x - h.scale4 * w) * (x - h.scale4 * w);
  }
#undef VALUES
  const float grow = 1 + 2 * ((float)d + 8) * 0x1p-24f, least = 0x1p-17f * h.length;
  h.residual8 = sqrtf(NAME(sum)(r8)) * grow + least;
  h.residual4 = sqrtf(NAME(sum)(r4)) * grow + least;
  // The estimate of RaBitQ (Gao and Long, SIGMOD 2024) for a row y and its signs s, numbers of 1/2 and -1/2:
  // <y,p> is about scale1 <s,p>, and off by spread times the part of p across y in a direction at random.
  h.scale1 = h.length * h.length / NAME(sum)(xs);
  const float across = (float)d / 4 * h.scale1 * h.scale1 - h.length * h.length;
  h.spread = across > 0 ? sqrtf(across) : 0;
  return h;
}

// Where the 4 numbers of row r of a block begin whose first is number k, a multiple of 8.
TARGET static inline size_t NAME(place)(codes_planes block, size_t r, size_t k) {
  return ((r / CODES_GROUP * block.octets + k / CODES_OCTET) * CODES_GROUP + r % CODES_GROUP) * 4;
}

TARGET static void NAME(encode)(const float *x, size_t d, const float *mean, const float *signs,
                                float *work, codes_planes block, codes_rough rough, size_t r) {
  const size_t padded = block.octets * CODES_OCTET;
  float *y = work;
  uint8_t *codes = (uint8_t *)(work + padded + CODES_GROUP);
  memset(y + d, 0, (padded + CODES_GROUP - d) * sizeof *y);
  memset(codes, 0, (padded + CODES_GROUP) * sizeof *codes);
  const float largest = NAME(rotate)(x, d, mean, signs, y);
  NAME(head) h = {0};
  if (largest != 0) {
    const NAME(head) none = {.residual4 = INFINITY, .residual8 = INFINITY, .spread = INFINITY};
    h = none;
    if (largest >= SHORTEST && largest <= LONGEST) {
      h = NAME(quantize)(y, d, codes);
      if (!(h.length <= LONGEST)) h = none;
    }
  }
  block.length[r] = h.length;
  block.scale4[r] = h.scale4, block.residual4[r] = h.residual4;
  block.scale8[r] = h.scale8, block.residual8[r] = h.residual8;
  for (size_t k = 0; k < padded; k += CODES_OCTET) {
    const size_t at = NAME(place)(block, r, k);
    const uint32_t a = load4(codes + k), b = load4(codes + k + 4), nibbles = 0x0f0f0f0f;
    store4(block.high + at, (a >> 4 & nibbles) | (b & ~nibbles));
    store4(block.low + at, (a & nibbles) | (b & nibbles) << 4);
  }
  if (!rough.signs) return;
  rough.length[r] = h.length, rough.scale[r] = h.scale1, rough.spread[r] = h.spread;
  const size_t octets = block.octets + block.octets % 2;
  for (size_t o = 0; o < octets; o++) {
    uint64_t eight = 0;
    if (o < block.octets) memcpy(&eight, codes + o * CODES_OCTET, sizeof eight);
    // The multiplication moves bit 8j to bit 56 + j.
    rough.signs[(r / CODES_GROUP * octets + o) * CODES_GROUP + r % CODES_GROUP] =
        (uint8_t)((eight >> 7 & 0x0101010101010101) * 0x0102040810204080 >> 56);
  }
}

// Writes those rows of a group, from number row on, to hits whose lower bound is not above the
// limit, and returns how many they are.
TARGET static inline size_t NAME(pass)(ints sums, const float *length, const float *scale, const float *residual,
                                       const codes_query *q, int32_t row, int32_t query, codes_hit *hits) {
  const floats len = *(const floats *)length;
  const floats product = __builtin_convertvector(sums - q->offset + sums, floats) * *(const floats *)scale * q->factor;
  const floats low = q->base + len * (q->square * len - q->slack) - product - *(const floats *)residual * q->reach;
  uint32_t mask = NAME(passing)((const float *)&low, q->limit);
  size_t found = 0;
  for (; __builtin_expect(mask != 0, 0); mask &= mask - 1) {
    const int l = __builtin_ctz(mask);
    hits[found++] = (codes_hit){row + l, query, product[l]};
  }
  return found;
}

TARGET static size_t NAME(sift)(codes_planes b, size_t first, size_t end, int fine,
                                const int8_t *query, const codes_query *bound, codes_hit *hits) {
  const float *scale = fine ? b.scale8 : b.scale4, *residual = fine ? b.residual8 : b.residual4;
  size_t found = 0;
  for (size_t g = first; g < end; g++) {
    const size_t row = g * CODES_GROUP, at = row * 4 * b.octets;
    ints sums, low;
    NAME(sums)(b.high + at, b.octets, query, (int32_t *)&sums);
    if (fine) {
      NAME(sums)(b.low + at, b.octets, query, (int32_t *)&low);
      sums = 16 * sums + low;
    }
    found += NAME(pass)(sums, b.length + row, scale + row, residual + row, bound, (int32_t)row, 0, hits + found);
  }
  return found;
}

TARGET static size_t NAME(sift_signs)(codes_rough b, size_t octets, size_t first, size_t end,
                                      const uint8_t *table, const codes_query *bound, codes_hit *hits) {
  const size_t pairs = (octets + 1) / 2;
  size_t found = 0;
  for (size_t g = first; g < end; g++) {
    const size_t row = g * CODES_GROUP;
    ints sums;
    NAME(signs)(b.signs + row * 2 * pairs, pairs, table, (int32_t *)&sums);
    found += NAME(pass)(sums, b.length + row, b.scale + row, b.spread + row, bound, (int32_t)row, 0, hits + found);
  }
  return found;
}
