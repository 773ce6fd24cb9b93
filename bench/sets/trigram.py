"""Prints how SQLite's FTS5 with its trigram tokenizer answers a set, as sheaf eval --json prints it: trigram.py SET. A query is
any of its trigrams, the order is that of bm25()."""

import json
import math
import sqlite3
import sys
from pathlib import Path

folder = Path(sys.argv[1])
db = sqlite3.connect(":memory:")
db.execute("CREATE VIRTUAL TABLE doc USING fts5(id UNINDEXED, text, tokenize='trigram')")


def lines(name):
    with open(folder / name, encoding="utf8") as file:
        yield from map(json.loads, file)


db.executemany("INSERT INTO doc VALUES (?, ?)", ((d["id"], d["text"]) for d in lines("docs.jsonl")))


def ask(query):
    grams = {word[i : i + 3] for word in query.split() for i in range(len(word) - 2)}
    if not grams:
        return []
    match = " OR ".join('"' + gram.replace('"', '""') + '"' for gram in sorted(grams))
    rows = db.execute("SELECT id FROM doc WHERE doc MATCH ? ORDER BY bm25(doc), rowid LIMIT 10", (match,))
    return [row[0] for row in rows]


def gain(ranks):
    return sum(1 / math.log2(rank + 1) for rank in ranks)


sums, questions = [0, 0, 0], list(lines("questions.jsonl"))
for question in questions:
    relevant = {label.removeprefix("id:") for label in question["expect"]}
    ranks = [rank for rank, found in enumerate(ask(question["query"]), 1) if found in relevant]
    sums[0] += gain(ranks) / gain(range(1, min(10, len(relevant)) + 1))
    sums[1] += len(ranks) / len(relevant)
    sums[2] += 1 / ranks[0] if ranks else 0
names = ("ndcg@10", "recall@10", "mrr@10")
print(json.dumps({"metrics": {name: {"value": x / len(questions)} for name, x in zip(names, sums)}}))
