// OpenBLAS gets one thread: searches bring their own.

#include "shim.h"

// Declared here because the name and place of OpenBLAS's headers differ from one system to
// the next; Faiss declares its functions by hand for the same reason.
void openblas_set_num_threads(int threads);

void sheaf_one_thread(void) { openblas_set_num_threads(1); }

// What OPENBLAS_NUM_THREADS says, as OpenBLAS asks when it is loaded. Where a definition in
// the program comes before a library's own, as on Linux, no thread is started then, which
// would cost every command milliseconds of start-up.
int openblas_num_threads_env(void) { return 1; }
