"""Records what SentencePiece makes of texts in 20 languages, with the pieces of builtin:multilingual.

usage: record.py MODEL_DIR > reference.jsonl (compress with gzip -9n)

MODEL_DIR is internal/embed/multilingual. Needs the packages sentencepiece, protobuf and babel. The
texts are names from the Unicode CLDR, as Babel ships them, and strings of random characters.
"""
import array, json, random, sys
import babel
import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as pb

LANGUAGES = "en de fr es it pt nl pl tr cs sv vi ru uk el ar he hi th ja zh zh_Hant ko".split()
RANGES = [(0x20, 0x7F), (0x20, 0x2FF), (0x300, 0x370), (0x370, 0x600), (0x600, 0x700), (0x900, 0x980), (0xE00, 0xE80),
          (0x1100, 0x1200), (0x2000, 0x2300), (0x3000, 0x3200), (0x3200, 0x3400), (0x4E00, 0x9FFF), (0xAC00, 0xD7A4),
          (0xF900, 0xFB00), (0xFB00, 0xFE00), (0xFE30, 0xFFF0), (0x1D400, 0x1D7FF), (0x1F300, 0x1F700), (1, 0x110000)]


def model(folder):
    m = pb.ModelProto()
    m.trainer_spec.model_type = pb.TrainerSpec.UNIGRAM
    m.normalizer_spec.precompiled_charsmap = open(folder + "/charsmap.bin", "rb").read()
    scores = array.array("f", open(folder + "/scores.f32", "rb").read())
    for i, piece in enumerate(open(folder + "/pieces.txt", encoding="utf8").read().split("\n")[:-1]):
        kind = pb.ModelProto.SentencePiece.Type
        m.pieces.add(piece=piece, score=scores[i], type=kind.UNKNOWN if i == 0 else kind.CONTROL if i < 3 else kind.NORMAL)
    return sentencepiece.SentencePieceProcessor(model_proto=m.SerializeToString())


def names(language, rng, n):
    locale = babel.Locale.parse(language)
    words = [str(w) for table in (locale.territories, locale.languages, locale.scripts, locale.currencies) for w in table.values()]
    between = [" ", ", ", "  ", "\n", "\t", " — ", "; ", "/", ""]
    for _ in range(n):
        text = "".join(w + rng.choice(between) for w in rng.sample(words, rng.choice([1, 1, 2, 3, 6, 10])))
        yield text.upper() if rng.random() < 0.1 else text


def noise(rng, n):
    for _ in range(n):
        text = ""
        for _ in range(rng.choice([1, 2, 4])):
            low, high = rng.choice(RANGES)
            text += "".join(chr(c) for c in (rng.randrange(low, high) for _ in range(rng.randrange(12))) if not 0xD800 <= c < 0xE000)
            text += rng.choice(["", " ", "  ", "\u3000", "\u2581"])
        yield text


def main():
    rng = random.Random(19)
    sp = model(sys.argv[1])
    for language in LANGUAGES:
        for text in names(language, rng, 80):
            print(json.dumps({"language": language, "text": text, "ids": sp.encode(text)}, ensure_ascii=False))
    for text in noise(rng, 400):
        print(json.dumps({"language": "", "text": text, "ids": sp.encode(text)}, ensure_ascii=False))


main()
