"""all: the English sets as one store, with the questions of all. some and many: the same among 5,000 and 100,000 other texts, entries of
GCIDE and descriptions of packages."""

import json
import random

from definitions import entries, glosses
from pages import descriptions
from sets import OUT, cut, fold, read_docs, save

PARTS = ("defs", "diag", "ident", "lo-en", "man-en", "deb-en", "para50")  # the others have texts of these
SOME, OTHERS = 5_000, 100_000


def joined():
    docs, queries, relevant = [], [], []
    for name in PARTS:
        with open(OUT / name / "questions.jsonl", encoding="utf8") as file:
            for question in map(json.loads, file):
                queries.append(question["query"])
                relevant.append([len(docs) + int(label.removeprefix("id:d")) for label in question["expect"]])
        docs += read_docs(name)
    return docs, queries, relevant


def others(docs):
    """Texts that answer none of the questions: of words and packages that are in no set."""
    asked, begun = glosses(), {doc[:100] for doc in docs}
    texts = [cut(text, 600) for word, found in sorted(entries().items()) if word not in asked for text in found]
    texts += [cut(fold(short + ". " + long)) for short, long in descriptions("en").values() if long[:100] not in begun]
    texts = list(dict.fromkeys(text for text in texts if len(text) >= 60))
    random.Random(7).shuffle(texts)
    return texts[:OTHERS]


def build():
    docs, queries, relevant = joined()
    save("all", docs, queries, relevant, "en", "the English sets as one store")
    save("some", docs + others(docs)[:SOME], queries, relevant, "en", "the English sets among 5,000 other texts")
    save("many", docs + others(docs), queries, relevant, "en", "the English sets among 100,000 other texts")
