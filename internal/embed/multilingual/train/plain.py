"""Plain text of web pages and of manual pages, and its sentences."""
import html, re

SENTENCE_END = re.compile(r"(?<=[.!?؟])\s+|(?<=[。！？])|\n+")


def squeeze(s):
    return re.sub(r"\s+", " ", s).strip()


def strip_tags(h):
    h = re.sub(r"(?is)<(script|style|noscript|nav|header|footer|aside)\b.*?</\1>", " ", h)
    blocks = r"p|div|li|h\d|tr|td|th|br|dt|dd|pre|ul|ol|table|section|item|title|note|steps|list|para|chapter"
    h = re.sub(rf"(?i)</?({blocks})\b[^>]*>", " \n ", h)
    return html.unescape(re.sub(r"<[^>]+>", "", h))


def manual(s):
    s = re.sub(r'(?m)^\.\\".*$|^\.(SH|Sh|SS|TP|PP|sp|RS|RE|br|nf|fi|IP|HP|if|ie|el|ds|de|IX|\.).*$|^\.[A-Za-z]+ ?|^\'.*$', "", s)
    s = re.sub(r"\\[-&|^,/ ]|\\f\(..|\\f\[.*?\]|\\f.|\\s[-+]?\d", lambda m: "-" if m.group(0) == "\\-" else "", s)
    return s.replace("\\(aq", "'").replace("\\(bu", "").replace("\\*(--", "-").replace("\\e", "\\")


def sentences(body):
    return [s for s in map(squeeze, SENTENCE_END.split(body)) if s]
