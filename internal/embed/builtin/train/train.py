"""Distils the static model: one vector for each piece, whose sum has the direction of the teacher's vector of a text.

usage: train.py DIR MODEL OUT

DIR has texts.txt and pairs.json of corpus.py, texts.f32, the teacher's vectors of the lines of texts.txt (see README.md),
and the sets valid-*.json; MODEL is the model to go on from, with matrix.i8, scale.f32 and vocab.txt. Writes to OUT matrix.i8,
scale.f32, and trained.npy, the rows as training left them. Needs numpy, scipy and tokenizers.
"""
import glob, json, os, sys, time
import numpy as np
import scipy.sparse
from tokenizers import BertWordPieceTokenizer

TEACHER = 384          # numbers of the teacher's vectors
REPEATED = 0.75        # a piece that a text has n times counts n to this power
STEPS, BATCH = 240, 512  # of a step: texts, and pairs at most
RATE = 0.005
PULL = 0.003           # of each row to its start, a step
TEMPERATURE = 0.05     # of how texts relate to each other
RELATIONS = 0.1        # weight of how the texts of a batch relate to each other, beside their directions
RELATED = 0.5          # weight of how questions and passages relate
KNOWN = 0.3            # share of certainty that a question's own passage answers it, beside the teacher's opinion
COMMON = 300           # texts that have a common piece, at least
MIXED = 0.8, 0.4       # share of what training has changed that is kept, in the rows of rare pieces and of common ones
UNKNOWN = 0.001        # share of its row before training that the unknown piece keeps
WHITE = -0.05          # power of the variances of texts by which the axes are stretched in the end


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)


def softmax(scores):
    e = np.exp(scores - scores.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


class Tokens:
    """Counts the pieces of texts."""

    def __init__(self, vocab):
        self.tokenizer = BertWordPieceTokenizer(vocab, lowercase=True, strip_accents=True)
        self.size = self.tokenizer.get_vocab_size()
        self.unknown = self.tokenizer.token_to_id("[UNK]")

    def counts(self, texts):
        ids = [e.ids for e in self.tokenizer.encode_batch(texts, add_special_tokens=False)]
        ends = np.cumsum([0] + [len(x) for x in ids])
        flat = np.fromiter((i for x in ids for i in x), np.int32, ends[-1])
        m = scipy.sparse.csr_matrix((np.ones(ends[-1], np.float32), flat, ends), shape=(len(ids), self.size))
        m.sum_duplicates()
        return m


def read_rows(folder):
    scale = np.fromfile(folder + "/scale.f32", "<f4")
    return np.fromfile(folder + "/matrix.i8", np.int8).reshape(len(scale), -1).astype(np.float32) * scale[:, None]


def quantize(rows):
    scale = np.abs(rows).max(1) / 127
    scale[scale == 0] = 1
    return np.round(rows / scale[:, None]).astype(np.int8), scale.astype("<f4")


class Sets:
    """Retrieval sets, and the nDCG@10 of rows on each."""

    def __init__(self, tokens, files):
        self.sets = {}
        for file in files:
            s = json.load(open(file))
            name = os.path.basename(file)[:-5].removeprefix("valid-")
            self.sets[name] = tokens.counts(s["queries"]), tokens.counts(s["docs"]), s["rel"]

    def judge(self, rows, weigh=lambda c: c):
        result = {}
        for name, (queries, docs, rel) in self.sets.items():
            scores = unit(weigh(queries) @ rows) @ unit(weigh(docs) @ rows).T
            order = np.argsort(-scores, axis=1, kind="stable")[:, :10]
            gain = 1 / np.log2(np.arange(10) + 2)
            found = [sum(gain[j] for j, d in enumerate(o) if d in r) / gain[:len(r)].sum() for o, r in zip(order, rel)]
            result[name] = round(float(np.mean(found)), 4)
        return result


def relate(a, b, target_a, target_b, known, same):
    """The gradient, in a and b, of the divergence of how each of a relates to all of b from how the targets do, with the share
    known of certainty that the i-th belong together. With same, a is b and no text relates to itself."""
    ours, theirs = a @ b.T / TEMPERATURE, target_a @ target_b.T / TEMPERATURE
    if same:
        np.fill_diagonal(ours, -1e9)
        np.fill_diagonal(theirs, -1e9)
    want = (1 - known) * softmax(theirs) + known * np.eye(len(a), dtype=np.float32)
    d = (softmax(ours) - want) / len(a) / TEMPERATURE
    return d @ b, d.T @ a


def descend(sums, gradient):
    """The gradient in the sums from that in their directions."""
    norm = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    h = sums / norm
    return ((gradient - h * (gradient * h).sum(1, keepdims=True)) / norm).astype(np.float32)


class Adam:
    """Adam over the rows of a batch, each with its own count of steps, and a pull to the start that fades as the rate does."""

    def __init__(self, start, steps, rate, pull):
        self.rows, self.start = start.copy(), start
        self.mean, self.square = np.zeros_like(start), np.zeros_like(start)
        self.visits = np.zeros((len(start), 1), np.float32)
        self.step, self.steps, self.rate, self.pull = 0, steps, rate, pull

    def move(self, used, g):
        self.step += 1
        left = np.float32(1 - self.step / self.steps)
        self.visits[used] += 1
        mean = self.mean[used] = self.mean[used] * np.float32(0.9) + g * np.float32(0.1)
        square = self.square[used] = self.square[used] * np.float32(0.99) + g * g * np.float32(0.01)
        n = self.visits[used]
        change = mean / (1 - 0.9**n) / (np.sqrt(square / (1 - 0.99**n)) + 1e-8)
        rows = self.rows[used]
        self.rows[used] = rows - self.rate * left * change + (self.start[used] - rows) * (self.pull * left)


def distil(texts, target, pairs, start, steps=STEPS, rate=RATE, pull=PULL, relations=RELATIONS, related=RELATED, known=KNOWN, report=None):
    """Each step has BATCH texts, whose sums are brought to the direction of target and to the same likeness to each other, and
    as many pairs of one source, whose questions are brought to relate to the passages as the teacher's do."""
    adam, rng = Adam(start, steps, rate, pull), np.random.default_rng(0)
    sources = sorted(pairs)
    share = np.array([len(pairs[s])**0.7 for s in sources])
    share /= share.sum()
    since, cosine = time.time(), 0
    for step in range(steps):
        p = pairs[sources[rng.choice(len(sources), p=share)]]
        p = p[rng.choice(len(p), min(BATCH, len(p)), replace=False)]
        ix = np.concatenate([rng.choice(len(target), BATCH, replace=False), p[:, 0], p[:, 1]])
        counts, want = texts[ix], target[ix]
        used, counts.indices = np.unique(counts.indices, return_inverse=True)
        counts = scipy.sparse.csr_matrix((counts.data, counts.indices.ravel(), counts.indptr), shape=(len(ix), len(used)))
        sums = np.asarray(counts @ adam.rows[used])
        h = unit(sums)
        cosine += float((h[:BATCH] * want[:BATCH]).sum(1).mean())
        g = np.zeros_like(h)
        alike, asked, found = slice(BATCH), slice(BATCH, BATCH + len(p)), slice(BATCH + len(p), None)
        g[alike] = -want[alike] / BATCH
        for a, b, weight, sure in ((alike, alike, relations, 0), (asked, found, related, known), (found, asked, related, known)):
            ga, gb = relate(h[a], h[b], want[a], want[b], sure, a is b)
            g[a] += weight * ga
            g[b] += weight * gb
        adam.move(used, np.asarray(counts.T @ descend(sums, g)))
        if report and (step + 1) % (steps // 4) == 0:
            report(step + 1, cosine / (steps // 4), time.time() - since, adam.rows)
            cosine = 0
    return adam.rows


def damped(counts):
    """Counts of pieces with the weight of repeated ones."""
    counts = counts.copy()
    counts.data **= np.float32(REPEATED)
    return counts


def occurrences(counts):
    """How many texts have each piece, one a row."""
    return np.bincount(counts.indices, minlength=counts.shape[1])[:, None]


def mix(before, after, texts):
    """Goes back a part of the way that training has gone. Its texts are few: what they taught of common words, which all other texts
    have too, is kept by less."""
    rare, common = MIXED
    return before + (after - before) * np.where(occurrences(texts) < COMMON, rare, common).astype(np.float32)


def whiten(rows, texts, power=WHITE):
    """Stretches the principal axes of texts by a power of their variance. The sum is linear, so it is done to the rows: the few
    axes on which all texts differ much then hide the others less."""
    vectors = unit(texts @ rows).astype(np.float32)
    variances, axes = np.linalg.eigh(np.cov(vectors.T))
    return (rows @ ((axes * variances**power) @ axes.T)).astype(np.float32)


def project(teacher, vectors):
    """The teacher's vectors, centred, in the space of the model: by the rotation that brings them next to its vectors."""
    teacher = unit(teacher - teacher.mean(0))
    u, _, v = np.linalg.svd(teacher.T @ vectors, full_matrices=False)
    return unit(teacher @ (u @ v)).astype(np.float32)


def main():
    folder, model, out = sys.argv[1:]
    tokens, start = Tokens(model + "/vocab.txt"), read_rows(model)
    start /= np.linalg.norm(start, axis=1).mean()
    texts = damped(tokens.counts(open(folder + "/texts.txt").read().split("\n")[:-1]))
    teacher = np.fromfile(folder + "/texts.f32", "<f4").reshape(-1, TEACHER)
    pairs = {s: np.array(p) for s, p in json.load(open(folder + "/pairs.json")).items() if len(p) >= BATCH // 2}
    sets = Sets(tokens, sorted(glob.glob(folder + "/valid-*.json")))

    def report(step, cosine, seconds, rows):
        print(f"step {step}: cosine {cosine:.4f}, {seconds:.0f} s,", sets.judge(rows, damped), flush=True)

    rows = distil(texts, project(teacher, unit(texts @ start)), pairs, start, report=report)
    np.save(out + "/trained.npy", rows)
    rows = mix(start, rows, texts)
    rows[tokens.unknown] = UNKNOWN * start[tokens.unknown]
    rows = whiten(rows, texts)
    rows /= np.linalg.norm(rows, axis=1).mean()
    matrix, scale = quantize(rows)
    print("int8:", sets.judge(matrix * scale[:, None], damped))
    matrix.tofile(out + "/matrix.i8")
    scale.tofile(out + "/scale.f32")


if __name__ == "__main__":
    main()
