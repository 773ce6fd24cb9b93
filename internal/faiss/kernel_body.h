// One instruction set's kernels. kernel.c includes this file once for each, with LANES
// (floats in a vector), TARGET (function attribute) and NAME (function suffix) defined.
//
// Every score comes from NAME(l2) or NAME(ip), which are never inlined: the same row and
// query give the same bits wherever the row lies and however many rows and queries share
// the call. Vectors have alignment 1, as rows have in an IndexFlat file.

typedef float NAME(vec) __attribute__((vector_size(LANES * 4), aligned(1), may_alias));

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

// Adds the halves until one float is left; through quarters of 4 floats, which compilers
// keep in registers.
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

// Whole groups are tested at once because almost none holds a row that passes.
TARGET static size_t NAME(below)(const float *v, const float *w, size_t n, float scale,
                                 float bound, int32_t *at) {
  enum { GROUP = 64 };
  size_t found = 0;
  for (size_t i = 0; i < n; i += GROUP) {
    size_t end = i + GROUP < n ? i + GROUP : n;
    int any = end - i < GROUP;
    if (!any)
      for (size_t j = i; j < i + GROUP; j++) any |= !(v[j] + w[j] * scale >= bound);
    if (any)
      for (size_t j = i; j < end; j++)
        if (!(v[j] + w[j] * scale >= bound)) at[found++] = (int32_t)j;
  }
  return found;
}
