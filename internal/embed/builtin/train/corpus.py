"""Gathers the training texts: English documentation, manuals, help and dictionaries, without those of evaluation sets.

usage: corpus.py ROOT... --apt DIR --sets DIR --code DIR... --out DIR

ROOT holds unpacked Debian packages (their usr/); DIR of --apt the lists Translation-en of package descriptions; of --sets
the evaluation sets as JSON ({"docs", "queries", "lang"}); of --code sources in Go and Python. Writes to OUT

  texts.txt        one text a line: questions and titles, sentences, passages
  pairs.json       {source: [[question, passage], ...]}, numbers of lines: a title and its text, two definitions of a word
  valid-NAME.json  {"docs", "queries", "rel"}: sets to choose by, of units that are no part of the texts

A text that shares five words in a row with a document or a question of an evaluation set is left out; a page or package whose
title is a question or whose text begins as a document does is left out as a whole. Needs the program lz4.
"""
import argparse, ast, collections, glob, gzip, itertools, json, os, random, re, subprocess, sys

sys.path.append(os.path.join(os.path.dirname(__file__), "../../multilingual/train"))
from plain import manual, sentences, squeeze, strip_tags

SHARED = 5             # words in a row that make a text one of an evaluation set
HELD_SHARE = 0.5       # a unit that has lost more of its sentences is left out
PASSAGE = 420          # characters of a passage; of one to choose by, 1,000
# Texts of each source: pairs of a title and a passage, and passages without a title or some sentences of one.
PAIRS = dict(package=4500, office=1000, manual=1500, identifier=200, dictionary=2500, section=6000, definition=14000, docstring=4500)
OTHERS = dict(package=1500, office=3000, manual=600, dictionary=1500, section=3000, prose=3000, gloss=14000, entry=9000, docstring=1500)
VALID = dict(package=(1200, 300), office=(350, 250), manual=(1000, 250), identifier=(500, 200), definition=(700, 300))
# How an identifier is asked for.
ASKED = ["{}", "{}", "{}", "{} example", "{}() returns an error", "what is {} for", "call to {}"]
# Packages whose sections are only for choosing: kinds of text that nothing was trained on.
ASIDE = {"anarchism": "prose", "git-doc": "git"}


def cut(s, n):
    s = squeeze(s)
    if len(s) <= n:
        return s
    end = s.rfind(" ", 0, n)
    return s[:end if end > n * 0.8 else n]


def words(text):
    return re.findall(r"\w+", text.lower())


def runs(text):
    w = words(text)
    return [hash(tuple(w[i:i + SHARED])) for i in range(len(w) - SHARED + 1)]


class Held:
    """What evaluation sets have."""

    def __init__(self, folder):
        self.texts, self.beginnings, self.runs = set(), set(), set()
        for file in glob.glob(folder + "/*.json"):
            data = json.load(open(file))
            for text in map(squeeze, itertools.chain(data["docs"], data["queries"])):
                self.texts.add(text.lower())
                self.beginnings.add(text[:60])
                if "en" in data.get("lang", "en"):
                    self.runs.update(runs(text))

    def has(self, text):
        return text.lower() in self.texts or any(r in self.runs for r in runs(text))

    def has_unit(self, title, body):
        return squeeze(title).lower() in self.texts or squeeze(body)[:60] in self.beginnings


class Corpus:
    """Units, a title (or none) with a body, by source."""

    def __init__(self, held):
        self.held, self.units, self.lost = held, collections.defaultdict(list), collections.Counter()
        self.seen = set()

    def add(self, source, title, body):
        title = squeeze(title)
        whole = sentences(body)
        if self.held.has_unit(title, body) or not whole:
            self.lost[source] += 1
            return
        kept = [s for s in whole if not self.held.has(s)]
        if len(kept) < HELD_SHARE * len(whole) or self.held.has(title):
            self.lost[source] += 1
            return
        key = source, " ".join(kept)[:150].lower()
        if key not in self.seen and len(" ".join(kept)) >= 20 and re.search(r"[a-z]{3}", key[1]):
            self.seen.add(key)
            self.units[source].append((title if len(title) >= 8 else "", kept))


def package_descriptions(c, apt):
    for file in sorted(glob.glob(apt + "/*bookworm_main_i18n_Translation-en.lz4")):
        raw = subprocess.run(["lz4", "-dc", file], capture_output=True, check=True).stdout.decode()
        for paragraph in raw.split("\n\n"):
            d = re.search(r"^Description-(?!md5)\S+: (.*)\n((?: .*\n?)*)", paragraph, re.M)
            if d:
                c.add("package", d.group(1), re.sub(r"\n \.\n", "\n\n", re.sub(r"\n (?![ .])", " ", "\n" + d.group(2))))


def libreoffice(c, roots):
    for root in roots:
        for file in sorted(glob.glob(root + "/usr/share/libreoffice/help/en-US/text/**/*.html", recursive=True)):
            area = re.search(r'(?is)<div id="DisplayArea".*?>(.*)', open(file, encoding="utf8").read())
            if area:
                heading = re.search(r"(?is)<h1[^>]*>(.*?)</h1>", area.group(1))
                title = strip_tags(heading.group(1)) if heading else ""
                c.add("office", title, strip_tags(re.sub(r"(?is)<h1[^>]*>.*?</h1>", "", area.group(1)))[:6000])


def manual_pages(c, roots):
    """The line NAME and DESCRIPTION; of a family of pages (PROGRAM-VERB, of which some have thousands) 300 at most."""
    families = collections.Counter()
    files = [f for r in roots for f in sorted(glob.glob(r + "/usr/share/man/man[1-8]/*.gz"))]
    random.shuffle(files)
    for file in files:
        family = re.split(r"[-_.]", os.path.basename(file))[0]
        families[family] += 1
        if os.path.islink(file) or families[family] > 300:
            continue
        try:
            text = gzip.open(file, "rt", errors="replace").read()
        except OSError:
            continue
        m = re.search(r'^\.S[Hh] "?NAME"?\s*\n(.*?)(?=^\.S[Hh])(.*)', text, re.M | re.S)
        d = m and re.search(r'^\.S[Hh] "?DESCRIPTION"?\s*\n(.*?)(?=^\.S[Hh]|\Z)', m.group(2), re.M | re.S)
        if d:
            name = squeeze(manual(m.group(1).replace("\\-", "-")))
            names, _, purpose = name.partition(" - ")
            body = re.sub(r"\n(?!\n)", " ", manual(d.group(1)))[:4000]
            identifiers = [n for n in re.split(r"[,\s]+", names) if len(n) > 5 and re.search(r"[A-Z_\d]", n)]
            if "/man3/" not in file or not identifiers or random.random() < 0.5:
                c.add("manual", purpose or names, body)
            else:
                c.add("identifier", random.choice(ASKED).format(random.choice(identifiers)), name + ".\n" + body)


def wordnet(c, roots):
    """Glosses and examples; returns the gloss of words with one sense."""
    glosses, senses = {}, collections.Counter()
    for file in [f for r in roots for f in sorted(glob.glob(r + "/usr/share/wordnet/data.*"))]:
        for line in open(file):
            if " | " not in line or line.startswith("  "):
                continue
            fields, gloss = line.split(" | ", 1)
            fields = fields.split()
            meaning = squeeze(re.sub(r';?\s*"[^"]*"', "", gloss)).strip(" ;")
            for i in range(int(fields[3], 16)):
                word = fields[4 + 2 * i].lower()
                senses[word] += 1
                glosses[word] = meaning
            name = fields[4].replace("_", " ")
            c.add("gloss", "", meaning if random.random() < 0.5 else f"{name}: {meaning}")
            for example in re.findall(r'"([^"]{20,})"', gloss):
                c.add("gloss", "", example)
    return {w: g for w, g in glosses.items() if senses[w] <= 2}


def gcide(c, roots, glosses):
    """Entries, and as pairs the entries of words that WordNet defines as well, without the word."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    number = lambda s: sum(digits.index(d) * 64**i for i, d in enumerate(reversed(s)))
    for root in roots:
        if not os.path.exists(root + "/usr/share/dictd/gcide.index"):
            continue
        text = gzip.open(root + "/usr/share/dictd/gcide.dict.dz").read()
        entries = collections.defaultdict(list)
        for line in open(root + "/usr/share/dictd/gcide.index", encoding="utf8"):
            word, start, size = line.rstrip("\n").split("\t")[:3]
            if not word.startswith("00-"):
                entry = text[number(start):number(start) + number(size)].decode("utf8", "replace")
                if "WordNet" not in entry:
                    entries[word.lower()].append(entry)
        for word, found in entries.items():
            for entry in found:
                entry = re.sub(r"^[^\n]*\n", "", entry, count=1)
                entry = re.sub(r"\[[^\]]*\]|\{|\}|--|\(\w+\.?\)", "", re.sub(r"\n\s+", " ", entry))
                stem = re.escape(word[:max(4, len(word) - 2)])
                gloss = glosses.get(word, "")
                if len(word) >= 4 and len(found) == 1 and len(gloss) >= 30 and not re.search(rf"(?i)\b{stem}", gloss):
                    c.add("definition", gloss, re.sub(rf"(?i)\b{stem}\w*", "", entry)[:600])
                else:
                    c.add("entry", "", f"{word}: {entry[:400]}" if random.random() < 0.5 else entry[:400])


def other_dictionaries(c, roots):
    for file in [f for r in roots for f in sorted(glob.glob(r + "/usr/share/dictd/*.dict.dz"))]:
        if "gcide" not in file:
            for entry in re.split(r"\n(?=\S)", gzip.open(file).read().decode("utf8", "replace")):
                head, _, body = entry.partition("\n")
                c.add("dictionary", head, re.sub(r"\n\s+", " ", re.sub(r"[{}]|<[^>]*>", "", body)))


def sections(c, roots):
    """Pages of documentation in HTML, at their headings. Those named FAQ are left out, as sets are made of such."""
    for file in [f for r in roots for f in sorted(glob.glob(r + "/usr/share/**/*.html", recursive=True))]:
        if os.path.isdir(file) or re.search(r"(?i)faq|libreoffice|changelog|/(de|fr|es|ja|pt|ru|zh|it|ko|nl|pl|tr|ca|cs|da|sv)[-_/.]|\.(de|fr|es|ja|pt-br|tr|ko|zh-cn)\.", file):
            continue
        package = re.sub(r".*/usr/share/(doc/|help/)?([^/]+)/.*", r"\2", file)
        page = open(file, encoding="utf8", errors="replace").read()
        page = re.sub(r"(?is).*<body[^>]*>", "", page, count=1)
        parts = re.split(r"(?is)<h([1-5])[^>]*>(.*?)</h\1>", page)
        for heading, body in zip(parts[2::3], parts[3::3]):
            title = re.sub(r"^[\d.\s]*|[¶#]+$", "", squeeze(strip_tags(heading)))
            body = re.sub(r"(?is)<pre\b.*?</pre>", " ", body)
            c.add("aside-" + ASIDE[package] if package in ASIDE else "section", title, strip_tags(re.sub(r"\s+", " ", body))[:3000])


def plain_texts(c, roots):
    for file in [f for r in roots for f in sorted(glob.glob(r + "/usr/share/games/fortunes/*"))]:
        if not file.endswith((".dat", ".u8")) and os.path.isfile(file):
            for text in re.split(r"\n%\n", open(file, encoding="utf8", errors="replace").read()):
                c.add("prose", "", re.sub(r"\n\s*", " ", re.sub(r"\x1b\[[\d;]*m|.\x08", "", text))[:1200])
    for file in [f for r in roots for f in sorted(glob.glob(r + "/usr/share/perl/*/pod/*.pod"))]:
        if "perldiag" not in file:
            text = re.sub(r"(?m)^ .*$", "", open(file, encoding="utf8", errors="replace").read())
            text = re.sub(r"[A-Z]<<*\s*([^<>]*)\s*>+", r"\1", text)
            parts = re.split(r"(?m)^=head\d (.*)$", text)
            for title, body in zip(parts[1::2], parts[2::2]):
                c.add("section", title, re.sub(r"(?m)^=.*$", "", re.sub(r"\n(?!\n)", " ", body))[:3000])


def docstrings(c, folders):
    """The first sentence of a documentation comment and the rest; whole where it is one sentence."""
    def add(name, doc):
        found = sentences(re.sub(r"\n(?=\S)", " ", doc[:1500]))
        if len(found) > 1:
            c.add("docstring", found[0], "\n".join(found[1:]))
        elif found:
            c.add("docstring", re.sub(r"_+|(?<=[a-z])(?=[A-Z])", " ", name), found[0])

    for folder in folders:
        for file in sorted(glob.glob(folder + "/**/*.go", recursive=True)):
            if not file.endswith("_test.go") and os.path.isfile(file):
                source = open(file, encoding="utf8", errors="replace").read()
                for doc, name in re.findall(r"((?:^//.*\n)+)(?:func (?:\([^)]*\) )?|type |var |const )([A-Z]\w*)", source, re.M):
                    add(name, re.sub(r"(?m)^//\t.*$", "", doc).replace("// ", "").replace("//", ""))
        for file in sorted(glob.glob(folder + "/**/*.py", recursive=True)):
            try:
                tree = ast.parse(open(file, encoding="utf8").read())
            except (SyntaxError, ValueError, RecursionError, OSError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
                    add(node.name, ast.get_docstring(node))


def validation(units, docs, queries):
    """Takes units with titles out and makes a set of them."""
    chosen, titles = [], set()
    for u in list(units):
        if len(chosen) < docs and u[0] and u[0].lower() not in titles and len(" ".join(u[1])) >= 80:
            titles.add(u[0].lower())
            chosen.append(u)
            units.remove(u)
    return dict(docs=[cut(" ".join(k), 1000) for _, k in chosen], queries=[cut(t, 200) for t, _ in chosen[:queries]],
                rel=[[i] for i in range(min(queries, len(chosen)))])


def write(c, out):
    lines, numbers, pairs = [], {}, collections.defaultdict(list)

    def line(text):
        if text not in numbers:
            numbers[text] = len(lines)
            lines.append(text)
        return numbers[text]

    for source, units in c.units.items():
        random.shuffle(units)
        name = source.removeprefix("aside-")
        if source in VALID or source != name:
            json.dump(validation(units, *VALID.get(source, (1000, 300))), open(f"{out}/valid-{name}.json", "w"))
        if source != name:
            continue
        asked = [u for u in units if u[0]][:PAIRS.get(source, 0)]
        pairs[source] = [(line(cut(title, 200)), line(cut(" ".join(kept), PASSAGE))) for title, kept in asked]
        others = [cut(" ".join(kept), PASSAGE) for title, kept in units if not title]
        others += [s for _, kept in asked if len(kept) > 1 for s in groups(kept) if 12 <= len(s) <= 400]
        for text in random.sample(others, min(len(others), OTHERS.get(source, 0))):
            line(text)
        print(f"{source:12} {len(units):7} units, {c.lost[source]:6} held out, {len(pairs[source]):6} pairs, {len(lines):7} lines", flush=True)
    open(out + "/texts.txt", "w").write("".join(x + "\n" for x in lines))
    json.dump(pairs, open(out + "/pairs.json", "w"))


def groups(kept):
    """One to three sentences together."""
    i = 0
    while i < len(kept):
        n = random.choice([1, 1, 2, 3])
        yield " ".join(kept[i:i + n])
        i += n


def main():
    p = argparse.ArgumentParser()
    p.add_argument("roots", nargs="+")
    for name in ("--apt", "--sets", "--out"):
        p.add_argument(name, required=True)
    p.add_argument("--code", nargs="*", default=[])
    a = p.parse_args()
    random.seed(1)
    c = Corpus(Held(a.sets))
    package_descriptions(c, a.apt)
    for gather in (libreoffice, manual_pages, other_dictionaries, sections, plain_texts):
        gather(c, a.roots)
    gcide(c, a.roots, wordnet(c, a.roots))
    docstrings(c, a.code)
    write(c, a.out)


main()
