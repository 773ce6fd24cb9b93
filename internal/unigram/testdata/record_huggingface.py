"""Records what Hugging Face's tokenizers make of the texts of reference.jsonl.gz, and of some with added tokens.

    pip install tokenizers==0.23.3
    python record_huggingface.py MODEL_DIR > huggingface.jsonl (compress with gzip -9n)

MODEL_DIR is internal/embed/multilingual, whose pieces get ids as in an XLM-R. Each text has the ids of three tokenizers:
"ids" of the form that old converters of transformers wrote, "e5" of that of multilingual-e5, "new" of that of transformers
4.40, each where it differs. huggingface_test.go makes the same files.
"""
import array, base64, gzip, json, sys
from tokenizers import Tokenizer

SPACE = "\u2581"
METASPACE = {"type": "Metaspace", "replacement": SPACE, "add_prefix_space": True}
RUNS = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
EXTRA = ["</s>", "a </s>b<s> c", "a <mask> b<mask>", "  <mask>", "<pad><pad>", "\uff1cmask\uff1e a", "x \uff1c/s\uff1e", "<unk>\ue000 \ue000<unk>",
         "query: how  much ", "passage: a\tb\n\nc ", "a\u2581\u2581b \u2581 c", "\u2581", "A\u030a\u0301", "e\u0301\u0323 \u212b\u0301",
         "\u0915\u094d\u0937", "\u1112\u1161\u11ab\u1100\u1173\u11af", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u0e19\u0e49\u0e33", "\r\n\r\n", "a\u0000b"]


def forms(folder):
    pieces = open(folder + "/pieces.txt", encoding="utf8").read().split("\n")[:-1]
    scores = array.array("f", open(folder + "/scores.f32", "rb").read())
    vocab = [[p, 0.0] for p in ("<s>", "<pad>", "</s>", "<unk>")] + [[p, s] for p, s in list(zip(pieces, scores))[3:]] + [["<mask>", 0.0]]
    ids = {piece: i for i, (piece, _) in enumerate(vocab)}
    added = [{"id": ids[p], "content": p, "single_word": False, "lstrip": p == "<mask>", "rstrip": False, "normalized": False, "special": True}
             for p in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")]
    charsmap = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(open(folder + "/charsmap.bin", "rb").read()).decode()}
    for normalizer, pre, normalized in (
        (charsmap, {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, METASPACE]}, False),
        ({"type": "Sequence", "normalizers": [charsmap, RUNS]}, METASPACE, False),
        ({"type": "Sequence", "normalizers": [charsmap, {"type": "Strip", "strip_left": False, "strip_right": True}, dict(RUNS, content=SPACE)]},
         {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "always", "split": True}, True),
    ):
        added[-1]["normalized"] = normalized
        special = lambda p: {"SpecialToken": {"id": p, "type_id": 0}}
        yield Tokenizer.from_str(json.dumps({
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": normalizer, "pre_tokenizer": pre,
            "post_processor": {"type": "TemplateProcessing", "single": [special("<s>"), {"Sequence": {"id": "A", "type_id": 0}}, special("</s>")],
                               "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
                               "special_tokens": {p: {"id": p, "ids": [ids[p]], "tokens": [p]} for p in ("<s>", "</s>")}},
            "decoder": None, "model": {"type": "Unigram", "unk_id": 3, "vocab": vocab, "byte_fallback": False}}))


def main():
    old, e5, new = forms(sys.argv[1])
    rows = [json.loads(line) for line in gzip.open("reference.jsonl.gz", "rt", encoding="utf8")]
    for row in rows + [{"language": "", "text": text} for text in EXTRA]:
        text = row["text"]
        row["ids"] = old.encode(text).ids
        for key, tokenizer in (("e5", e5), ("new", new)):
            ids = tokenizer.encode(text).ids
            if ids != row["ids"]:
                row[key] = ids
        print(json.dumps(row, ensure_ascii=False))


main()
