#include "shim.h"

#include <cxxabi.h>
#include <faiss/IndexFlat.h>
#include <faiss/impl/io.h>
#include <faiss/index_io.h>
#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <typeinfo>

namespace {

faiss::Index *cast(sheaf_index *index) { return reinterpret_cast<faiss::Index *>(index); }

const faiss::Index *cast(const sheaf_index *index) {
  return reinterpret_cast<const faiss::Index *>(index);
}

// Runs body and turns whatever it throws into a code and a message. Faiss gets one
// thread, for callers bring their own: OpenMP's setting belongs to the calling thread, and
// a Go call may arrive on any, so it is made each time.
template <typename Body>
int guarded(char **err, Body body) noexcept {
  try {
    omp_set_num_threads(1);
    body();
    return SHEAF_OK;
  } catch (const std::exception &e) {  // Faiss's own and std::bad_alloc among them
    *err = strdup(e.what());
  } catch (...) {
    *err = strdup("unknown C++ exception");
  }
  return SHEAF_FAILED;
}

struct MemoryReader : faiss::IOReader {
  const char *data;
  size_t left;

  MemoryReader(const void *data, size_t size)
      : data(static_cast<const char *>(data)), left(size) {}

  size_t operator()(void *ptr, size_t size, size_t nitems) override {
    if (size == 0) return 0;
    const size_t n = std::min(nitems, left / size);
    if (n > 0) memcpy(ptr, data, n * size);
    data += n * size;
    left -= n * size;
    return n;
  }
};

// malloc that throws, for buffers which the caller frees.
void *allocate(size_t size) {
  void *p = malloc(size);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace

int sheaf_index_flat(int d, int metric, sheaf_index **out, char **err) {
  return guarded(err, [&] {
    faiss::Index *index;
    if (metric == faiss::METRIC_INNER_PRODUCT)
      index = new faiss::IndexFlatIP(d);
    else
      index = new faiss::IndexFlatL2(d);
    *out = reinterpret_cast<sheaf_index *>(index);
  });
}

int sheaf_index_read(const char *path, sheaf_index **out, char **err) {
  return guarded(err, [&] { *out = reinterpret_cast<sheaf_index *>(faiss::read_index(path)); });
}

int sheaf_index_parse(const void *data, size_t size, sheaf_index **out, char **err) {
  return guarded(err, [&] {
    MemoryReader reader(data, size);
    *out = reinterpret_cast<sheaf_index *>(faiss::read_index(&reader));
  });
}

void sheaf_index_free(sheaf_index *index) { delete cast(index); }

int sheaf_index_d(const sheaf_index *index) { return cast(index)->d; }

int64_t sheaf_index_ntotal(const sheaf_index *index) { return cast(index)->ntotal; }

int sheaf_index_metric(const sheaf_index *index) { return cast(index)->metric_type; }

char *sheaf_index_type(const sheaf_index *index) {
  const faiss::Index *p = cast(index);
  const char *mangled = typeid(*p).name();
  char *name = abi::__cxa_demangle(mangled, nullptr, nullptr, nullptr);
  if (name == nullptr) return strdup(mangled);
  const char prefix[] = "faiss::";
  const size_t n = sizeof prefix - 1;
  if (strncmp(name, prefix, n) == 0) memmove(name, name + n, strlen(name + n) + 1);
  return name;
}

int sheaf_index_add(sheaf_index *index, int64_t n, const float *x, char **err) {
  return guarded(err, [&] { cast(index)->add(n, x); });
}

int sheaf_index_search(const sheaf_index *index, int64_t n, const float *x, int64_t k,
                       float *distances, int64_t *labels, char **err) {
  return guarded(err, [&] { cast(index)->search(n, x, k, distances, labels); });
}

int sheaf_index_reconstruct(const sheaf_index *index, int64_t first, int64_t n, float *x,
                            char **err) {
  return guarded(err, [&] { cast(index)->reconstruct_n(first, n, x); });
}

int sheaf_index_write(const sheaf_index *index, const char *path, char **err) {
  return guarded(err, [&] { faiss::write_index(cast(index), path); });
}

int sheaf_index_bytes(const sheaf_index *index, void **data, size_t *size, char **err) {
  return guarded(err, [&] {
    faiss::VectorIOWriter writer;
    faiss::write_index(cast(index), &writer);
    *size = writer.data.size();
    *data = allocate(std::max<size_t>(*size, 1));
    memcpy(*data, writer.data.data(), *size);
  });
}

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *sheaf_faiss_version(void) {
  return TEXT(FAISS_VERSION_MAJOR) "." TEXT(FAISS_VERSION_MINOR) "." TEXT(FAISS_VERSION_PATCH);
}
