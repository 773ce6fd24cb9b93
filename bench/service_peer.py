"""Makes a FAISS store of texts with LangChain and OpenAIEmbeddings.

Usage: service_peer.py URL TEXTS FOLDER TOOK

URL is the base URL of a service that speaks OpenAI's protocol, TEXTS a file of records
{"text": ...}, a line each. The store is saved in FOLDER. TOOK gets the seconds of from_texts
alone, without the start of Python, its imports and the saving, and the number of vectors.
"""

import json
import sys
import time

from langchain_community.vectorstores import FAISS
from langchain_openai import OpenAIEmbeddings


def main():
    url, records, folder, took = sys.argv[1:]
    with open(records) as f:
        texts = [json.loads(line)["text"] for line in f]
    # With check_embedding_ctx_length it would first load tiktoken's table from the network, and send
    # numbers of tokens, which compatible services do not take. Without, it does less.
    embeddings = OpenAIEmbeddings(
        model="text-embedding-3-small", base_url=url, api_key="none", check_embedding_ctx_length=False
    )
    start = time.perf_counter()
    store = FAISS.from_texts(texts, embeddings)
    seconds = time.perf_counter() - start
    store.save_local(folder)
    with open(took, "w") as f:
        json.dump({"seconds": seconds, "vectors": store.index.ntotal}, f)


if __name__ == "__main__":
    main()
