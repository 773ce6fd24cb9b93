"""diag: an error message as a log shows it, its place holders filled -> the entry of perldiag that explains it. ident: an identifier,
half of them bare and half in a phrase -> the manual page that documents it (libcurl, OpenSSL, the C library)."""

import random
import re
from pathlib import Path

from pages import manual_page, plain_files
from sets import SHARE, cut, distinct, fold, save, save_pairs

WORDS = ["foo", "main::handler", '"config.yml"', "My::Module", "$line", "/varx.txt", "EXPR", "readline", "@list", "UTF-8"]
FILES = ["script.pl", "/usr/lib/app/run.pl", "bin/import", "t/basic.t"]
PHRASES = ["{} return value", "undefined reference to `{}'", "how to use {}", "{}() fails", "what does {} do"]


def plain(pod):
    """The text of Perl's documentation."""
    pod = pod.replace("E<lt>", "<").replace("E<gt>", ">")
    pod = re.sub(r"L<([^|>]*\|)?([^>]*)>", r"\2", pod)
    return fold(re.sub(r"[A-Z]<<*\s*|\s*>+", "", pod))


def filled(message, rnd):
    """A message with something in place of %s and its kin."""
    made = {
        "s": lambda: rnd.choice(WORDS),
        "d": lambda: str(rnd.randrange(2, 400)),
        "c": lambda: rnd.choice("xqzk"),
        "x": lambda: "%x" % rnd.randrange(4096),
        "u": lambda: str(rnd.randrange(99)),
    }
    return re.sub(r"%[-+.\d]*l?[sdcxu]", lambda m: made[m.group(0)[-1]](), message)


def diagnostics(rnd):
    path = max(Path("/usr/share/perl").glob("*/pod/perldiag.pod"))  # every Debian has it
    heads = []  # messages that share an explanation
    for item in re.split(r"(?m)^=item ", path.read_text(encoding="utf8"))[1:]:
        head, _, body = item.partition("\n")
        heads.append(plain(head))
        body = plain(re.split(r"(?m)^=back|^=head", body)[0])
        if len(body) < 40:
            continue
        doc, query = " / ".join(heads) + " " + body, filled(heads[-1], rnd)
        heads = []
        query = re.sub(r"<-- HERE( in m/%s/)?", "", query)
        if rnd.random() < 0.7:
            query = f"{query} at {rnd.choice(FILES)} line {rnd.randrange(3, 900)}."
        yield query, doc


def identifiers(rnd):
    docs, names = [], {}
    for path in plain_files(SHARE.glob("man/man3/*.gz")):
        page = manual_page(path)
        if not page or " - " not in page[0] or len(page[1]) < 80:
            continue
        for name in re.split(r"[,\s]+", page[0].split(" - ", 1)[0]):
            if len(name) > 5:
                names.setdefault(name, set()).add(len(docs))
        docs.append(cut(page[0] + ". " + page[1]))
    order = list(range(len(docs)))
    rnd.shuffle(order)
    order = order[:1200]
    place = {n: i for i, n in enumerate(order)}
    asked = [(name, [place[n] for n in pages if n in place]) for name, pages in names.items()]
    asked = [(name, pages) for name, pages in asked if 1 <= len(pages) <= 2 and re.search(r"[A-Z_\d]", name)]
    rnd.shuffle(asked)
    asked = asked[:300]
    queries = [name if i % 2 else rnd.choice(PHRASES).format(name) for i, (name, _) in enumerate(asked)]
    save("ident", [docs[n] for n in order], queries, [pages for _, pages in asked], "en", "identifier -> manual page")


def build():
    rnd = random.Random(1)
    chosen = distinct(list(diagnostics(rnd)), 5000, least=60)
    save_pairs("diag", chosen, 5000, 300, note="error message -> perldiag entry")
    identifiers(rnd)
