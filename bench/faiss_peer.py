"""Answers a batch of queries with Faiss each time a line arrives on stdin.

Usage: faiss_peer.py INDEX QUERIES THREADS DIM

INDEX is an IndexFlat file, QUERIES raw little-endian float32. Prints one line
of JSON at the start and one for each line read: how long the search took, and
the row of each query's first hit.
"""

import json
import sys
import time

import faiss
import numpy

K = 4


def main():
    index_file, query_file, threads, dim = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    faiss.omp_set_num_threads(threads)
    index = faiss.read_index(index_file)
    queries = numpy.fromfile(query_file, dtype="<f4").reshape(-1, dim)
    say({"version": faiss.__version__})
    for _ in sys.stdin:
        start = time.perf_counter()
        _, labels = index.search(queries, K)
        say({"seconds": time.perf_counter() - start, "labels": labels[:, 0].tolist()})


def say(what):
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
