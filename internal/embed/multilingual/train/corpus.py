"""Gathers the training texts: sentences from free documentation in 15 languages, none of an evaluation set.

usage: corpus.py ROOT... --apt DIR --sets DIR --out DIR

ROOT holds unpacked Debian packages (their usr/), DIR of --apt the lists Translation-*.lz4 of package descriptions, and
DIR of --sets the evaluation sets as JSON ({"docs", "queries"}). Writes OUT/train.json, [[language, source, text], ...],
and OUT/pool.json, [[language, text], ...], a larger pool for counting pieces. Needs the program lz4.
"""
import argparse, collections, gettext, glob, gzip, json, os, random, re, subprocess
from plain import manual, sentences, squeeze, strip_tags

# Texts wanted of each language, and how much a source counts beside the others of its language.
QUOTA = dict(en=14000, de=5500, fr=5500, es=5500, ru=5500, ja=6500, zh=6500, it=3500, pt=3500, nl=3000, pl=3500, ko=3500,
             ar=2500, th=2500, tr=3000)
WEIGHT = dict(wn=3, gcide=2, mo=0.6, ddtp=2)
POOL_OF_SOURCE = 12000

# A text of one of these languages has such letters; others are not translated.
LETTERS = dict(ru=r"[\u0400-\u04ff]{3}", ja=r"[\u3040-\u30ff]", zh=r"[\u3400-\u9fff]{2}", ko=r"[\uac00-\ud7af]{2}",
               ar=r"[\u0600-\u06ff]{3}", th=r"[\u0e00-\u0e7f]{3}")


class Corpus:
    """Texts by language and source, without those of the evaluation sets."""

    def __init__(self, sets):
        self.texts, self.beginnings = set(), set()
        for file in glob.glob(sets + "/*.json"):
            data = json.load(open(file))
            self.texts.update(squeeze(q).lower() for q in data["queries"])
            for doc in map(squeeze, data["docs"]):
                self.beginnings.add(doc[:60])
                self.texts.add(doc.lower())
                self.texts.update(s.lower() for s in sentences(doc) if len(s) >= 12)
        self.pool = collections.defaultdict(dict)

    def held(self, title, body):
        return squeeze(title).lower() in self.texts or squeeze(body)[:60] in self.beginnings

    def add(self, language, source, text):
        text = squeeze(text)
        if not 12 <= len(text) <= 400 or not re.search(r"[^\W\d_]{2}", text):
            return
        if text.lower() not in self.texts and text[:60] not in self.beginnings and re.search(LETTERS.get(language, ""), text):
            self.pool[language, source][text] = 1

    def add_body(self, language, source, body):
        if squeeze(body)[:60] in self.beginnings:
            return
        rest = sentences(body)
        while rest:
            n = random.choice([1, 1, 2, 3])
            group, rest = rest[:n], rest[n:]
            if not any(s.lower() in self.texts for s in group):
                self.add(language, source, " ".join(group)[:400])


def package_descriptions(c, apt):
    """Short and long descriptions. A package that is held out in one language is in all."""
    rows, held = [], set()
    for file in glob.glob(apt + "/*Translation-*.lz4"):
        language = re.search(r"Translation-(.*)\.lz4", file).group(1).replace("%5f", "_").split("_")[0]
        if language not in QUOTA:
            continue
        raw = subprocess.run(["lz4", "-dc", file], capture_output=True, check=True).stdout.decode()
        for paragraph in raw.split("\n\n"):
            package = re.search(r"^Package: (.*)$", paragraph, re.M)
            description = re.search(r"^Description-(?!md5)\S+: (.*)\n((?: .*\n?)*)", paragraph, re.M)
            if package and description:
                short, long = description.group(1).strip(), squeeze(re.sub(r"\n \.\n", "\n\n", "\n" + description.group(2)))
                rows.append((language, package.group(1), short, long))
                if c.held(short, long):
                    held.add(package.group(1))
    for language, package, short, long in rows:
        if package not in held:
            c.add(language, "ddtp", short)
            c.add_body(language, "ddtp", long[:800])


def libreoffice(c, roots):
    """Help pages. A page that is held out in one language is in all; one that is not translated is left out."""
    folders = {"en-US": "en", "de": "de", "fr": "fr", "es": "es", "ru": "ru", "ja": "ja", "zh-CN": "zh", "zh-TW": "zh", "it": "it",
               "pt-BR": "pt", "nl": "nl", "pl": "pl", "ko": "ko", "tr": "tr"}
    pages, held = collections.defaultdict(dict), set()
    for folder in folders:
        for root in roots:
            base = f"{root}/usr/share/libreoffice/help/{folder}"
            for file in sorted(glob.glob(base + "/text/**/*.html", recursive=True)):
                area = re.search(r'(?is)<div id="DisplayArea".*?>(.*)', open(file, encoding="utf8").read())
                if area:
                    heading = re.search(r"(?is)<h1[^>]*>(.*?)</h1>", area.group(1))
                    title = squeeze(strip_tags(heading.group(1))) if heading else ""
                    body = strip_tags(re.sub(r"(?is)<h1[^>]*>.*?</h1>", "", area.group(1)))
                    pages[folder][file[len(base):]] = title, body
                    if c.held(title, body):
                        held.add(file[len(base):])
    for folder, language in folders.items():
        for path, (title, body) in pages[folder].items():
            english = sentences(pages["en-US"].get(path, ("", ""))[1])
            own = sentences(body)
            translated = len(set(own) & set(english)) <= 0.4 * len(own)
            if path not in held and (folder == "en-US" or translated):
                c.add(language, "lo", title)
                c.add_body(language, "lo", body[:3000])


def help_pages(c, roots):
    """GNOME and GIMP help, the Debian handbook, reference and FAQ; English ones are left out."""
    gnome = dict(de="de", es="es", fr="fr", it="it", ja="ja", ko="ko", nl="nl", pl="pl", pt="pt_BR", ru="ru", tr="tr", zh="zh_CN")
    for root in roots:
        for language, folder in gnome.items():
            for file in sorted(glob.glob(f"{root}/usr/share/help/{folder}/*/*.page")):
                page = re.sub(r"(?is)<info>.*?</info>", " ", open(file, encoding="utf8").read())
                c.add_body(language, "gnome", strip_tags(page)[:3000])
            for file in sorted(glob.glob(f"{root}/usr/share/gimp/2.0/help/{folder}/*.html"))[:500]:
                body = re.search(r"(?is)<body.*", open(file, encoding="utf8", errors="replace").read())
                c.add_body(language, "gimp", strip_tags(body.group(0))[:3000] if body else "")
        for file in sorted(glob.glob(root + "/usr/share/doc/**/*.html", recursive=True)):
            language = language_of(file)
            if language and re.search(r"/(debian-reference|FAQ|developers-reference|debian-handbook|debian)", file):
                body = re.search(r"(?is)<body.*", open(file, encoding="utf8", errors="replace").read())
                c.add_body(language, "debdoc", strip_tags(body.group(0))[:8000] if body else "")


def language_of(file):
    """The language of a page of Debian's documentation, by its name or folder; None: English or unknown."""
    m = re.search(r"/html/(de-DE|fr-FR|es-ES|it-IT|ja-JP|ko-KR|nl-NL|pl-PL|pt-BR|ru-RU|tr-TR|zh-CN|ar-MA)/", file)
    m = m or re.search(r"[.-](de|fr|es|it|pt-br|pt|ja|ko|nl|ru|zh-cn)(?:\.|/|_)", file.lower())
    return m.group(1)[:2] if m else None


def manual_pages(c, roots):
    folders = dict(de=["de"], es=["es"], fr=["fr"], ja=["ja"], ru=["ru"], zh=["zh_CN", "zh_TW"], it=["it"], nl=["nl"], pl=["pl"],
                   pt=["pt_BR", "pt"], tr=["tr"], ko=["ko"])
    for language, names in folders.items():
        files = [f for n in names for r in roots for f in sorted(glob.glob(f"{r}/usr/share/man/{n}/man*/*.gz"))]
        random.shuffle(files)
        for file in files[:700]:
            try:
                text = gzip.open(file, "rt", errors="replace").read()
            except OSError:
                continue
            c.add_body(language, "man", re.sub(r"\n(?!\n)", " ", manual(text))[:4000])


def interface_strings(c, roots):
    folders = dict(de=["de"], es=["es"], fr=["fr"], ja=["ja"], ru=["ru"], zh=["zh_CN", "zh_TW"], it=["it"], nl=["nl"], pl=["pl"],
                   pt=["pt_BR", "pt"], tr=["tr"], ko=["ko"], ar=["ar"], th=["th"])
    places = ["usr/share/locale", "usr/lib/libreoffice/program/resource"]
    for language, names in folders.items():
        for file in [f for n in names for r in roots for p in places for f in sorted(glob.glob(f"{r}/{p}/{n}/LC_MESSAGES/*.mo"))]:
            try:
                catalog = gettext.GNUTranslations(open(file, "rb"))._catalog
            except (OSError, UnicodeDecodeError, ValueError):
                continue
            for key, value in catalog.items():
                if isinstance(value, str) and value != key and key and len(value) <= 300:
                    c.add(language, "mo", re.sub(r"[_~&](?=\w)", "", value))
                if isinstance(key, str) and language in ("de", "ar") and " " in key:
                    c.add("en", "mo", re.sub(r"[_~&](?=\w)", "", key.split("\x04")[-1]))


def dictionaries(c, roots, sets):
    """WordNet glosses with examples, and GCIDE, without entries that share five words in a row with a set of definitions."""
    shared = set()
    for name in ("defs", "defs0"):
        if os.path.exists(f"{sets}/{name}.json"):
            for doc in json.load(open(f"{sets}/{name}.json"))["docs"]:
                words = re.findall(r"\w+", doc.lower())
                shared.update(tuple(words[i:i + 5]) for i in range(len(words) - 4))
    for root in roots:
        for file in glob.glob(root + "/usr/share/wordnet/data.*"):
            for line in open(file):
                if " | " not in line or line.startswith("  "):
                    continue
                gloss = line.split(" | ", 1)[1]
                meaning = squeeze(re.sub(r';?\s*"[^"]*"', "", gloss)).strip(" ;")
                c.add("en", "wn", meaning)
                if meaning.lower() not in c.texts:
                    for example in re.findall(r'"([^"]{20,})"', gloss):
                        c.add("en", "wn", example)
        for file in glob.glob(root + "/usr/share/dictd/gcide.dict.dz"):
            text = gzip.open(file).read().decode("utf8", "replace")
            for entry in re.split(r"\n\n(?=\S)|\n\s+\d+\. ", text):
                entry = re.sub(r"\[[^\]]*\]|\{|\}|--|\(\w+\.?\)", "", re.sub(r"^[^\n]*\\[^\n]*\n", "", entry))
                words = re.findall(r"\w+", entry.lower())
                if len(squeeze(entry)) >= 40 and not any(tuple(words[i:i + 5]) in shared for i in range(len(words) - 4)):
                    c.add("en", "gcide", squeeze(entry)[:300])


def fortunes(c, roots):
    for folder in ("de", "es", "it", "pl", "ru", "zh", "br"):
        for file in [f for r in roots for f in glob.glob(f"{r}/usr/share/games/fortunes/**/*", recursive=True)]:
            if f"/{folder}/" in file and os.path.isfile(file) and not file.endswith((".dat", ".u8")):
                for text in re.split(r"\n%\n", open(file, encoding="utf8", errors="replace").read()):
                    c.add_body("pt" if folder == "br" else folder, "fortune", re.sub(r"\x1b\[[\d;]*m", "", text)[:600])


def choose(pool):
    """Fills each language's quota, shared among its sources by weight; what a small source lacks goes to the others."""
    chosen, everything = [], []
    for language, quota in QUOTA.items():
        todo = {s: random.sample(list(v), len(v)) for (l, s), v in pool.items() if l == language}
        everything += [(language, t) for v in todo.values() for t in v[:POOL_OF_SOURCE]]
        while todo and quota > 0:
            share = quota / sum(WEIGHT.get(s, 1) for s in todo)
            small = [s for s in todo if len(todo[s]) <= share * WEIGHT.get(s, 1)]
            for s in small or todo:
                chosen += [(language, s, t) for t in todo[s][:int(share * WEIGHT.get(s, 1))]]
            if not small:
                break
            for s in small:
                quota -= len(todo.pop(s))
    random.shuffle(chosen)
    return chosen, everything


def main():
    p = argparse.ArgumentParser()
    p.add_argument("roots", nargs="+")
    for name in ("--apt", "--sets", "--out"):
        p.add_argument(name, required=True)
    a = p.parse_args()
    random.seed(1)
    c = Corpus(a.sets)
    package_descriptions(c, a.apt)
    for gather in (libreoffice, help_pages, manual_pages, interface_strings, fortunes):
        gather(c, a.roots)
    dictionaries(c, a.roots, a.sets)
    chosen, everything = choose(c.pool)
    json.dump(chosen, open(a.out + "/train.json", "w"), ensure_ascii=False)
    json.dump(everything, open(a.out + "/pool.json", "w"), ensure_ascii=False)
    print(len(chosen), "texts,", len(everything), "in the pool", collections.Counter(t[0] for t in chosen))


main()
