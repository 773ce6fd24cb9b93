"""What the builders of sets share: where things are, how text is cut, how a set is written."""

import html
import json
import random
import re
import sys
from pathlib import Path

SOURCES = Path(sys.argv[1])  # what fetch.sh made
SHARE = SOURCES / "root" / "usr" / "share"
OUT = Path(sys.argv[2])

CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def fold(text):
    """Text with one blank for each run of white space."""
    return re.sub(r"\s+", " ", text).strip()


def visible(page):
    """The visible text of HTML."""
    page = re.sub(r"(?is)<(script|style|noscript|nav|header|footer|aside)\b.*?</\1>", " ", page)
    page = re.sub(r"(?i)</?(p|div|li|h\d|tr|td|th|br|dt|dd|pre|ul|ol|table|section)\b[^>]*>", " \n ", page)
    return fold(html.unescape(re.sub(r"<[^>]+>", "", page)))


def cut(text, most=1000):
    """The beginning of a text, which ends with a word where that costs little."""
    text = fold(text)
    if len(text) <= most:
        return text
    text = text[:most]
    blank = text.rfind(" ")
    return text[:blank] if blank > most * 0.8 else text


def save(name, docs, queries, relevant, lang, note):
    """Writes a set: relevant has for each query the numbers of the documents that answer it."""
    assert len(queries) == len(relevant)
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "docs.jsonl", ({"id": f"d{i}", "text": text} for i, text in enumerate(docs)))
    write_lines(
        folder / "questions.jsonl",
        (
            {"id": f"q{i}", "query": query, "expect": [f"id:d{n}" for n in numbers]}
            for i, (query, numbers) in enumerate(zip(queries, relevant))
        ),
    )
    (folder / "set.json").write_text(json.dumps({"lang": lang, "note": note}))
    print(f"{name}: {len(docs)} documents, {len(queries)} questions", flush=True)


def save_pairs(name, pairs, docs=1000, queries=250, lang="en", note=""):
    """Writes a set of pairs of a query and its document."""
    save(name, [d for _, d in pairs[:docs]], [q for q, _ in pairs[:queries]], [[i] for i in range(queries)], lang, note)


def distinct(pairs, docs, least=120, longest=1000):
    """Pairs without those that are short or have a query or the beginning of a document in common, in random order."""
    begun, asked, kept = set(), set(), []
    for query, doc in pairs:
        query, doc = cut(query, 200), cut(doc, longest)
        scale = 0.4 if CJK.search(doc) else 1
        if len(doc) < least * scale or len(query) < 12 * scale or doc[:150] in begun or query.lower() in asked:
            continue
        begun.add(doc[:150])
        asked.add(query.lower())
        kept.append((query, doc))
    random.Random(1).shuffle(kept)
    return kept[:docs]


def write_lines(path, objects):
    with open(path, "w", encoding="utf8") as file:
        for o in objects:
            file.write(json.dumps(o, ensure_ascii=False) + "\n")


def read_docs(name):
    with open(OUT / name / "docs.jsonl", encoding="utf8") as file:
        return [json.loads(line)["text"] for line in file]
