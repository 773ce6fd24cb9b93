// The kernels of a BERT encoder, compiled from one source for every instruction set and
// chosen at run time. They use the compilers' vector extension (GCC and Clang) instead of
// intrinsics; on arm64 the generic kernel is NEON.
//
// A product is computed in panels: as many columns of the right matrix as fill the registers
// of a tile, packed row by row. Packing costs a few percent of a product with some hundred
// rows; where there are few rows, the rows are packed instead. So packed weights are not
// kept: the weights are used from the mapped file.
//
// Every number of a product is one chain of additions in the order of the sum's index. So
// it does not depend on the number of rows in the call or on the place of a row: a text has
// the same vector, bit for bit, in every batch.

#include "kernel.h"

#include <math.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "sheaf reads the little-endian floats of a model file in place"
#endif

// GELU(x) = x/2 * (1 + erf(x / sqrt 2)). erf(z) is z * P(z^2) / Q(z^2) up to erf_end, where
// it is 1 in float32; the coefficients are a fit by least squares with Lawson's weights,
// 1e-8 off before rounding.
static const float erf_end = 3.8f;
static const float erf_p[] = {1.1283791065216064f,     0.18810461461544037f,
                              0.05254586786031723f,    0.0036931319627910852f,
                              0.000287991133518517f,   2.1322541670087958e-06f};
static const float erf_q[] = {1.0f,                    0.5000356435775757f,
                              0.11325016617774963f,    0.014821963384747505f,
                              0.0011536329984664917f,  3.909868610207923e-05f};

// exp(x) = 2^n * exp(r) with n whole and |r| at most ln(2)/2; ln(2) is in two parts, so
// that n*ln2_high is exact. Below exp_least the result would not be a normal float.
static const float exp_least = -87.33f;
static const float log2_e = 1.44269504088896f;
static const float ln2_high = 0.693145751953125f;
static const float ln2_low = 1.42860682030941723e-6f;
static const float exp_p[] = {1.0f, 1.0f, 0.5f, 1.0f / 6, 1.0f / 24, 1.0f / 120, 1.0f / 720};

// Adding it rounds a float below 2^22 to a whole number, which is then in its low bits.
static const float whole = 12582912.0f;

// Rows whose results fit into the cache: queries that share a pass over the keys, and weights
// that share a pass over a few texts.
enum { QUERIES = 48 };

enum { WIDEST = 32 };  // no panel is wider
enum { LINE = 16 };    // floats of a cache line

static size_t up(size_t n, size_t to) { return (n + to - 1) / to * to; }

typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));

#define ROWS 4
#define LANES 4
#define TARGET
#define NAME(f) f##_generic
#include "kernel_body.h"
#undef ROWS
#undef LANES
#undef TARGET
#undef NAME

#ifdef __x86_64__
#define ROWS 6
#define LANES 8
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(f) f##_avx2
#include "kernel_body.h"
#undef ROWS
#undef LANES
#undef TARGET
#undef NAME

#define ROWS 12
#define LANES 16
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")))
#define NAME(f) f##_avx512
#include "kernel_body.h"
#undef ROWS
#undef LANES
#undef TARGET
#undef NAME
#endif

#include "int8.h"

static const struct {
  void (*linear)(int, const float *, size_t, size_t, size_t, const float *, const float *,
                 size_t, float *, size_t, float *);
  void (*attention)(const float *, size_t, size_t, size_t, size_t, float *, size_t, float *);
  void (*norm)(float *, const float *, size_t, size_t, const float *, const float *, float);
  void (*pack8)(const float *, size_t, size_t, const float *, void *);
  void (*linear8)(int, const float *, size_t, size_t, size_t, const char *, size_t, float *,
                  size_t, void *);
} kernels[] = {
    {linear_generic, attention_generic, norm_generic, pack8_generic, linear8_generic},
#ifdef __x86_64__
    {linear_avx2, attention_avx2, norm_avx2, pack8_avx2, linear8_avx2},
    {linear_avx512, attention_avx512, norm_avx512, pack8_avx512, linear8_avx512},
    {linear_avx512, attention_avx512, norm_avx512, pack8_vnni, linear8_vnni},
#elif defined __aarch64__
    [BERT_DOT] = {linear_generic, attention_generic, norm_generic, pack8_dot, linear8_dot},
#endif
};

size_t bert_scratch(size_t k, size_t tokens, size_t dim) {
  const size_t linear = k * WIDEST;
  const size_t keys = up(tokens, WIDEST) * dim;
  const size_t values = up(dim, WIDEST) * tokens;
  const size_t attention = keys + values + QUERIES * up(tokens, WIDEST);
  return linear > attention ? linear : attention;
}

void bert_linear(int level, int f, const float *x, size_t ldx, size_t m, size_t k,
                 const float *w, const float *bias, size_t n, float *out, size_t ldout,
                 float *scratch) {
  kernels[level].linear(f, x, ldx, m, k, w, bias, n, out, ldout, scratch);
}

void bert_attention(int level, const float *qkv, size_t ldqkv, size_t m, size_t heads,
                    size_t dim, float *out, size_t ldout, float *scratch) {
  kernels[level].attention(qkv, ldqkv, m, heads, dim, out, ldout, scratch);
}

void bert_norm(int level, float *x, const float *y, size_t m, size_t n, const float *gamma,
               const float *beta, float epsilon) {
  kernels[level].norm(x, y, m, n, gamma, beta, epsilon);
}

void bert_pack8(int level, const float *w, size_t n, size_t k, const float *bias, void *panel) {
  kernels[level].pack8(w, n, k, bias, panel);
}

void bert_linear8(int level, int f, const float *x, size_t ldx, size_t m, size_t k,
                  const void *panels, size_t n, float *out, size_t ldout, void *scratch) {
  kernels[level].linear8(f, x, ldx, m, k, panels, n, out, ldout, scratch);
}
