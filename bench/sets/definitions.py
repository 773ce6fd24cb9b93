"""defs: WordNet's gloss of a word with one sense -> the entry of that word in GCIDE (Webster 1913), its head word removed: two authors'
definitions of one thing. defs0: those that share no content word, a set that words do not help with, among others."""

import gzip
import random
import re
from functools import reduce

from sets import SHARE, cut, distinct, fold, save, save_pairs

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
STOP = set(
    """a an the of or and to in on for with by from as at is are be been being that which who whom whose it its this these those
    not no any some one into used having has have had such other than when where very more most so if but etc esp his her their
    they he she person something someone usually often being especially act make made""".split()
)


def number(digits):
    return reduce(lambda n, digit: n * 64 + DIGITS.index(digit), digits, 0)


def entries():
    """GCIDE's entries, by word."""
    text = gzip.open(SHARE / "dictd" / "gcide.dict.dz").read()
    by_word = {}
    for line in open(SHARE / "dictd" / "gcide.index", encoding="utf8"):
        word, offset, size = line.rstrip("\n").split("\t")[:3]
        if not word.startswith("00-"):
            start = number(offset)
            by_word.setdefault(word.lower(), []).append(text[start : start + number(size)].decode("utf8", "replace"))
    return by_word


def glosses():
    """WordNet's glosses of the words with one sense, without their examples."""
    gloss, senses = {}, {}
    for part in ("noun", "verb", "adj", "adv"):
        for line in open(SHARE / "wordnet" / f"data.{part}"):
            if line.startswith("  "):
                continue
            head, text = line.split(" | ", 1)
            fields = head.split()
            for i in range(int(fields[3], 16)):
                word = fields[4 + 2 * i].lower()
                senses[word] = senses.get(word, 0) + 1
                gloss[word] = fold(re.sub(r';?\s*"[^"]*"', "", text)).strip(" ;")
    return {word: text for word, text in gloss.items() if senses[word] == 1}


def pairs():
    by_word = entries()
    for word, gloss in sorted(glosses().items()):
        found = by_word.get(word, [])
        stem = r"(?i)\b" + re.escape(word[: max(4, len(word) - 2)])
        if "_" in word or len(word) < 4 or len(found) != 1 or len(gloss) < 30 or re.search(stem, gloss):
            continue
        entry = re.sub(r"^[^\n]*\n", "", found[0], count=1)  # word, pronunciation, etymology
        if "WordNet" in entry:
            continue  # taken from there
        entry = re.sub(r"\[[^\]]*\]|\{|\}|--|\(\w+\.?\)", "", entry)
        entry = re.sub(stem + r"\w*", "", entry)
        entry = fold(re.sub(r"^\s*\d+\.\s*", "", entry, flags=re.M))
        if not re.match(r"(?i)(same as|see|of or pertaining)", entry):
            yield gloss, entry


def content(text):
    """The beginnings of the words that mean something."""
    return {w[:5] for w in re.findall(r"[a-z]+", text.lower()) if w not in STOP and len(w) > 2}


def without_overlap(all_pairs):
    """At most 300 pairs that share no content word."""
    chosen = [
        (q, d) for q, d in all_pairs if not content(q) & content(d) and len(content(q)) >= 3 and len(content(d)) >= 4
    ]
    random.Random(5).shuffle(chosen)
    seen, kept = set(), []
    for query, doc in chosen:
        query, doc = cut(query, 200), cut(doc, 600)
        if len(doc) >= 50 and doc not in seen:
            seen.add(doc)
            kept.append((query, doc))
    return kept[:300]


def build():
    every = list(pairs())
    chosen = distinct(every, 1500, least=60, longest=600)
    save_pairs("defs", chosen, 1500, 300, note="WordNet gloss -> GCIDE definition, head word removed")

    chosen = without_overlap(every)
    docs = [doc for _, doc in chosen]
    used = set(docs)
    others = [(q, d) for q, d in every if content(q) & content(d)]
    random.Random(6).shuffle(others)
    for _, doc in others:
        doc = cut(doc, 600)
        if len(docs) >= 1500:
            break
        if len(doc) >= 60 and doc not in used:
            used.add(doc)
            docs.append(doc)
    note = "WordNet gloss -> GCIDE definition, no shared content word"
    save("defs0", docs, [query for query, _ in chosen], [[i] for i in range(len(chosen))], "en", note)
