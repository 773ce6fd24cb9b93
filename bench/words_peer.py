"""Indexes texts, one a line, by their words, and answers questions, with SQLite's FTS5 or with tantivy.

Usage: words_peer.py build ENGINE INDEX TEXTS N    the first N lines of a file; prints the processor time
       words_peer.py serve ENGINE INDEX            a question a line of stdin
       words_peer.py once ENGINE INDEX QUESTION
An answer is a line of JSON: how long it took, and the lines of the ten best texts, from 0.
Any word of a question will do; the order is that of BM25.
"""

import itertools
import json
import os
import sys
import time

K = 10


class FTS5:
    def __init__(self, path):
        import sqlite3

        self.db = sqlite3.connect(path)

    def build(self, texts):
        self.db.execute("PRAGMA journal_mode = off")
        self.db.execute("PRAGMA synchronous = off")
        self.db.execute("CREATE VIRTUAL TABLE doc USING fts5(text, content='', tokenize='porter unicode61')")
        self.db.executemany("INSERT INTO doc (rowid, text) VALUES (?, ?)", enumerate(texts))
        self.db.execute("INSERT INTO doc (doc) VALUES ('optimize')")
        self.db.commit()

    def ask(self, question):
        match = " OR ".join(f'"{word}"' for word in question.split())
        return [row[0] for row in self.db.execute("SELECT rowid FROM doc WHERE doc MATCH ? ORDER BY rank LIMIT ?", (match, K))]


class Tantivy:
    def __init__(self, path):
        import tantivy

        self.document = tantivy.Document
        schema = tantivy.SchemaBuilder()
        schema.add_text_field("text", tokenizer_name="en_stem", index_option="freq")
        schema.add_unsigned_field("line", stored=True)
        os.makedirs(path, exist_ok=True)
        self.index = tantivy.Index(schema.build(), path=path)
        self.searcher = self.index.searcher()

    def build(self, texts):
        writer = self.index.writer(heap_size=1_000_000_000)
        for i, text in enumerate(texts):
            writer.add_document(self.document(text=text, line=i))
        writer.commit()
        writer.wait_merging_threads()

    def ask(self, question):
        hits = self.searcher.search(self.index.parse_query(question, ["text"]), K, count=False).hits
        return [self.searcher.doc(address)["line"][0] for _, address in hits]


ENGINES = {"FTS5": FTS5, "tantivy": Tantivy}


def size(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(entry.stat().st_size for entry in os.scandir(path))


def answer(engine, question):
    start = time.perf_counter()
    lines = engine.ask(question)
    print(json.dumps({"seconds": time.perf_counter() - start, "labels": lines}), flush=True)


def main(verb, name, path, *rest):
    engine = ENGINES[name](path)
    if verb == "build":
        texts, n = rest
        start = time.process_time()
        with open(texts, encoding="ascii") as file:
            engine.build(line.rstrip("\n") for line in itertools.islice(file, int(n)))
        print(json.dumps({"seconds": time.process_time() - start, "bytes": size(path)}))
        return
    for question in rest or sys.stdin:
        answer(engine, question.strip())


main(*sys.argv[1:])
