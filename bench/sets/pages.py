"""man-en: the NAME of a manual page -> its DESCRIPTION; the machine's own pages are among them. deb-en: the short description of a Debian
package -> the long one. ddtp-LANG, ddtp-x-LANG: the same translated, and the English short one -> the long one in LANG."""

import gzip
import random
import re
import subprocess
from pathlib import Path

from sets import CJK, SHARE, SOURCES, cut, distinct, fold, save_pairs

SKIPPED = ("lib", "node-", "golang", "r-cran", "task-", "ruby-")
MACROS = r"(?m)^\.\\\".*$|^\.(SH|Sh|SS|TP|PP|sp|RS|RE|br|nf|fi|IP|HP|if|ie|el|ds|de|IX|\.).*$|^\.[A-Za-z]+ ?|^'.*$"


def plain_files(paths):
    return [p for p in sorted(paths, key=str) if not p.is_symlink()]


def plain(roff):
    """The text of a part of a manual page."""
    text = re.sub(MACROS, "", roff)
    text = re.sub(r"\\[-&|^,/ ]|\\f\(..|\\f\[.*?\]|\\f.|\\s[-+]?\d", lambda m: "-" if m.group(0) == "\\-" else "", text)
    for escape, char in (("\\(aq", "'"), ("\\(bu", ""), ("\\*(--", "-"), ("\\e", "\\")):
        text = text.replace(escape, char)
    return fold(text)


def manual_page(path):
    """NAME and DESCRIPTION of a page; None where it has no NAME."""
    text = gzip.open(path, "rt", errors="replace").read()
    name = re.search(r'^\.S[Hh] "?NAME"?\s*\n(.*?)(?=^\.S[Hh])(.*)', text, re.M | re.S)
    if not name:
        return None
    described = re.search(r'^\.S[Hh] "?DESCRIPTION"?\s*\n(.*?)(?=^\.S[Hh]|\Z)', name.group(2), re.M | re.S)
    return re.sub(r"\\-", "-", plain(name.group(1))), plain(described.group(1)) if described else ""


def manual_pairs():
    for path in plain_files(SHARE.glob("man/man[1-8]/*.gz")) + plain_files(Path("/usr/share/man").glob("man[1-8]/*.gz")):
        try:
            page = manual_page(path)
        except (OSError, EOFError):
            continue
        if page and " - " in page[0] and page[1]:
            yield page[0].split(" - ", 1)[1], page[1]


def descriptions(lang):
    """Short and long descriptions by package."""
    lists = (SOURCES / "lists").glob(f"*_main_i18n_Translation-{lang}*")
    path = max(lists, key=lambda p: p.stat().st_size)  # the release, not its updates
    text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], capture_output=True, check=True).stdout.decode("utf8")
    found = {}
    for paragraph in text.split("\n\n"):
        package = re.search(r"^Package: (.*)$", paragraph, re.M)
        described = re.search(r"^Description-(?!md5)\S+: (.*)\n((?: .*\n?)*)", paragraph, re.M)
        if package and described:
            long = fold(re.sub(r"\n \.\n", "\n\n", "\n" + described.group(2)))
            found[package.group(1)] = (described.group(1).strip(), long)
    return found


def translated(lang, code, english):
    """The packages that are really translated, in random order, with their descriptions."""
    dense = lang in ("ja", "zh")
    found = {
        package: (short, long)
        for package, (short, long) in descriptions(code).items()
        if package in english
        and not package.startswith(SKIPPED)
        and short != english[package][0]
        and len(long) > (60 if dense else 150)
    }
    if dense:
        found = {
            package: (short, long)
            for package, (short, long) in found.items()
            if len(CJK.findall(long)) > 0.3 * len(long.replace(" ", "")) and CJK.search(short)
        }
    packages, seen = [], set()
    for package in sorted(found):
        marks = {found[package][1][:100], found[package][0], english[package][0]}
        if not marks & seen:
            seen |= marks
            packages.append(package)
    random.Random(2).shuffle(packages)
    return packages, found


def build():
    save_pairs("man-en", distinct(list(manual_pairs()), 1200), 1200, 300, note="NAME -> DESCRIPTION of a manual page")
    english = descriptions("en")
    save_pairs("deb-en", distinct(english.values(), 1500), 1500, 300, note="short -> long description of a package")
    for lang, code in (("de", "de"), ("fr", "fr"), ("es", "es"), ("ru", "ru"), ("ja", "ja"), ("zh", "zh%5fCN")):
        packages, found = translated(lang, code, english)
        pairs = [(found[p][0], cut(found[p][1])) for p in packages]
        save_pairs("ddtp-" + lang, pairs, lang=lang, note="short -> long description of a package")
        pairs = [(english[p][0], cut(found[p][1])) for p in packages]
        save_pairs("ddtp-x-" + lang, pairs, lang="en>" + lang, note="English short -> long description")
