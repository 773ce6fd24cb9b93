// One instruction set's kernels. kernel.c includes this file once for each, with LANES
// (floats in a vector), TARGET (function attribute) and NAME (function suffix) defined.
//
// Every score comes from NAME(l2) or NAME(ip), which are never inlined: the same row and
// query give the same bits wherever the row lies and however many rows and queries share
// the call. Vectors have alignment 1, as rows have in an IndexFlat file.

typedef float NAME(vec) __attribute__((vector_size(LANES * 4), aligned(1), may_alias));
typedef int32_t NAME(mask) __attribute__((vector_size(LANES * 4)));

TARGET static inline NAME(vec) NAME(load)(const char *p) {
  return *(const NAME(vec) *)p;
}

// The last floats of a row, fewer than a vector holds, with zeros behind them.
TARGET static inline NAME(vec) NAME(tail)(const char *p, size_t bytes) {
  NAME(vec) v = {0};
  memcpy(&v, p, bytes);
  return v;
}

TARGET static inline NAME(vec) NAME(step)(int metric, NAME(vec) acc, NAME(vec) x, NAME(vec) q) {
  if (metric == SHEAF_IP) return acc + x * q;
  return acc + (x - q) * (x - q);
}

// Adds the two halves until one float is left, as vectors of 4 floats, which compilers keep
// in registers.
TARGET static inline float NAME(sum)(NAME(vec) v) {
  quad s[LANES / 4];
  memcpy(s, &v, sizeof s);
  for (int w = LANES / 8; w > 0; w /= 2)
    for (int i = 0; i < w; i++) s[i] += s[i + w];
  return (s[0][0] + s[0][2]) + (s[0][1] + s[0][3]);
}

// Four running sums hide the latency of the additions.
TARGET static inline __attribute__((always_inline)) float NAME(score)(
    int metric, const char *x, const char *q, size_t bytes) {
  const size_t w = LANES * sizeof(float);
  NAME(vec) a = {0}, b = {0}, c = {0}, e = {0};
  for (; bytes >= 4 * w; bytes -= 4 * w, x += 4 * w, q += 4 * w) {
    a = NAME(step)(metric, a, NAME(load)(x), NAME(load)(q));
    b = NAME(step)(metric, b, NAME(load)(x + w), NAME(load)(q + w));
    c = NAME(step)(metric, c, NAME(load)(x + 2 * w), NAME(load)(q + 2 * w));
    e = NAME(step)(metric, e, NAME(load)(x + 3 * w), NAME(load)(q + 3 * w));
  }
  for (; bytes >= w; bytes -= w, x += w, q += w)
    a = NAME(step)(metric, a, NAME(load)(x), NAME(load)(q));
  if (bytes > 0) b = NAME(step)(metric, b, NAME(tail)(x, bytes), NAME(tail)(q, bytes));
  return NAME(sum)((a + b) + (c + e));
}

TARGET static __attribute__((noinline)) float NAME(l2)(const char *x, const char *q, size_t bytes) {
  return NAME(score)(SHEAF_L2, x, q, bytes);
}

TARGET static __attribute__((noinline)) float NAME(ip)(const char *x, const char *q, size_t bytes) {
  return NAME(score)(SHEAF_IP, x, q, bytes);
}

// The lower bounds of the keys of a panel for a group of queries, both packed by sheaf_pack. The sums stay in registers: QUERIES and the two vectors of a
// panel are chosen so that they fit.
TARGET static inline __attribute__((always_inline)) void NAME(bounds)(
    const float *panel, const float *queries, size_t d, const float *weights, float alpha,
    const float *scale, NAME(vec) out[QUERIES][2]) {
  NAME(vec) sum[QUERIES][2] = {{{0}}};
  for (size_t k = 0; k < d; k++, panel += 2 * LANES, queries += QUERIES) {
    const NAME(vec) x = NAME(load)((const char *)panel), y = NAME(load)((const char *)(panel + LANES));
#pragma GCC unroll 16
    for (int j = 0; j < QUERIES; j++) {
      sum[j][0] += x * queries[j];
      sum[j][1] += y * queries[j];
    }
  }
  const NAME(vec) v = NAME(load)((const char *)weights), w = NAME(load)((const char *)(weights + LANES));
#pragma GCC unroll 16
  for (int j = 0; j < QUERIES; j++) {
    out[j][0] = sum[j][0] * alpha + v * scale[j];
    out[j][1] = sum[j][1] * alpha + w * scale[j];
  }
}

// Few panels hold a pair that passes, so each is first tested as a whole.
TARGET static size_t NAME(sift)(const float *panels, size_t n, size_t d, const float *queries,
                                const float *weights, float alpha, const float *scale,
                                const float *limit, int used, sheaf_pair *out) {
  size_t found = 0;
  for (size_t i = 0; i < n; i += 2 * LANES, panels += 2 * LANES * d) {
    NAME(vec) low[QUERIES][2];
    NAME(bounds)(panels, queries, d, weights + i, alpha, scale, low);
    NAME(mask) pass = {0};
#pragma GCC unroll 16
    for (int j = 0; j < QUERIES; j++) pass |= ~(low[j][0] >= limit[j]) | ~(low[j][1] >= limit[j]);
    int any = 0;
    for (int l = 0; l < LANES; l++) any |= pass[l];
    for (size_t r = 0; any && r < 2 * LANES && i + r < n; r++)
      for (int j = 0; j < used; j++)
        if (!(low[j][r / LANES][r % LANES] >= limit[j]))
          out[found++] = (sheaf_pair){(int32_t)(i + r), j};
  }
  return found;
}
