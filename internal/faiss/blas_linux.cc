// OpenBLAS for the static libfaiss, loaded when Faiss first calls a function of it. Only some
// types of foreign indexes ever do, and linking it would cost every command half of its
// start-up: five shared libraries, and 60 KB of thread-local memory for each thread.

#include <dlfcn.h>

#include <stdexcept>
#include <string>

#include "shim.h"

namespace {

struct Library {
  void *handle;
  std::string error;  // why there is no handle

  Library() : handle(dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL)) {
    if (handle == nullptr) {
      error = std::string("OpenBLAS cannot be loaded: ") + dlerror();
    } else if (void *f = dlsym(handle, "openblas_set_num_threads")) {
      reinterpret_cast<void (*)(int)>(f)(1);  // callers bring their own threads
    }
  }
};

const Library &openblas() {
  static const Library library;
  return library;
}

void *find(const char *name) {
  const Library &library = openblas();
  if (library.handle == nullptr) throw std::runtime_error(library.error);
  void *f = dlsym(library.handle, name);
  if (f == nullptr) throw std::runtime_error(std::string("OpenBLAS has no ") + name);
  return f;
}

}  // namespace

void sheaf_load_blas(void) { openblas(); }

// The functions of BLAS and LAPACK that Faiss calls, in Fortran's way: every argument is a
// pointer. The number is that of the arguments.
#define P6 void *a, void *b, void *c, void *d, void *e, void *f
#define P7 P6, void *g
#define P8 P7, void *h
#define P9 P8, void *i
#define P10 P9, void *j
#define P13 P10, void *k, void *l, void *m
#define P14 P13, void *n
#define A6 a, b, c, d, e, f
#define A7 A6, g
#define A8 A7, h
#define A9 A8, i
#define A10 A9, j
#define A13 A10, k, l, m
#define A14 A13, n
#define FORWARD(name, count)                                                \
  extern "C" int name(P##count) {                                           \
    static const auto to = reinterpret_cast<int (*)(P##count)>(find(#name)); \
    return to(A##count);                                                    \
  }

FORWARD(sgemm_, 13)
FORWARD(dgemm_, 13)
FORWARD(ssyrk_, 10)
FORWARD(sgetrf_, 6)
FORWARD(dgetrf_, 6)
FORWARD(sgetri_, 7)
FORWARD(dgetri_, 7)
FORWARD(sgeqrf_, 8)
FORWARD(sorgqr_, 9)
FORWARD(dsyev_, 9)
FORWARD(sgesvd_, 14)
FORWARD(dgesvd_, 14)
FORWARD(sgelsd_, 14)
