"""Makes, loads and saves folders as LangChain's FAISS store has them.

Usage: store_peer.py make FOLDER DOCUMENTS DIM
       store_peer.py load FOLDER
       store_peer.py save FOLDER INTO
Loading and saving print the seconds of that call alone and the peak resident
bytes of the whole process, as one line of JSON.
"""

import json
import random
import resource
import sys
import time
import uuid

import faiss
import numpy as np
from langchain_community.docstore.in_memory import InMemoryDocstore
from langchain_community.vectorstores import FAISS
from langchain_core.documents import Document


def make(folder, documents, dim):
    """Saves a store with random unit vectors, random UUIDs as ids, and metadata as a PDF loader gives them."""
    ids, words = random.Random(3), random.Random(4)
    index = faiss.IndexFlatL2(dim)
    vectors = np.random.default_rng(5)
    docs, positions = {}, {}
    for i in range(documents):
        key = str(uuid.UUID(int=ids.getrandbits(128), version=4))
        text = f"This is document {i} of a synthetic store, with a number, {words.getrandbits(64)}, that no other has."
        docs[key] = Document(id=key, page_content=text, metadata={"source": f"papers/{i // 1000:04d}.pdf", "page": i % 1000})
        positions[i] = key
    for start in range(0, documents, 10_000):
        x = vectors.standard_normal((min(10_000, documents - start), dim), dtype=np.float32)
        index.add(x / np.linalg.norm(x, axis=1, keepdims=True))
    FAISS(None, index, InMemoryDocstore(docs), positions).save_local(folder)


def load(folder):
    return FAISS.load_local(folder, None, allow_dangerous_deserialization=True)


def report(start):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"Seconds": time.perf_counter() - start, "Peak": peak}))


def main(verb, folder, *rest):
    if verb == "make":
        make(folder, *map(int, rest))
        return
    start = time.perf_counter()
    store = load(folder)
    if verb == "save":
        start = time.perf_counter()
        store.save_local(*rest)
    report(start)


main(*sys.argv[1:])
