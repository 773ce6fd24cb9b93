"""lo-LANG: the title of a LibreOffice help page -> its text, in one language; only pages that are really translated. lo-x-LANG: the English
title -> the text in LANG. lo-xr-LANG: the title in LANG -> the English text."""

import random
import re

from sets import SHARE, cut, save_pairs, visible

LANGUAGES = {"en": "en-US", "de": "de", "fr": "fr", "es": "es", "ru": "ru", "ja": "ja", "zh": "zh-CN"}
SCRIPTS = {"ru": (r"[\u0400-\u04ff]", 0.6), "ja": (r"[\u3040-\u30ff\u3400-\u9fff]", 0.5), "zh": (r"[\u3040-\u30ff\u3400-\u9fff]", 0.5)}


def read(folder):
    """Titles and texts by the path of the page."""
    base = SHARE / "libreoffice" / "help" / folder
    pages = {}
    for path in sorted(base.glob("text/**/*.html"), key=str):
        name = str(path)[len(str(base)) :]
        shown = re.search(r'(?is)<div id="DisplayArea".*?>(.*)', path.read_text(encoding="utf8"))
        title = shown and re.search(r"(?is)<h1[^>]*>(.*?)</h1>", shown.group(1))
        if title and "/sbasic/" not in name:
            text = visible(re.sub(r"(?is)<h1[^>]*>.*?</h1>", "", shown.group(1)))
            pages[name] = (visible(title.group(1)), cut(text))
    return pages


def is_translated(lang, page, english):
    """Whether a page is in its language: by its script, or by how few words it has in common with the English one."""
    if page[0] == english[0]:
        return False
    if lang in SCRIPTS:
        letters, share = SCRIPTS[lang]
        return len(re.findall(letters, page[1])) / max(1, len(re.sub(r"[\W\d_]", "", page[1]))) > share
    words, others = set(page[1].lower().split()), set(english[1].lower().split())
    return len(words & others) < 0.35 * len(words)


def common(pages):
    """The pages that all languages have, with other titles and texts each, in random order."""
    names, seen = [], set()
    for name, (title, text) in pages["en"].items():
        if not all(name in p and len(p[name][1]) > (60 if lang in ("ja", "zh") else 150) for lang, p in pages.items()):
            continue
        # One mark after the other: a page whose title is known leaves no mark of its text.
        if title.lower() in seen:
            continue
        seen.add(title.lower())
        if text[:120] in seen:
            continue
        seen.add(text[:120])
        if len(title) >= 8:
            names.append(name)
    random.Random(1).shuffle(names)
    return names


def build():
    pages = {lang: read(folder) for lang, folder in LANGUAGES.items()}
    names, english = common(pages), pages["en"]
    save_pairs("lo-en", [english[n] for n in names], note="title -> text of a help page")
    for lang in list(LANGUAGES)[1:]:
        own = pages[lang]
        chosen = [n for n in names if is_translated(lang, own[n], english[n])][:1000]
        save_pairs("lo-" + lang, [own[n] for n in chosen], lang=lang, note="title -> text of a help page")
        pairs = [(english[n][0], own[n][1]) for n in chosen]
        save_pairs("lo-x-" + lang, pairs, lang="en>" + lang, note="English title -> text of a help page")
        pairs = [(own[n][0], english[n][1]) for n in chosen]
        save_pairs("lo-xr-" + lang, pairs, lang=lang + ">en", note="title -> English text of a help page")
