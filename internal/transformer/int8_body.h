// One instruction set's linear layers in int8. kernel.c includes this file once for each, after
// kernel_body.h, with LANES, TARGET and NAME as there, ROWS (of a tile), FLOAT (suffix of the
// functions of kernel_body.h), CODE (type of the codes of x), ZERO (the code of 0) and the
// function NAME(sums), which computes a tile.

typedef CODE NAME(codes) __attribute__((vector_size(LANES * sizeof(CODE))));
typedef int8_t NAME(bytes) __attribute__((vector_size(LANES)));

// Returns the LANES numbers at x, of which only n are there: the others are zeros.
TARGET static inline FLOAT(vec) NAME(some)(const float *x, size_t n) {
  if (n >= LANES) return FLOAT(load)(x);
  FLOAT(vec) v = {0};
  memcpy(&v, x, n * sizeof *x);
  return v;
}

TARGET static inline FLOAT(ints) NAME(larger)(FLOAT(ints) a, FLOAT(ints) b) {
  const FLOAT(ints) mask = a > b;
  return (mask & a) | (~mask & b);
}

// Returns the largest |x|, or a number that is not finite if there is one. As integers, floats
// without their sign are in order.
TARGET static inline float NAME(largest)(const float *x, size_t n) {
  enum { STEP = 4 };
  const int32_t magnitude = 0x7fffffff;
  FLOAT(ints) most[STEP] = {{0}};
  size_t i = 0;
  for (; i + STEP * LANES <= n; i += STEP * LANES)
    for (int s = 0; s < STEP; s++)
      most[s] = NAME(larger)(most[s], (FLOAT(ints))FLOAT(load)(x + i + s * LANES) & magnitude);
  for (; i < n; i += LANES)
    most[0] = NAME(larger)(most[0], (FLOAT(ints))NAME(some)(x + i, n - i) & magnitude);
  most[0] = NAME(larger)(NAME(larger)(most[0], most[1]), NAME(larger)(most[2], most[3]));
  int32_t top[LANES];
  memcpy(top, most, sizeof top);
  for (int w = LANES / 2; w > 0; w /= 2)
    for (int j = 0; j < w; j++) top[j] = top[j] > top[j + w] ? top[j] : top[j + w];
  float largest;
  memcpy(&largest, top, sizeof largest);
  return largest;
}

// Returns the codes of the LANES numbers at x, of which only n count.
TARGET static inline FLOAT(ints) NAME(round)(const float *x, size_t n, float inverse) {
  FLOAT(vec) v = NAME(some)(x, n) * inverse;
  ROUNDED(v);
  return (FLOAT(ints))(v + whole) - (FLOAT(ints))FLOAT(all)(whole);
}

// Writes the codes of m rows and the value of a unit of each.
TARGET static void NAME(quantise)(const float *x, size_t ldx, size_t m, size_t k, CODE *codes,
                                  float *units) {
  const size_t wide = up(k, BERT_FILL);
  for (; m > 0; m--, x += ldx, codes += wide, units++) {
    const unit u = unit_of(NAME(largest)(x, k));
    *units = u.value;
    for (size_t i = 0; i < wide; i += LANES) {
      const size_t left = i < k ? k - i : 0;
      const NAME(codes) c = __builtin_convertvector(NAME(round)(x + i, left, u.inverse) + ZERO, NAME(codes));
      memcpy(codes + i, &c, sizeof c);
    }
  }
}

TARGET static void NAME(pack8)(const float *w, size_t n, size_t k, const float *bias, void *to) {
  const size_t quads = up(k, BERT_FILL) / 4;
  const panel p = panel_at(to);
  memset(to, 0, bert_panel_size(k));
  memcpy(p.bias, bias, n * sizeof *bias);
  for (size_t j = 0; j < n; j++, w += k) {
    const unit u = unit_of(NAME(largest)(w, k));
    p.units[j] = u.value;
    FLOAT(ints) sum = {0};
    for (size_t i = 0; i < 4 * quads; i += LANES) {
      const FLOAT(ints) codes = NAME(round)(w + i, i < k ? k - i : 0, u.inverse);
      const NAME(bytes) c = __builtin_convertvector(codes, NAME(bytes));
      for (int l = 0; l < LANES; l += 4)
        memcpy(p.codes + ((i + l) / 4 * BERT_PANEL + j) * 4, (const char *)&c + l, 4);
      sum += codes;
    }
    for (int l = 0; l < LANES; l++) p.start[j] -= VNNI_ZERO * sum[l];
  }
}

// Sets rows of out, of which the panel's first cols columns, to f of the value of the sums.
TARGET static inline __attribute__((always_inline)) void NAME(finish)(
    int f, int32_t (*sums)[BERT_PANEL], size_t rows, panel p, const float *units, float *out,
    size_t ldout, size_t cols) {
  for (size_t i = 0; i < rows; i++, out += ldout) {
    float line[BERT_PANEL], *to = cols < BERT_PANEL ? line : out;
    for (size_t j = 0; j < BERT_PANEL; j += LANES) {
      FLOAT(ints) s;
      memcpy(&s, sums[i] + j, sizeof s);
      FLOAT(vec) v = __builtin_convertvector(s, FLOAT(vec));
      v = v * (FLOAT(load)(p.units + j) * units[i]) + FLOAT(load)(p.bias + j);
      if (f == BERT_GELU) v = FLOAT(gelu)(v);
      FLOAT(store)(to + j, v);
    }
    if (to == line) memcpy(out, line, cols * sizeof *out);
  }
}

TARGET static void NAME(linear8)(int f, const float *x, size_t ldx, size_t m, size_t k,
                                 const char *panels, size_t n, float *out, size_t ldout,
                                 void *scratch) {
  const size_t wide = up(k, BERT_FILL), size = bert_panel_size(k);
  float *units = scratch;
  CODE *codes = (CODE *)(units + up(m, ROWS));
  NAME(quantise)(x, ldx, m, k, codes, units);
  for (size_t j = 0; j < n; j += BERT_PANEL, panels += size, out += BERT_PANEL) {
    const panel p = panel_at((void *)panels);
    const size_t cols = n - j < BERT_PANEL ? n - j : BERT_PANEL;
    for (size_t i = 0; i < m; i += ROWS) {
      int32_t sums[ROWS][BERT_PANEL];
      NAME(sums)(codes + i * wide, wide, p, sums);
      const size_t rows = m - i < ROWS ? m - i : ROWS;
      if (f == BERT_GELU)
        NAME(finish)(BERT_GELU, sums, rows, p, units + i, out + i * ldout, ldout, cols);
      else
        NAME(finish)(BERT_LINEAR, sums, rows, p, units + i, out + i * ldout, ldout, cols);
    }
  }
}

#undef LANES
#undef ROWS
#undef TARGET
#undef NAME
#undef FLOAT
#undef CODE
#undef ZERO
