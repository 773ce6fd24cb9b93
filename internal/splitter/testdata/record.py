"""Record what LangChain's splitters do with made-up texts and options.

pip install langchain-text-splitters==1.1.3
python -W ignore record.py SEED COUNT KINDS >recorded.jsonl

KINDS: some of character,regex,recursive,markdown. One case a line: o (our
Options), t (the text), then chunks ([text, start_index, metadata]) and warn
(sizes warned about), or error. A list of regular expressions is checked as a
whole here, where LangChain would look at one only when it comes to use it.
"""
import json
import logging
import random
import re
import sys

import langchain_text_splitters.base as base
from langchain_text_splitters import (
    CharacterTextSplitter, Language, MarkdownHeaderTextSplitter, RecursiveCharacterTextSplitter)

TEXT = ["a", "b", "ab", "é", "中", "𝔘", " ", "  ", "\n", "\n\n", "\t", ".", ", ", "x", "X", "1", "٣", "-", "_", "\u200d",
        "\u0301", "\x1c", "\xa0", "#", "# ", "## ", "**", "```", "~~~", "k", "aa", "\r\n", "(", ")"]
LITERALS = ["\n\n", "\n", " ", ". ", ".", "a", "ab", "aa", "é", "", ", ", "\u0301", "X"]
ATOMS = [r"\s", r"\d", r"\w", r"\W", r"\S", r"\D", ".", "a", "b", "x", "é", "[a-c]", "[^a]", r"[\s.]", r"[\W_]", r"[\S]",
         r"[^\w\s]", "(a|b)", "(?:a|b)", "(?P<n>a)", r"\b", r"\B", "^", "$", r"\Z", r"\A", "(?=a)", "(?!b)", "(?<=a)",
         "(?<!a)", "(?i:x)", "(?>a+)", r"\n", r"\x61", r"\141", r"[\b\x61]", "(a)?", "[]a]", "[a-]", r"\.", "(?s:.)",
         "(?m:^)", "(?m:$)", r"[\d-]", "(?#c)", r"(?a:\w)", "(x|)"]
REPETITIONS = ["", "", "", "", "*", "+", "?", "{2}", "{1,2}", "{,2}", "+?", "*?", "++", "?+", "*+", "{2,}", "{", "{a}"]


def made_text(rnd, parts):
    return "".join(rnd.choice(TEXT) for _ in range(parts))


def made_regex(rnd):
    s = "".join(rnd.choice(ATOMS) + rnd.choice(REPETITIONS) for _ in range(rnd.randint(1, 4)))
    r = rnd.random()
    if r < 0.1:
        return s + rnd.choice([r"\1", "(?P=n)", r"\2", "(?(1)a|b)"])
    if r < 0.15:
        return s + "|" + rnd.choice(ATOMS)
    if r < 0.2:
        return rnd.choice(["(?i)", "(?m)", "(?s)", "(?x)", "(?a)", "(?im)"]) + s
    return s


def recursive_arguments(rnd, o):
    """Choose separators; returns those to check and the splitter's maker."""
    way = rnd.random()
    if way < 0.3:
        language = rnd.choice([x for x in Language if x != Language.PERL])
        o["language"] = language.value
        return [], lambda **kw: RecursiveCharacterTextSplitter.from_language(language, **kw)
    regex = way < 0.6
    count = rnd.randint(1, 3)
    o["separators"] = [made_regex(rnd) for _ in range(count)] if regex else rnd.sample(LITERALS, count)
    o["regex"] = regex
    return o["separators"] if regex else [], lambda **kw: RecursiveCharacterTextSplitter(
        separators=o["separators"], is_separator_regex=regex, **kw)


def split(rnd, kind, o, text, **kw):
    if kind == "markdown":
        headers = [("#" * n, f"Header {n}") for n in range(1, 7)]
        sections = MarkdownHeaderTextSplitter(headers, strip_headers=False).split_text(text)
        return RecursiveCharacterTextSplitter(**kw).split_documents(sections)
    if kind == "recursive":
        expressions, make = recursive_arguments(rnd, o)
        for e in expressions:
            re.compile(e)
            if o["keep"] != "none":
                re.compile(f"({e})")
        return make(add_start_index=True, **kw).create_documents([text])
    o["regex"] = kind == "regex"
    o["separators"] = [made_regex(rnd) if o["regex"] else rnd.choice(LITERALS)]
    return CharacterTextSplitter(
        separator=o["separators"][0], is_separator_regex=o["regex"], add_start_index=True, **kw).create_documents([text])


def case(rnd, kind, warned):
    size = rnd.choice([1, 2, 3, 5, 8, 13, 20, 40])
    overlap = rnd.choice([0, 0, rnd.randint(0, size)])
    keep, strip = rnd.choice(["none", "start", "end"]), rnd.random() < 0.7
    o = {"kind": "character" if kind == "regex" else kind, "chunk_size": size, "chunk_overlap": overlap, "keep": keep}
    if not strip:
        o["no_strip"] = True
    if kind == "markdown":
        text = "\n".join(made_text(rnd, rnd.randint(0, 8)) for _ in range(rnd.randint(0, 15)))
    else:
        text = made_text(rnd, rnd.randint(0, 60))
    warned.clear()
    try:
        documents = split(rnd, kind, o, text, chunk_size=size, chunk_overlap=overlap, strip_whitespace=strip,
                          keep_separator={"none": False}.get(keep, keep))
    except Exception as e:
        return {"o": o, "t": text, "error": f"{type(e).__name__}: {e}"}
    chunks = [[d.page_content, d.metadata.pop("start_index", None), d.metadata] for d in documents]
    return {"o": o, "t": text, "chunks": chunks, "warn": list(warned)}


def main():
    seed, count, kinds = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(",")
    warned = []
    handler = logging.Handler()
    handler.emit = lambda record: warned.append(record.args[0])
    base.logger.addHandler(handler)
    base.logger.propagate = False
    rnd = random.Random(seed)
    for n in range(count):
        print(json.dumps(case(rnd, kinds[n % len(kinds)], warned), ensure_ascii=False))


main()
