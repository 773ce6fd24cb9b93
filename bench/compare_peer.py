"""Builds and asks an index of one of the systems that sheaf is compared with.

Usage: compare_peer.py SYSTEM version
       compare_peer.py SYSTEM build DOCUMENTS FOLDER    makes an index of them
       compare_peer.py SYSTEM search FOLDER QUERIES     answers all queries and ends
       compare_peer.py SYSTEM serve FOLDER QUERIES      answers whenever a line arrives on stdin:
                                                        the first query for "one", all for any other
       compare_peer.py langchain rank FOLDER QUESTIONS VECTORS
                                                        asks a store in words, by two retrievers

DOCUMENTS is a NumPy matrix with the documents in a .jsonl beside it, QUERIES and VECTORS are raw
little-endian float32, QUESTIONS is a JSON list. An answer is the numbers of the nearest documents,
for each query, as JSON; that of serve is a line, with the seconds that it took; those of rank are
ids, by retriever. Each system is set as it comes, and maps files where it can instead of reading them.
"""

import importlib.metadata
import json
import os
import sys
import time

import numpy

K = 10
DIM = 384


def documents(path):
    with open(path.removesuffix(".npy") + ".jsonl", encoding="utf8") as file:
        return [json.loads(line) for line in file]


class NumPy:
    package = "numpy"

    def build(self, source, folder):
        x = numpy.load(source)
        numpy.save(os.path.join(folder, "vectors.npy"), x)
        numpy.save(os.path.join(folder, "squares.npy"), (x * x).sum(axis=1))

    def open(self, folder):
        self.vectors = numpy.load(os.path.join(folder, "vectors.npy"), mmap_mode="r")
        self.squares = numpy.load(os.path.join(folder, "squares.npy"))

    def search(self, queries):
        distances = self.squares - 2 * (queries @ self.vectors.T)
        near = numpy.argpartition(distances, K, axis=1)[:, :K]
        order = numpy.take_along_axis(distances, near, axis=1).argsort(axis=1)
        return numpy.take_along_axis(near, order, axis=1).tolist()


class Faiss:
    package = "faiss-cpu"

    def __init__(self):
        import faiss

        self.faiss = faiss

    def index(self):
        return self.faiss.IndexFlatL2(DIM)

    def build(self, source, folder):
        index = self.index()
        index.add(numpy.load(source))
        self.faiss.write_index(index, os.path.join(folder, "index.faiss"))

    def open(self, folder):
        self.opened = self.faiss.read_index(os.path.join(folder, "index.faiss"), self.faiss.IO_FLAG_MMAP_IFC)

    def search(self, queries):
        return self.opened.search(queries, K)[1].tolist()


class FaissHNSW(Faiss):
    def index(self):
        return self.faiss.IndexHNSWFlat(DIM, 32)


class USearch:
    package = "usearch"

    def build(self, source, folder):
        from usearch.index import Index

        x = numpy.load(source)
        index = Index(ndim=DIM, metric="l2sq", dtype="f32")
        index.add(numpy.arange(len(x)), x)
        index.save(os.path.join(folder, "index.usearch"))

    def open(self, folder):
        from usearch.index import Index

        self.index = Index.restore(os.path.join(folder, "index.usearch"), view=True)

    def search(self, queries):
        return self.index.search(queries, K).keys.reshape(len(queries), K).tolist()


class LanceDB:
    package = "lancedb"

    def connect(self, folder):
        import lancedb

        return lancedb.connect(folder)

    def build(self, source, folder):
        import pyarrow

        x, docs = numpy.load(source), documents(source)
        table = pyarrow.table(
            {
                "row": pyarrow.array(range(len(docs)), pyarrow.int64()),
                "text": [d["text"] for d in docs],
                "metadata": [json.dumps(d["metadata"]) for d in docs],
                "vector": pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(x.ravel()), DIM),
            }
        )
        self.connect(folder).create_table("documents", table)

    def open(self, folder):
        self.table = self.connect(folder).open_table("documents")

    def search(self, queries):
        found = (self.table.search(q).limit(K).select(["row", "text", "_distance"]).to_list() for q in queries)
        return [[hit["row"] for hit in hits] for hits in found]


class SQLiteVec:
    package = "sqlite-vec"

    def connect(self, folder):
        import apsw  # the sqlite3 of some Pythons loads no extensions
        import sqlite_vec

        db = apsw.Connection(os.path.join(folder, "documents.db"))
        db.enable_load_extension(True)
        sqlite_vec.load(db)
        return db

    def build(self, source, folder):
        db = self.connect(folder)
        db.execute(f"CREATE VIRTUAL TABLE documents USING vec0(vector float[{DIM}], +text TEXT, +metadata TEXT)")
        rows = zip(numpy.load(source), documents(source))
        with db:
            db.executemany(
                "INSERT INTO documents (rowid, vector, text, metadata) VALUES (?, ?, ?, ?)",
                ((i, x.tobytes(), d["text"], json.dumps(d["metadata"])) for i, (x, d) in enumerate(rows)),
            )

    def open(self, folder):
        self.db = self.connect(folder)

    def search(self, queries):
        ask = "SELECT rowid, distance, text FROM documents WHERE vector MATCH ? AND k = ? ORDER BY distance"
        return [[row for row, _, _ in self.db.execute(ask, (q.tobytes(), K))] for q in queries]


class LangChain:
    package = "langchain-community"

    def build(self, source, folder):
        from langchain_community.vectorstores import FAISS

        docs = documents(source)
        pairs = zip((d["text"] for d in docs), numpy.load(source))
        ids = [str(i) for i in range(len(docs))]
        FAISS.from_embeddings(pairs, given(), [d["metadata"] for d in docs], ids).save_local(folder)

    def open(self, folder, embeddings=None):
        from langchain_community.vectorstores import FAISS

        self.store = FAISS.load_local(folder, embeddings or given(), allow_dangerous_deserialization=True)  # ours, just written

    def search(self, queries):
        return [[int(d.id) for d in self.store.similarity_search_by_vector(q, k=K)] for q in queries]

    def rank(self, questions):
        """Ids by similarity_search, and by a retriever of that and BM25, each as LangChain has it."""
        from langchain_classic.retrievers import EnsembleRetriever
        from langchain_community.retrievers import BM25Retriever

        words = BM25Retriever.from_documents(list(self.store.docstore._dict.values()), k=K)
        both = EnsembleRetriever(retrievers=[words, self.store.as_retriever(search_kwargs={"k": K})], weights=[0.5, 0.5], id_key=None)
        return {
            "similarity": [[d.id for d in self.store.similarity_search(q, k=K)] for q in questions],
            "ensemble": [[d.id for d in both.invoke(q)[:K]] for q in questions],
        }


def given(texts=(), vectors=()):
    """Embeddings that are known, in the place of a model's."""
    from langchain_core.embeddings import Embeddings

    class Given(Embeddings):
        known = dict(zip(texts, vectors))

        def embed_query(self, text):
            return self.known[text].tolist()

        def embed_documents(self, texts):
            return [self.embed_query(text) for text in texts]

    return Given()


SYSTEMS = {
    "numpy": NumPy,
    "faiss": Faiss,
    "faiss-hnsw": FaissHNSW,
    "usearch": USearch,
    "lancedb": LanceDB,
    "sqlite-vec": SQLiteVec,
    "langchain": LangChain,
}


def matrix(path):
    return numpy.fromfile(path, dtype="<f4").reshape(-1, DIM)


def say(what):
    print(json.dumps(what), flush=True)


def serve(system, queries):
    for line in sys.stdin:
        asked = queries[:1] if line.strip() == "one" else queries
        start = time.perf_counter()
        system.search(asked)
        say({"seconds": time.perf_counter() - start})


def main(name, verb, *args):
    system = SYSTEMS[name]()
    if verb == "version":
        print(importlib.metadata.version(system.package))
    elif verb == "build":
        os.makedirs(args[1])
        system.build(*args)
    elif verb == "rank":
        with open(args[1], encoding="utf8") as file:
            questions = json.load(file)
        system.open(args[0], given(questions, matrix(args[2])))
        say(system.rank(questions))
    else:
        system.open(args[0])
        queries = matrix(args[1])
        if verb == "serve":
            serve(system, queries)
        else:
            say(system.search(queries))


main(*sys.argv[1:])
