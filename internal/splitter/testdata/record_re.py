"""Record how Python's re splits and what it refuses.

python -W ignore record_re.py >python_re.json

split: [pattern, [re.split of each text]]; refused: [pattern, message].
"""
import json
import re

TEXTS = [
    'aaabab abcabcdefghijj', '\xc9\xe9Aab_1\u0663 \x1c\xa0\x00[]^-\\{a{2a{}', 'a\nb\n.#a b ab\t\r\x0b\x0c\x07\x08x',
]
SPLIT = [
    'x*', '\\b', '(a)|b', '(?P<n>a)(?P=n)', '(?P<n>a)(b)?', '[\\W_]', '[^\\W\\d]+', '[\\S]', '[\\D]', '(?a)\\w',
    '(?a)[\\W]', '(?x) a  b # c\n', '(?i:A)b', '(?i)\xc9', 'a{,2}', 'a{2', 'a{}', '{', 'a{1}', '[]a]', '[^]a]',
    '[a\\]]', '[a-]', '[[a]', '[a-c\\s-]', '\\x41', '\\u0041', '\\U00000041', '\\101', '\\07', '[\\b]', '[\\101]',
    '\\Z', '\\A', '$', '(?m)$', '(?m)^', '(?s)a.b', 'a.b', '(?s-i:a.b)', 'a++b', 'a*+', '(?:ab)?+', '(?>a|ab)c',
    '(?(1)a|b)()', '(a)?(?(1)b|c)', '(?#x)a', '(?<=a)b', '(?<!a)b', '\\.', '\\\xe9', '(a)\\1',
    '(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)\\10', '\\s', '(?a)\\s', '(?a)\\d', '(?a)[\\S]', '(?a)[\\D]', '|a', 'a||b',
    '(?:)', 'a+?', '(?m:^a)', '\\B', '(?a)\\b', '(?im)^A', '(?x)[ a]', '(?x:a b)c d', '\\n', '\\t|\\r|\\f|\\v|\\a',
    'a#b', '[\\[\\]^\\\\-]', '(a|b)*c', '(?P<\xe9>a)', '(?u)\\w', '(?=(a))',
]
REFUSED = [
    '(', ')', 'a)', '(?', '(?P', '(?P<', '(?P<n', '(?P<>a)', '(?P<1>a)', '(?P<n>a)(?P<n>b)', '(?P=n)', '(?P=',
    '(?P>n)', '[', '[a', '[]', '[b-a]', '[\\d-a]', '[a-\\d]', '*', 'a**', 'a+*', 'a{2}{3}', '^*', '\\b+', 'a{3,2}',
    '\\', '[\\', '\\q', '[\\q]', '\\x4', '\\u12', '\\U00110000', '\\8', '\\1', '(a\\1)', '(?(1)a|b)',
    '(?(1)a|b|c)()', '(?(n)a)', '(?(0)a)', '(?(1', '(?#a', 'a(?i)b', '(?L)a', '(?z)a', '(?z:a)', '(?i', '(?i:a',
    '(?-a:b)', '(?i-:a)', '(?-:a)', '\\400', '[\\400]', '(?:a', '(?<n>a)', '(?<=a', '[\\8]', '(?iz)a', '(?-i)a',
    '(?--i:a)', '(a)(?(1)b', '(?au:a)', '(?', '|*', '(*)', '(?:*)', '(?i)*a', '(?i-i:a)',
]


def refusal(pattern):
    try:
        re.compile(pattern)
    except re.error as e:
        return str(e)
    raise SystemExit(f"{pattern!r} is fine")


print(json.dumps({
    "texts": TEXTS,
    "split": [[p, [re.split(p, t) for t in TEXTS]] for p in SPLIT],
    "refused": [[p, refusal(p)] for p in REFUSED],
}, indent=0))
