//go:build !linux

#include "shim.h"

// Declared here because the name and place of OpenBLAS's headers differ from one system to
// the next; Faiss declares its functions by hand for the same reason.
void openblas_set_num_threads(int threads);

// OpenBLAS is linked. It gets one thread, for callers bring their own.
void sheaf_load_blas(void) { openblas_set_num_threads(1); }
