#include "shim.h"

// Reading indexes that others wrote: what Faiss itself does not check when it reads a file is
// checked here, before anything of the index is used.

#include <cxxabi.h>
#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIDMap.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/IndexIVFPQ.h>
#include <faiss/IndexNSG.h>
#include <faiss/IndexPQ.h>
#include <faiss/IndexPreTransform.h>
#include <faiss/IndexRefine.h>
#include <faiss/IndexScalarQuantizer.h>
#include <faiss/VectorTransform.h>
#include <faiss/impl/io.h>
#include <faiss/index_io.h>
#include <faiss/invlists/InvertedLists.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <limits>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <vector>

namespace {

const faiss::Index *cast(const sheaf_index *index) {
  return reinterpret_cast<const faiss::Index *>(index);
}

// Runs body and turns whatever it throws into a code and a message.
template <typename Body>
int guarded(char **err, Body body) noexcept {
  try {
    body();
    return SHEAF_OK;
  } catch (const std::exception &e) {  // Faiss's own and std::bad_alloc among them
    *err = strdup(e.what());
  } catch (...) {
    *err = strdup("unknown C++ exception");
  }
  return SHEAF_FAILED;
}

// Reads a part of a file by pread.
struct FileReader : faiss::IOReader {
  int fd;
  off_t at, end;

  FileReader(int fd, off_t at, off_t size) : fd(fd), at(at), end(at + size) {}

  size_t operator()(void *ptr, size_t size, size_t nitems) override {
    if (size == 0 || nitems > std::numeric_limits<size_t>::max() / size) return 0;
    const size_t want = std::min<size_t>(size * nitems, end - at);
    size_t got = 0;
    while (got < want) {
      const ssize_t n = pread(fd, static_cast<char *>(ptr) + got, want - got, at + got);
      if (n <= 0) break;
      got += n;
    }
    const size_t items = got / size;
    at += items * size;
    return items;
  }
};

[[noreturn]] void damaged(const std::string &what) { throw std::runtime_error("damaged: " + what); }

void require(bool ok, const char *what) {
  if (!ok) damaged(what);
}

// verify checks an index and those inside it, which are nested at most maxNesting deep.
const int maxNesting = 4;
void verify(const faiss::Index *index, int depth);

void inner(const faiss::Index *outer, const faiss::Index *index, int depth) {
  require(index != nullptr, "an index inside is missing");
  require(index->ntotal == outer->ntotal, "the index inside has another number of vectors");
  verify(index, depth + 1);
}

size_t codes(const faiss::IndexFlatCodes &index) {
  require(index.code_size > 0, "codes of no bytes");
  require(index.codes.size() / index.code_size == size_t(index.ntotal) &&
              index.codes.size() % index.code_size == 0,
          "its codes do not fit the number of vectors");
  return index.code_size;
}

void quantizer(const faiss::ScalarQuantizer &sq, int d, size_t code_size) {
  using Q = faiss::ScalarQuantizer;
  size_t bits = 0, trained = 0;
  switch (sq.qtype) {
    case Q::QT_8bit: bits = 8, trained = 2 * size_t(d); break;
    case Q::QT_6bit: bits = 6, trained = 2 * size_t(d); break;
    case Q::QT_4bit: bits = 4, trained = 2 * size_t(d); break;
    case Q::QT_8bit_uniform: bits = 8, trained = 2; break;
    case Q::QT_4bit_uniform: bits = 4, trained = 2; break;
    case Q::QT_fp16: bits = 16; break;
    case Q::QT_8bit_direct: bits = 8; break;
    default: throw std::runtime_error("a scalar quantizer of an unknown kind");
  }
  require(sq.d == size_t(d) && sq.trained.size() >= trained && code_size == (d * bits + 7) / 8,
          "its scalar quantizer");
}

void quantizer(const faiss::ProductQuantizer &pq, int d, size_t code_size) {
  require(pq.d == size_t(d) && pq.M > 0 && pq.nbits > 0 && pq.nbits <= 24 &&
              pq.ksub == size_t(1) << pq.nbits && pq.dsub * pq.M == pq.d &&
              pq.centroids.size() == pq.ksub * pq.d && code_size == (pq.M * pq.nbits + 7) / 8,
          "its product quantizer");
}

void lists(const faiss::IndexIVF &ivf, int depth) {
  const auto *lists = dynamic_cast<const faiss::ArrayInvertedLists *>(ivf.invlists);
  require(lists != nullptr, "lists that are not in the file");
  require(ivf.code_size > 0 && lists->nlist == ivf.nlist && lists->code_size == ivf.code_size &&
              lists->ids.size() == ivf.nlist && lists->codes.size() == ivf.nlist,
          "its lists");
  size_t total = 0;
  for (size_t i = 0; i < ivf.nlist; i++) {
    require(lists->codes[i].size() == lists->ids[i].size() * ivf.code_size, "a list");
    total += lists->ids[i].size();
  }
  require(total == size_t(ivf.ntotal), "its lists do not hold the number of vectors");
  require(ivf.quantizer != nullptr && ivf.quantizer->d == ivf.d &&
              size_t(ivf.quantizer->ntotal) == ivf.nlist,
          "its quantizer");
  verify(ivf.quantizer, depth + 1);
  if (auto *flat = dynamic_cast<const faiss::IndexIVFFlat *>(&ivf))
    require(flat->code_size == sizeof(float) * flat->d, "the size of its codes");
  else if (auto *sq = dynamic_cast<const faiss::IndexIVFScalarQuantizer *>(&ivf))
    quantizer(sq->sq, sq->d, sq->code_size);
  else if (auto *pq = dynamic_cast<const faiss::IndexIVFPQ *>(&ivf))
    quantizer(pq->pq, pq->d, pq->code_size);
  else
    throw std::runtime_error("an inverted file of an unknown kind");
}

void graph(const faiss::HNSW &g, int64_t ntotal) {
  require(g.levels.size() == size_t(ntotal) && g.offsets.size() == size_t(ntotal) + 1 &&
              g.offsets[0] == 0,
          "its graph does not fit the number of vectors");
  require(g.entry_point >= -1 && g.entry_point < ntotal && (g.entry_point >= 0 || ntotal == 0),
          "the entry point of its graph");
  require(g.max_level < int(g.cum_nneighbor_per_level.size()), "the top level of its graph");
  for (int64_t i = 0; i < ntotal; i++) {
    require(g.levels[i] >= 1 && size_t(g.levels[i]) < g.cum_nneighbor_per_level.size(),
            "a level of its graph");
    require(g.offsets[i] <= g.offsets[i + 1], "its graph");
  }
  require(g.offsets[ntotal] == g.neighbors.size(), "the links of its graph");
  for (size_t i = 0; i < g.neighbors.size(); i++)
    require(g.neighbors[i] >= -1 && g.neighbors[i] < ntotal, "a link of its graph leads nowhere");
}

void graph(const faiss::IndexNSG &index) {
  const auto &g = index.nsg.final_graph;
  if (!g) return;
  require(g->N == index.ntotal && g->K > 0, "its graph does not fit the number of vectors");
  for (int64_t i = 0; i < index.ntotal; i++)
    for (int j = 0; j < g->K; j++)
      require(g->at(i, j) >= -1 && g->at(i, j) < index.ntotal,
              "a link of its graph leads nowhere");
}

// What an index does to vectors and questions before it compares them.
int transform(const faiss::Index *index) {
  auto *pre = dynamic_cast<const faiss::IndexPreTransform *>(index);
  if (!pre) return SHEAF_AS_THEY_ARE;
  bool normalized = !pre->chain.empty(), shortened = false;
  for (const auto *t : pre->chain) {
    auto *norm = dynamic_cast<const faiss::NormalizationTransform *>(t);
    normalized = normalized && norm && norm->norm == 2;
    shortened = shortened || t->d_out < t->d_in;
  }
  return normalized ? SHEAF_NORMALIZED : shortened ? SHEAF_SHORTENED : SHEAF_AS_THEY_ARE;
}

// Whether a transform keeps the lengths of what it does not leave out, as all zeros do. Faiss
// believes so of a whitening too.
bool orthonormal(const faiss::LinearTransform &t) {
  const double tolerance = 1e-3;
  for (int i = 0; i < t.d_out; i++) {
    double square = 0;
    for (int j = 0; j < t.d_in; j++) square += double(t.A[i * size_t(t.d_in) + j]) * t.A[i * size_t(t.d_in) + j];
    if (!(square <= tolerance || std::abs(square - 1) <= tolerance)) return false;
  }
  return t.is_orthonormal;
}

// Refuses transforms behind which other vectors are near than before: those that scale, and under
// an inner product those that move the origin.
void undoable(const faiss::IndexPreTransform &pre) {
  for (const auto *t : pre.chain) {
    auto *linear = dynamic_cast<const faiss::LinearTransform *>(t);
    bool moves = dynamic_cast<const faiss::CenteringTransform *>(t);
    if (linear) {
      auto isZero = [](float x) { return x == 0; };
      moves = linear->have_bias && !std::all_of(linear->b.begin(), linear->b.end(), isZero);
    }
    if (linear ? !orthonormal(*linear)
               : !moves && !dynamic_cast<const faiss::RemapDimensionsTransform *>(t))
      throw std::runtime_error("it changes which vectors are near in a way that cannot be undone");
    if (moves && pre.metric_type != faiss::METRIC_L2)
      throw std::runtime_error("it changes inner products in a way that cannot be undone");
  }
}

void verify(const faiss::Index *index, int depth) {
  require(depth <= maxNesting, "too many indexes inside one another");
  require(index->d > 0 && index->ntotal >= 0, "its size");
  if (auto *map = dynamic_cast<const faiss::IndexIDMap *>(index)) {
    require(map->id_map.size() == size_t(map->ntotal), "its map of ids");
    inner(map, map->index, depth);
    require(map->index->d == map->d, "the index inside has another dim");
    if (dynamic_cast<const faiss::IndexIDMap *>(map->index) ||
        dynamic_cast<const faiss::IndexIVF *>(map->index) ||
        dynamic_cast<const faiss::IndexPreTransform *>(map->index))
      throw std::runtime_error("a map of ids over an index that has its own");
  } else if (auto *pre = dynamic_cast<const faiss::IndexPreTransform *>(index)) {
    inner(pre, pre->index, depth);
    int d = pre->d;
    for (const auto *t : pre->chain) {
      require(t != nullptr && t->d_in == d && t->d_out > 0, "its transforms");
      d = t->d_out;
      if (auto *linear = dynamic_cast<const faiss::LinearTransform *>(t))
        require(linear->A.size() == size_t(t->d_in) * t->d_out &&
                    (!linear->have_bias || linear->b.size() == size_t(t->d_out)),
                "its transforms");
    }
    require(d == pre->index->d, "its transforms");
    if (transform(pre) != SHEAF_NORMALIZED) undoable(*pre);
  } else if (auto *refine = dynamic_cast<const faiss::IndexRefine *>(index)) {
    require(refine->refine_index != nullptr && refine->refine_index->d == refine->d,
            "an index inside is missing");
    inner(refine, refine->refine_index, depth);
  } else if (auto *hnsw = dynamic_cast<const faiss::IndexHNSW *>(index)) {
    inner(hnsw, hnsw->storage, depth);
    require(hnsw->storage->d == hnsw->d, "the index inside has another dim");
    graph(hnsw->hnsw, hnsw->ntotal);
  } else if (auto *nsg = dynamic_cast<const faiss::IndexNSG *>(index)) {
    inner(nsg, nsg->storage, depth);
    require(nsg->storage->d == nsg->d, "the index inside has another dim");
    graph(*nsg);
  } else if (auto *ivf = dynamic_cast<const faiss::IndexIVF *>(index)) {
    lists(*ivf, depth);
  } else if (auto *sq = dynamic_cast<const faiss::IndexScalarQuantizer *>(index)) {
    quantizer(sq->sq, sq->d, codes(*sq));
  } else if (auto *pq = dynamic_cast<const faiss::IndexPQ *>(index)) {
    quantizer(pq->pq, pq->d, codes(*pq));
  } else if (auto *flat = dynamic_cast<const faiss::IndexFlat *>(index)) {
    require(codes(*flat) == sizeof(float) * flat->d, "the size of its codes");
  } else {
    throw std::runtime_error("a type of index that cannot be read back");
  }
}

bool exact(const faiss::Index *index) {
  if (transform(index) == SHEAF_NORMALIZED)
    return exact(dynamic_cast<const faiss::IndexPreTransform *>(index)->index);
  if (auto *map = dynamic_cast<const faiss::IndexIDMap *>(index)) return exact(map->index);
  if (auto *refine = dynamic_cast<const faiss::IndexRefine *>(index))
    return exact(refine->refine_index);
  if (auto *hnsw = dynamic_cast<const faiss::IndexHNSW *>(index)) return exact(hnsw->storage);
  if (auto *nsg = dynamic_cast<const faiss::IndexNSG *>(index)) return exact(nsg->storage);
  return dynamic_cast<const faiss::IndexFlat *>(index) ||
         dynamic_cast<const faiss::IndexIVFFlat *>(index);
}

// The ids of the vectors, in the order in which decode counts them.
void labels(const faiss::Index *index, int64_t *out) {
  if (auto *pre = dynamic_cast<const faiss::IndexPreTransform *>(index)) {
    labels(pre->index, out);
  } else if (auto *map = dynamic_cast<const faiss::IndexIDMap *>(index)) {
    std::copy(map->id_map.begin(), map->id_map.end(), out);
  } else if (auto *ivf = dynamic_cast<const faiss::IndexIVF *>(index)) {
    for (size_t i = 0; i < ivf->nlist; i++) {
      const size_t n = ivf->invlists->list_size(i);
      faiss::InvertedLists::ScopedIds ids(ivf->invlists, i);
      for (size_t j = 0; j < n; j++) *out++ = ids[j];
    }
  } else {
    for (int64_t i = 0; i < index->ntotal; i++) out[i] = i;
  }
}

void decode(const faiss::Index *index, const int64_t *places, int64_t n, float *x) {
  if (auto *pre = dynamic_cast<const faiss::IndexPreTransform *>(index)) {
    std::vector<float> y(n * pre->index->d);
    decode(pre->index, places, n, y.data());
    pre->reverse_chain(n, y.data(), x);
  } else if (auto *map = dynamic_cast<const faiss::IndexIDMap *>(index)) {
    decode(map->index, places, n, x);
  } else if (auto *ivf = dynamic_cast<const faiss::IndexIVF *>(index)) {
    std::vector<int64_t> ends(ivf->nlist);
    int64_t end = 0;
    for (size_t i = 0; i < ivf->nlist; i++) ends[i] = end += ivf->invlists->list_size(i);
    for (int64_t i = 0; i < n; i++) {
      const size_t list =
          std::upper_bound(ends.begin(), ends.end(), places[i]) - ends.begin();
      const int64_t first = list == 0 ? 0 : ends[list - 1];
      ivf->reconstruct_from_offset(list, places[i] - first, x + i * ivf->d);
    }
  } else {
    for (int64_t i = 0; i < n; i++) index->reconstruct(places[i], x + i * index->d);
  }
}

}  // namespace

int sheaf_index_read(int fd, int64_t offset, int64_t size, sheaf_index **out, char **err) {
  return guarded(err, [&] {
    FileReader reader(fd, offset, size);
    faiss::Index *index = faiss::read_index(&reader);
    if (index == nullptr) damaged("it holds no index");
    *out = reinterpret_cast<sheaf_index *>(index);
  });
}

void sheaf_index_free(sheaf_index *index) { delete reinterpret_cast<faiss::Index *>(index); }

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

int sheaf_index_verify(const sheaf_index *index, char **err) {
  return guarded(err, [&] { verify(cast(index), 0); });
}

int sheaf_index_transform(const sheaf_index *index) { return transform(cast(index)); }

int sheaf_index_exact(const sheaf_index *index) { return exact(cast(index)); }

int sheaf_index_labels(const sheaf_index *index, int64_t *out, char **err) {
  return guarded(err, [&] { labels(cast(index), out); });
}

int sheaf_index_decode(const sheaf_index *index, const int64_t *places, int64_t n, float *x,
                       char **err) {
  return guarded(err, [&] { decode(cast(index), places, n, x); });
}

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *sheaf_faiss_version(void) {
  return TEXT(FAISS_VERSION_MAJOR) "." TEXT(FAISS_VERSION_MINOR) "." TEXT(FAISS_VERSION_PATCH);
}
