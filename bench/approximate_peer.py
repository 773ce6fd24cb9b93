"""Builds and asks an index of one of the programs that searches by lists are compared with.

Usage: approximate_peer.py SYSTEM version
       approximate_peer.py SYSTEM build MATRIX FOLDER              makes an index of a NumPy matrix
       approximate_peer.py SYSTEM search FOLDER QUERIES SETTING    answers all queries and ends
       approximate_peer.py SYSTEM sweep FOLDER QUERIES             answers the first of them by each setting
       approximate_peer.py exact MATRIX QUERIES                    what is right, by Faiss

QUERIES are vectors as a NumPy matrix. An answer is the numbers of the nearest rows, for each query,
as JSON; that of sweep is a list of pairs of a setting and an answer. A setting is how much a search
looks at: the number of lists, or of candidates in a graph. Builds read the matrix in parts, and
searches map files where the program can.
"""

import importlib.metadata
import json
import os
import sys

import numpy

K = 10
LISTS = 1024
SAMPLE = 64 * LISTS  # rows that lists are trained with
PROBES = [16, 32, 64, 128, 256, 512]
SWEPT = 200  # queries by which a setting is chosen
CANDIDATES = [64, 128, 256, 512, 1024]


class Rows:
    """The rows of a matrix, in parts that are read and not mapped, so that they are no one's memory."""

    def __init__(self, path):
        mapped = numpy.load(path, mmap_mode="r")
        self.path, self.offset, (self.n, self.dim) = path, mapped.offset, mapped.shape

    def parts(self, rows=1 << 16):
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            for first in range(0, self.n, rows):
                count = min(rows, self.n - first)
                yield first, numpy.fromfile(file, "<f4", count * self.dim).reshape(count, self.dim)

    def sample(self):
        return numpy.concatenate([part[:: max(1, self.n // SAMPLE)] for _, part in self.parts()])


class Faiss:
    package = "faiss-cpu"

    def __init__(self):
        import faiss

        self.faiss = faiss

    def build(self, source, folder):
        x = Rows(source)
        index = self.faiss.index_factory(x.dim, self.factory.format(x.dim // 4))
        if not index.is_trained:
            index.train(x.sample())
        for _, part in x.parts():
            index.add(part)
        self.faiss.write_index(index, os.path.join(folder, "index.faiss"))

    def open(self, folder):
        self.index = self.faiss.read_index(os.path.join(folder, "index.faiss"), self.faiss.IO_FLAG_MMAP_IFC)

    def search(self, queries, setting):
        self.set(self.faiss.downcast_index(self.index), setting)
        return self.index.search(queries, K)[1].tolist()


class Refined(Faiss):
    """Lists of short codes, whose best candidates are compared by the vectors themselves."""

    settings = PROBES

    def set(self, index, probes):
        index.k_factor = self.refined
        self.faiss.downcast_index(index.base_index).nprobe = probes


class IVFPQ(Refined):
    factory = f"IVF{LISTS},PQ{{}}x4fsr,RFlat"
    refined = 256


class RaBitQ(Refined):
    factory = f"IVF{LISTS},RaBitQ,RFlat"
    refined = 256


class HNSW(Faiss):
    settings = CANDIDATES
    factory = "HNSW32"

    def set(self, index, candidates):
        index.hnsw.efSearch = candidates


class USearch:
    package = "usearch"
    settings = CANDIDATES

    def build(self, source, folder):
        from usearch.index import Index

        x = Rows(source)
        index = Index(ndim=x.dim, metric="l2sq")  # numbers of 16 bits, its own choice
        for first, part in x.parts():
            index.add(numpy.arange(first, first + len(part)), part)
        index.save(os.path.join(folder, "index.usearch"))

    def open(self, folder):
        from usearch.index import Index

        self.index = Index.restore(os.path.join(folder, "index.usearch"), view=True)

    def search(self, queries, candidates):
        self.index.expansion_search = candidates
        return self.index.search(queries, K).keys.reshape(len(queries), K).tolist()


class LanceDB:
    package = "lancedb"
    settings = PROBES
    refined = 256

    def connect(self, folder):
        import lancedb

        return lancedb.connect(folder)

    def build(self, source, folder):
        import pyarrow

        x = Rows(source)
        schema = pyarrow.schema([("row", pyarrow.int64()), ("vector", pyarrow.list_(pyarrow.float32(), x.dim))])

        def batches():
            for first, part in x.parts():
                vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(part.ravel()), x.dim)
                yield pyarrow.record_batch([pyarrow.array(numpy.arange(first, first + len(part))), vectors], schema=schema)

        table = self.connect(folder).create_table("documents", data=batches(), schema=schema)
        table.create_index(metric="l2")  # by its own choice of kind, lists and codes

    def open(self, folder):
        self.table = self.connect(folder).open_table("documents")

    def search(self, queries, probes):
        asked = (self.table.search(q).nprobes(probes).refine_factor(self.refined).limit(K).select(["row", "_distance"]) for q in queries)
        return [[hit["row"] for hit in query.to_list()] for query in asked]


class SQLiteVec:
    package = "sqlite-vec"
    settings = [0]  # it is exact

    def connect(self, folder):
        import apsw  # the sqlite3 of some Pythons loads no extensions
        import sqlite_vec

        db = apsw.Connection(os.path.join(folder, "documents.db"))
        db.enable_load_extension(True)
        sqlite_vec.load(db)
        return db

    def build(self, source, folder):
        x, db = Rows(source), self.connect(folder)
        db.execute(f"CREATE VIRTUAL TABLE documents USING vec0(vector float[{x.dim}])")
        with db:
            for first, part in x.parts():
                db.executemany("INSERT INTO documents (rowid, vector) VALUES (?, ?)", ((first + i, v.tobytes()) for i, v in enumerate(part)))

    def open(self, folder):
        self.db = self.connect(folder)

    def search(self, queries, _):
        ask = "SELECT rowid FROM documents WHERE vector MATCH ? AND k = ? ORDER BY distance"
        return [[row for (row,) in self.db.execute(ask, (q.tobytes(), K))] for q in queries]


SYSTEMS = {"ivf-pq": IVFPQ, "ivf-rabitq": RaBitQ, "hnsw": HNSW, "usearch": USearch, "lancedb": LanceDB, "sqlite-vec": SQLiteVec}


def exact(source, queries):
    """The nearest rows of each part, of which the nearest of all are kept."""
    import faiss

    near = faiss.ResultHeap(len(queries), K)
    for first, part in Rows(source).parts():
        distances, numbers = faiss.knn(queries, part, K)
        near.add_result(distances, numbers + first)
    near.finalize()
    return near.I.tolist()


def say(what):
    print(json.dumps(what), flush=True)


def main(name, *args):
    if name == "exact":
        return say(exact(args[0], numpy.load(args[1])))
    system, (verb, *args) = SYSTEMS[name](), args
    if verb == "version":
        return print(importlib.metadata.version(system.package))
    if verb == "build":
        os.makedirs(args[1])
        return system.build(*args)
    system.open(args[0])
    queries = numpy.load(args[1])
    if verb == "search":
        return say(system.search(queries, int(args[2])))
    say([[setting, system.search(queries[:SWEPT], setting)] for setting in system.settings])


main(*sys.argv[1:])
