// One instruction set's kernels. kernel.c includes this file once for each, with LANES
// (floats in a vector), ROWS (of a tile), TARGET (function attribute) and NAME (function
// suffix) defined.

#define VECS 2
#define WIDTH (VECS * LANES)  // columns of a panel

typedef float NAME(vec) __attribute__((vector_size(LANES * 4)));
typedef float NAME(unaligned) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t NAME(ints) __attribute__((vector_size(LANES * 4)));

TARGET static inline NAME(vec) NAME(load)(const float *p) {
  return *(const NAME(unaligned) *)p;
}

TARGET static inline void NAME(store)(float *p, NAME(vec) v) { *(NAME(unaligned) *)p = v; }

// Takes a where the mask is set, else b; the vector extension has ?: in C++ only.
TARGET static inline NAME(vec) NAME(blend)(NAME(ints) mask, NAME(vec) a, NAME(vec) b) {
  return (NAME(vec))((mask & (NAME(ints))a) | (~mask & (NAME(ints))b));
}

TARGET static inline NAME(vec) NAME(max)(NAME(vec) a, NAME(vec) b) {
  return NAME(blend)(a > b, a, b);
}

TARGET static inline NAME(vec) NAME(all)(float x) { return x - (NAME(vec)){0}; }

TARGET static inline NAME(vec) NAME(gelu)(NAME(vec) x) {
  NAME(vec) z = NAME(max)(x * 0.70710678f, NAME(all)(-erf_end));
  z = NAME(blend)(z < erf_end, z, NAME(all)(erf_end));
  NAME(vec) u = z * z, p = u * erf_p[5] + erf_p[4], q = u * erf_q[5] + erf_q[4];
  for (int i = 3; i >= 0; i--) p = p * u + erf_p[i], q = q * u + erf_q[i];
  x *= 0.5f;
  return x + x * (z * p / q);
}

// For x up to 0.
TARGET static inline NAME(vec) NAME(exp)(NAME(vec) x) {
  x = NAME(max)(x, NAME(all)(exp_least));
  NAME(vec) shifted = x * log2_e + whole, n = shifted - whole;
  NAME(vec) r = x - n * ln2_high - n * ln2_low, p = r * exp_p[6] + exp_p[5];
  for (int i = 4; i >= 0; i--) p = p * r + exp_p[i];
  return (NAME(vec))((NAME(ints))p + ((NAME(ints))shifted << 23));
}

TARGET static inline float NAME(sum)(NAME(vec) v) {
  float s = 0;
  for (int i = 0; i < LANES; i++) s += v[i];
  return s;
}

// Sets rows of out to f(x * panel + bias). The panel is k rows of vecs vectors, of which only
// the first cols columns are used. A null bias counts as zeros. If x is not in the cache, the
// rows of the next tile are prefetched.
TARGET static inline __attribute__((always_inline)) void NAME(tile)(
    int rows, int vecs, int far, int f, const float *x, size_t ldx, size_t k,
    const float *panel, const float *bias, float *out, size_t ldout, size_t cols) {
  NAME(vec) sum[ROWS][VECS], b[VECS];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < vecs; j++) sum[i][j] = (NAME(vec)){0};
  for (size_t p = 0; p < k; p++, panel += vecs * LANES) {
    for (int j = 0; j < vecs; j++) b[j] = NAME(load)(panel + j * LANES);
    if (far && p % LINE == 0)
      for (int i = 0; i < rows; i++) __builtin_prefetch(x + (rows + i) * ldx + p);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      const float a = x[i * ldx + p];
      for (int j = 0; j < vecs; j++) sum[i][j] += a * b[j];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++, out += ldout) {
    for (int j = 0; j < vecs; j++) {
      b[j] = bias ? sum[i][j] + NAME(load)(bias + j * LANES) : sum[i][j];
      if (f == BERT_GELU) b[j] = NAME(gelu)(b[j]);
    }
    if (cols < (size_t)vecs * LANES)
      memcpy(out, b, cols * sizeof(float));
    else
      for (int j = 0; j < vecs; j++) NAME(store)(out + j * LANES, b[j]);
  }
}

// Sets m rows of out to f(x * panel + bias).
TARGET static inline __attribute__((always_inline)) void NAME(rows)(
    int vecs, int far, int f, const float *x, size_t ldx, size_t m, size_t k,
    const float *panel, const float *bias, float *out, size_t ldout, size_t cols) {
#define TILES(n) \
  for (; m >= n; m -= n, x += n * ldx, out += n * ldout) \
    NAME(tile)(n, vecs, far, f, x, ldx, k, panel, bias, out, ldout, cols)
  TILES(ROWS);
#if ROWS > 8
  TILES(8);
#endif
#if ROWS > 4
  TILES(4);
#endif
  TILES(2);
  TILES(1);
#undef TILES
}

TARGET static __attribute__((noinline)) void NAME(multiply)(
    const float *x, size_t ldx, size_t m, size_t k, const float *panel, float *out,
    size_t ldout, size_t cols) {
  NAME(rows)(VECS, 0, BERT_LINEAR, x, ldx, m, k, panel, NULL, out, ldout, cols);
}

TARGET static __attribute__((noinline)) void NAME(multiply_bias)(
    const float *x, size_t ldx, size_t m, size_t k, const float *panel, const float *bias,
    float *out, size_t ldout, size_t cols) {
  NAME(rows)(VECS, 0, BERT_LINEAR, x, ldx, m, k, panel, bias, out, ldout, cols);
}

TARGET static __attribute__((noinline)) void NAME(multiply_gelu)(
    const float *x, size_t ldx, size_t m, size_t k, const float *panel, const float *bias,
    float *out, size_t ldout, size_t cols) {
  NAME(rows)(VECS, 0, BERT_GELU, x, ldx, m, k, panel, bias, out, ldout, cols);
}

// The panel and out have one or two vectors in a row.
TARGET static __attribute__((noinline)) void NAME(multiply_far1)(
    const float *x, size_t m, size_t k, const float *panel, float *out) {
  NAME(rows)(1, 1, BERT_LINEAR, x, k, m, k, panel, NULL, out, LANES, LANES);
}

TARGET static __attribute__((noinline)) void NAME(multiply_far2)(
    const float *x, size_t m, size_t k, const float *panel, float *out) {
  NAME(rows)(2, 1, BERT_LINEAR, x, k, m, k, panel, NULL, out, WIDTH, WIDTH);
}

// Packs cols rows of w, k floats each, as the columns of a panel. Missing columns are zeros.
TARGET static __attribute__((noinline)) void NAME(pack)(
    const float *w, size_t ldw, size_t cols, size_t k, float *panel, size_t width) {
  if (cols < width) memset(panel, 0, k * width * sizeof(float));
  for (size_t p = 0; p < k; p += LINE) {
    const size_t end = p + LINE < k ? p + LINE : k;
    size_t j = 0;
    for (; j + 4 <= cols; j += 4) {
      const float *a = w + j * ldw, *b = a + ldw, *c = b + ldw, *d = c + ldw;
      for (size_t i = p; i < end; i++)
        *(quad *)(panel + i * width + j) = (quad){a[i], b[i], c[i], d[i]};
    }
    for (; j < cols; j++)
      for (size_t i = p; i < end; i++) panel[i * width + j] = w[j * ldw + i];
  }
}

// For many rows of x, which all use one panel of weights.
TARGET static void NAME(linear_many)(int f, const float *x, size_t ldx, size_t m, size_t k,
                                     const float *w, const float *bias, size_t n, float *out,
                                     size_t ldout, float *panel) {
  for (size_t j = 0; j < n; j += WIDTH) {
    const size_t cols = n - j < WIDTH ? n - j : WIDTH;
    float b[WIDTH] = {0};
    memcpy(b, bias + j, cols * sizeof(float));
    NAME(pack)(w + j * k, k, cols, k, panel, WIDTH);
    (f == BERT_GELU ? NAME(multiply_gelu) : NAME(multiply_bias))(x, ldx, m, k, panel, b,
                                                                 out + j, ldout, cols);
  }
}

// For at most as many rows of x as a panel has columns: the rows are packed as the panel, and
// the weights are read in place. The result is that of linear_many, bit for bit.
TARGET static void NAME(linear_few)(int f, const float *x, size_t ldx, size_t m, size_t k,
                                    const float *w, const float *bias, size_t n, float *out,
                                    size_t ldout, float *panel) {
  const size_t width = m <= LANES ? LANES : WIDTH;
  float turned[QUERIES * WIDTH], *row = turned;
  NAME(pack)(x, ldx, m, k, panel, width);
  for (size_t j = 0; j < n; j++, row += width) {
    if (j % QUERIES == 0) {
      row = turned;
      (width == LANES ? NAME(multiply_far1) : NAME(multiply_far2))(
          w + j * k, n - j < QUERIES ? n - j : QUERIES, k, panel, row);
    }
    for (size_t i = 0; i < m; i += LANES) {
      NAME(vec) v = NAME(load)(row + i) + NAME(all)(bias[j]);
      if (f == BERT_GELU) v = NAME(gelu)(v);
      for (size_t l = 0; l < LANES && i + l < m; l++) out[(i + l) * ldout + j] = v[l];
    }
  }
}

TARGET static void NAME(linear)(int f, const float *x, size_t ldx, size_t m, size_t k,
                                const float *w, const float *bias, size_t n, float *out,
                                size_t ldout, float *scratch) {
  (m <= WIDTH ? NAME(linear_few) : NAME(linear_many))(f, x, ldx, m, k, w, bias, n, out,
                                                      ldout, scratch);
}

// Replaces n scores in each of at most QUERIES rows by exp(scale * (score - the row's highest)) and
// sets sums to their sums. The memory after them extends to whole panels, wide floats. Steps are taken
// for all rows before the next step, since one row's steps wait for each other.
TARGET static void NAME(soften)(float *scores, size_t rows, size_t wide, size_t n, float scale, float *sums) {
  const size_t end = (n + LANES - 1) / LANES * LANES;
  NAME(vec) lanes[QUERIES];
  float highest[QUERIES];
  for (size_t j = 0; j < rows; j++) {
    float *row = scores + j * wide;
    for (size_t i = n; i < end; i++) row[i] = -INFINITY;
    NAME(vec) best = NAME(load)(row);
    for (size_t i = LANES; i < end; i += LANES) best = NAME(max)(best, NAME(load)(row + i));
    lanes[j] = best;
    highest[j] = best[0];
  }
  for (int l = 1; l < LANES; l++)
    for (size_t j = 0; j < rows; j++) highest[j] = lanes[j][l] > highest[j] ? lanes[j][l] : highest[j];
  for (size_t j = 0; j < rows; j++) {
    float *row = scores + j * wide;
    NAME(vec) total = {0};
    for (size_t i = 0; i < end; i += LANES) {
      const NAME(vec) e = NAME(exp)((NAME(load)(row + i) - highest[j]) * scale);
      total += e;
      NAME(store)(row + i, e);
    }
    lanes[j] = total;
    sums[j] = 0;
  }
  for (int l = 0; l < LANES; l++)
    for (size_t j = 0; j < rows; j++) sums[j] += lanes[j][l];
}

TARGET static void NAME(head)(const float *q, const float *k, const float *v, size_t ld,
                              size_t m, size_t dim, float *out, size_t ldout,
                              float *scratch) {
  const size_t wide = (m + WIDTH - 1) / WIDTH * WIDTH;
  float *keys = scratch, *values = keys + wide * dim;
  float *scores = values + (dim + WIDTH - 1) / WIDTH * WIDTH * m;
  for (size_t j = 0; j < m; j += WIDTH)
    NAME(pack)(k + j * ld, ld, m - j < WIDTH ? m - j : WIDTH, dim, keys + j * dim, WIDTH);
  for (size_t j = 0; j < dim; j += WIDTH) {
    const size_t cols = dim - j < WIDTH ? dim - j : WIDTH;
    float *panel = values + j * m;
    if (cols < WIDTH) memset(panel, 0, m * WIDTH * sizeof(float));
    for (size_t i = 0; i < m; i++)
      memcpy(panel + i * WIDTH, v + i * ld + j, cols * sizeof(float));
  }
  for (size_t i = 0; i < m; i += QUERIES) {
    const size_t n = m - i < QUERIES ? m - i : QUERIES;
    for (size_t j = 0; j < m; j += WIDTH)
      NAME(multiply)(q + i * ld, ld, n, dim, keys + j * dim, scores + j, wide, WIDTH);
    float sums[QUERIES];
    NAME(soften)(scores, n, wide, m, 1 / sqrtf((float)dim), sums);
    for (size_t j = 0; j < dim; j += WIDTH)
      NAME(multiply)(scores, wide, n, m, values + j * m, out + i * ldout + j, ldout,
                     dim - j < WIDTH ? dim - j : WIDTH);
    for (size_t j = 0; j < n; j++)
      for (size_t d = 0; d < dim; d++) out[(i + j) * ldout + d] *= 1 / sums[j];
  }
}

TARGET static void NAME(attention)(const float *qkv, size_t ld, size_t m, size_t heads,
                                   size_t dim, float *out, size_t ldout, float *scratch) {
  const size_t all = heads * dim;
  for (size_t h = 0; h < heads; h++, qkv += dim, out += dim)
    NAME(head)(qkv, qkv + all, qkv + 2 * all, ld, m, dim, out, ldout, scratch);
}

TARGET static void NAME(norm)(float *x, const float *y, size_t m, size_t n,
                              const float *gamma, const float *beta, float epsilon) {
  const size_t body = n / LANES * LANES;
  for (; m > 0; m--, x += n) {
    NAME(vec) s = {0}, q = {0};
    float sum = 0, square = 0;
    if (y) {
      for (size_t i = 0; i < n; i++) x[i] += y[i];
      y += n;
    }
    for (size_t i = 0; i < body; i += LANES) s += NAME(load)(x + i);
    for (size_t i = body; i < n; i++) sum += x[i];
    const float mean = (sum + NAME(sum)(s)) / (float)n;
    for (size_t i = 0; i < body; i += LANES) {
      NAME(vec) e = NAME(load)(x + i) - mean;
      q += e * e;
    }
    for (size_t i = body; i < n; i++) square += (x[i] - mean) * (x[i] - mean);
    const float scale = 1 / sqrtf((square + NAME(sum)(q)) / (float)n + epsilon);
    for (size_t i = 0; i < n; i++) x[i] = (x[i] - mean) * scale * gamma[i] + beta[i];
  }
}

#undef VECS
#undef WIDTH
