"""Distils the static model: one vector for each piece, whose sum has the direction of the teacher's vector of a text.

usage: train.py DIR SP_MODEL OUT

DIR has train.json and pool.json of corpus.py, texts-*.npy and pieces.npy of teach.py; SP_MODEL is the teacher's
SentencePiece model. Writes OUT/matrix.i8, scale.f32, scores.f32, charsmap.bin and pieces.txt. Needs numpy, scipy,
sentencepiece and protobuf; four minutes on one core.
"""
import collections, glob, json, sys
import numpy as np
import scipy.sparse
import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as pb

DIM, PIECES, SPECIAL = 256, 70_000, 3
EPOCHS, BATCH, RATE = 7, 512, 0.01
PULL = 0.01          # of each row to its start, a step
SIF = 3e-5           # weight of a piece at the start: SIF / (SIF + its probability)
TEMPERATURE, RELATIONS = 0.05, 0.1
OF_START = 0.15      # share of the start in the result


def matrix(ids, columns):
    """Row i counts the pieces of text i."""
    ends = np.cumsum([0] + [len(x) for x in ids])
    return scipy.sparse.csr_matrix((np.ones(ends[-1], np.float32), np.concatenate(ids), ends), shape=(len(ids), columns))


def encode(sp, texts):
    return [np.array(x, int) for x in sp.encode(texts)]


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)


def keep_pieces(sp, pool, probability):
    """The pieces to keep: special ones, single characters, then by use in the pool, each language with the same
    weight, and by the model's own probability, half and half."""
    by_language = collections.defaultdict(list)
    for language, text in pool:
        by_language[language].append(text)
    use = np.zeros(len(probability))
    for texts in by_language.values():
        count = np.bincount(np.concatenate(encode(sp, texts[:30_000])), minlength=len(use))
        use += count / count.sum() / len(by_language)
    rank = use / 2 + probability / 2
    kept = set(range(SPECIAL)) | {i for i in range(len(use)) if len(sp.id_to_piece(i)) == 1}
    for i in np.argsort(-rank):
        if len(kept) >= PIECES:
            break
        kept.add(int(i))
    return np.array(sorted(kept))


def softmax(scores):
    e = np.exp(scores - scores.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def gradient(sums, target):
    """The gradient of 1 - cosine, and of the divergence of how the texts of a batch relate to each other."""
    norm = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    h = sums / norm
    theirs, ours = target @ target.T / TEMPERATURE, h @ h.T / TEMPERATURE
    np.fill_diagonal(theirs, -1e9)
    np.fill_diagonal(ours, -1e9)
    d = (softmax(ours) - softmax(theirs)) / len(h) / TEMPERATURE
    g = -target / len(h) + RELATIONS * (d @ h + d.T @ h)
    return ((g - h * (g * h).sum(1, keepdims=True)) / norm).astype(np.float32), float((h * target).sum(1).mean())


def distil(texts, target, start):
    """Adam over the rows in use, with a pull to the start that fades as the rate does."""
    rows, first = start.copy(), start
    mean, square = np.zeros_like(rows), np.zeros_like(rows)
    rng, step, steps = np.random.default_rng(0), 0, EPOCHS * (len(target) // BATCH)
    for epoch in range(EPOCHS):
        order, cosine = rng.permutation(len(target)), 0.0
        for b in range(len(target) // BATCH):
            batch = order[b * BATCH:(b + 1) * BATCH]
            counts = texts[batch]
            g, c = gradient(np.asarray(counts @ rows), target[batch])
            g = np.asarray(counts.T @ g)
            step, cosine = step + 1, cosine + c
            left = 1 - step / steps
            mean = 0.9 * mean + 0.1 * g
            square = 0.99 * square + 0.01 * g * g
            rows -= np.float32(RATE * left) * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
            rows += (first - rows) * np.float32(PULL * left)
        print("epoch", epoch + 1, "cosine", round(cosine / (len(target) // BATCH), 4), flush=True)
    return rows


def main():
    folder, file, out = sys.argv[1:]
    sp = sentencepiece.SentencePieceProcessor(model_file=file)
    probability = np.exp([sp.get_score(i) for i in range(sp.get_piece_size())])
    probability[:SPECIAL + 1] = 0  # piece 3 of the teacher is of no use
    kept = keep_pieces(sp, json.load(open(folder + "/pool.json")), probability)

    model = pb.ModelProto()
    model.ParseFromString(open(file, "rb").read())
    pieces = [model.pieces[i] for i in kept]
    del model.pieces[:]
    model.pieces.extend(pieces)
    model.trainer_spec.vocab_size = len(pieces)
    small = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())

    texts = [t for _, _, t in json.load(open(folder + "/train.json"))]
    parts = sorted(glob.glob(folder + "/texts-*.npy"), key=lambda f: int(f.split("-")[-1][:-4]))
    teacher = np.zeros((len(texts), 512), np.float32)
    for i, part in enumerate(parts):
        teacher[i::len(parts)] = np.load(part)
    center = teacher.mean(0)
    sample = np.random.default_rng(1).choice(len(teacher), min(20_000, len(teacher)), replace=False)
    axes = np.linalg.eigh(np.cov((teacher[sample] - center).T))[1][:, ::-1][:, :DIM]

    alone = np.load(folder + "/pieces.npy")
    start = (alone - alone.mean(0))[kept] @ axes * (SIF / (SIF + probability[kept]))[:, None]
    start[:SPECIAL] = 0
    start = (start / np.linalg.norm(start, axis=1).mean()).astype(np.float32)

    ids = encode(small, texts)
    some = [i for i, x in enumerate(ids) if len(x)]
    target = unit((teacher[some] - center) @ axes).astype(np.float32)
    counts = matrix([ids[i] for i in some], len(kept))
    used = np.unique(counts.indices)
    rows = start.copy()
    rows[used] = distil(counts[:, used].tocsr(), target, start[used])
    rows = (1 - OF_START) * rows + OF_START * start

    scale = np.abs(rows).max(1) / 127
    scaled = np.divide(rows, scale[:, None], out=np.zeros_like(rows), where=scale[:, None] > 0)
    np.round(scaled).astype(np.int8).tofile(out + "/matrix.i8")
    scale.astype("<f4").tofile(out + "/scale.f32")
    np.array([p.score for p in pieces], "<f4").tofile(out + "/scores.f32")
    open(out + "/charsmap.bin", "wb").write(model.normalizer_spec.precompiled_charsmap)
    open(out + "/pieces.txt", "w", encoding="utf8").write("".join(p.piece + "\n" for p in pieces))


main()
