#include "oracle.h"

#include <faiss/IndexFlat.h>
#include <faiss/impl/io.h>
#include <faiss/index_io.h>
#include <omp.h>

#include <cstring>
#include <exception>
#include <memory>

extern "C" int sgemm_(const char *transa, const char *transb, const int *m, const int *n,
                      const int *k, const float *alpha, const float *a, const int *lda,
                      const float *b, const int *ldb, const float *beta, float *c,
                      const int *ldc);

namespace {

const faiss::Index *index(const oracle *o) { return static_cast<const faiss::Index *>(o->index); }

// Runs body on one thread of OpenMP, whose setting belongs to the calling thread.
template <typename Body>
char *guarded(Body body) noexcept {
  try {
    omp_set_num_threads(1);
    body();
    return nullptr;
  } catch (const std::exception &e) {
    return strdup(e.what());
  }
}

void set(oracle *out, faiss::Index *index) {
  *out = {index, static_cast<int>(index->d), static_cast<int>(index->metric_type), index->ntotal};
}

}  // namespace

char *oracle_flat(int d, int metric, int64_t n, const float *x, oracle *out) {
  return guarded([&] {
    std::unique_ptr<faiss::Index> flat;
    if (metric == faiss::METRIC_INNER_PRODUCT)
      flat.reset(new faiss::IndexFlatIP(d));
    else
      flat.reset(new faiss::IndexFlatL2(d));
    if (n > 0) flat->add(n, x);
    set(out, flat.release());
  });
}

char *oracle_parse(const void *data, size_t size, oracle *out) {
  return guarded([&] {
    faiss::VectorIOReader reader;
    reader.data.assign(static_cast<const uint8_t *>(data), static_cast<const uint8_t *>(data) + size);
    set(out, faiss::read_index(&reader));
  });
}

char *oracle_search(const oracle *o, int64_t n, const float *x, int64_t k, float *scores,
                    int64_t *labels) {
  return guarded([&] { index(o)->search(n, x, k, scores, labels); });
}

char *oracle_vectors(const oracle *o, float *x) {
  return guarded([&] { index(o)->reconstruct_n(0, o->ntotal, x); });
}

void oracle_free(oracle *o) { delete index(o); }

void oracle_product(int turn_a, int turn_b, int m, int n, int k, const float *a, int lda,
                    const float *b, int ldb, float beta, float *c, int ldc) {
  const float alpha = 1;
  sgemm_(turn_a ? "Transposed" : "Not", turn_b ? "Transposed" : "Not", &m, &n, &k, &alpha, a, &lda,
         b, &ldb, &beta, c, &ldc);
}
