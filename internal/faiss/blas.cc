// What the static libfaiss wants of BLAS and LAPACK. Decoding an index multiplies matrices; all
// else belongs to training, which sheaf never does. OpenBLAS for that one function would be most
// of the binary, and half of every command's start: it prepares 60 KB for each thread.

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernel.h"
#include "shim.h"

namespace {

int level = SHEAF_GENERIC;

// A product of matrices in columns: element (i, j) of c is c[i + j*ldc], and it becomes
// alpha * (row i of a) * (column j of b) + beta * itself. Steps lead from one row or column
// to the next, so that transposed matrices are read in place.
struct Product {
  size_t m, n, k;
  const float *a, *b;
  size_t a_row, a_column, b_row, b_column;
  float *c;
  size_t ldc;
  float alpha, beta;

  void set(size_t i, size_t j, float sum) const {
    float &out = c[i + j * ldc];
    out = alpha * sum + (beta == 0 ? 0 : beta * out);  // what is overwritten may be NaN
  }
};

// Computes two vectors of rows and Columns columns at a time, whose sums fit into registers.
template <int Lanes, int Columns>
inline __attribute__((always_inline)) void multiply(const Product &p) {
  typedef float Vector __attribute__((vector_size(4 * Lanes), aligned(4), may_alias));
  constexpr size_t Rows = 2 * Lanes;
  std::vector<float> panel(p.k * Rows);
  for (size_t i = 0; i < p.m; i += Rows) {
    const size_t rows = std::min(Rows, p.m - i);
    for (size_t l = 0; l < p.k; l++)
      for (size_t r = 0; r < rows; r++)
        panel[l * Rows + r] = p.a[(i + r) * p.a_row + l * p.a_column];
    for (size_t j = 0; j < p.n; j += Columns) {
      const size_t columns = std::min<size_t>(Columns, p.n - j);
      const float *b[Columns];
      for (size_t c = 0; c < Columns; c++) b[c] = p.b + (j + std::min(c, columns - 1)) * p.b_column;
      Vector sum[Columns][2] = {};
      for (size_t l = 0; l < p.k; l++) {
        const Vector *a = reinterpret_cast<const Vector *>(&panel[l * Rows]);
#pragma GCC unroll 16
        for (int c = 0; c < Columns; c++) {
          sum[c][0] += a[0] * b[c][l * p.b_row];
          sum[c][1] += a[1] * b[c][l * p.b_row];
        }
      }
      for (size_t c = 0; c < columns; c++)
        for (size_t r = 0; r < rows; r++) p.set(i + r, j + c, sum[c][r / Lanes][r % Lanes]);
    }
  }
}

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) void multiply_avx2(const Product &p) { multiply<8, 6>(p); }
__attribute__((target("avx512f,avx2,fma"))) void multiply_avx512(const Product &p) {
  multiply<16, 12>(p);
}
#endif

[[noreturn]] void refuse(const char *name) {
  throw std::runtime_error(std::string("it takes LAPACK to read it (") + name + ")");
}

}  // namespace

void sheaf_blas_level(int l) { level = l; }

// BLAS in Fortran's way: every argument is a pointer.
extern "C" int sgemm_(const char *transa, const char *transb, const int *m, const int *n,
                      const int *k, const float *alpha, const float *a, const int *lda,
                      const float *b, const int *ldb, const float *beta, float *c,
                      const int *ldc) {
  const auto turned = [](const char *trans) { return *trans != 'N' && *trans != 'n'; };
  Product p = {size_t(*m), size_t(*n), size_t(*k), a,     b, 1, size_t(*lda), 1, size_t(*ldb),
               c,          size_t(*ldc), *alpha,   *beta};
  if (turned(transa)) std::swap(p.a_row, p.a_column);
  if (turned(transb)) std::swap(p.b_row, p.b_column);
#ifdef __x86_64__
  if (level == SHEAF_AVX512) return multiply_avx512(p), 0;
  if (level == SHEAF_AVX2) return multiply_avx2(p), 0;
#endif
  return multiply<4, 6>(p), 0;
}

#define REFUSE(name) \
  extern "C" int name(void) { refuse(#name); }

REFUSE(dgemm_)
REFUSE(ssyrk_)
REFUSE(sgetrf_)
REFUSE(dgetrf_)
REFUSE(sgetri_)
REFUSE(dgetri_)
REFUSE(sgeqrf_)
REFUSE(sorgqr_)
REFUSE(dsyev_)
REFUSE(sgesvd_)
REFUSE(dgesvd_)
REFUSE(sgelsd_)
