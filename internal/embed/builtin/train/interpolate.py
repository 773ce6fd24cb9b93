"""Judges mixtures of the rows before and after training.

usage: interpolate.py DIR MODEL TRAINED.npy EVERYDAY.tsv

DIR is that of corpus.py, MODEL the model before training, TRAINED its rows after it, in float, as train.py writes them. Prints nDCG@10
of each mixture on the sets valid-*.json of DIR, and on the pairs of EVERYDAY alone and among 1,450 other texts. Needs what
train.py needs.
"""
import glob, itertools, json, os, sys
import numpy as np
from train import COMMON, Tokens, occurrences, read_rows, unit

GAIN = 1 / np.log2(np.arange(10) + 2)
SAMPLE = 20000  # texts whose variances are those that whitening looks at


def ndcg(queries, docs, rel):
    order = np.argsort(-(queries @ docs.T), axis=1, kind="stable")[:, :10]
    return float(np.mean([sum(GAIN[j] for j, d in enumerate(o) if d in r) / GAIN[:len(r)].sum() for o, r in zip(order, rel)]))


class Mixtures:
    """The sums of texts by the rows before, and by what training changed in rare and in common pieces. A sum is linear in the
    rows, so a mixture's is the mixture of the sums."""

    def __init__(self, sets, texts, before, change, common, power):
        def parts(counts):
            counts = counts.copy()
            counts.data **= np.float32(power)
            return counts @ before, counts @ (change * ~common), counts @ (change * common)

        self.texts = parts(texts)
        self.sets = {name: (parts(q), parts(d), rel) for name, (q, d, rel) in sets.items()}

    def judge(self, rare, common, white):
        mix = lambda s: s[0] + rare * s[1] + common * s[2]
        variances, axes = np.linalg.eigh(np.cov(unit(mix(self.texts)).T))
        turn = ((axes * variances**white) @ axes.T).astype(np.float32)
        vectors = lambda s: unit(mix(s) @ turn)
        return {name: ndcg(vectors(q), vectors(d), rel) for name, (q, d, rel) in self.sets.items()}


def read_sets(folder, pairs):
    sets = {os.path.basename(f)[6:-5]: json.load(open(f)) for f in sorted(glob.glob(folder + "/valid-*.json"))}
    others = [s[:400] for name in ("prose", "package", "definition", "git") for s in sets[name]["docs"]]
    others = others[::max(1, len(others) // 1450)][:1450]
    queries, docs = zip(*(line.rstrip("\n").split("\t") for line in open(pairs, encoding="utf8")))
    rel = [[i] for i in range(len(docs))]
    sets["everyday alone"] = dict(queries=queries, docs=docs, rel=rel)
    sets["everyday"] = dict(queries=queries, docs=[*docs, *others], rel=rel)
    return sets


def main():
    folder, model, trained, pairs = sys.argv[1:]
    tokens, before, after = Tokens(model + "/vocab.txt"), read_rows(model), np.load(trained).astype(np.float32)
    before /= np.linalg.norm(before, axis=1).mean()
    sets = {name: (tokens.counts(s["queries"]), tokens.counts(s["docs"]), s["rel"]) for name, s in read_sets(folder, pairs).items()}
    texts = tokens.counts(open(folder + "/texts.txt").read().split("\n")[:-1])
    common, texts = occurrences(texts) >= COMMON, texts[::texts.shape[0] // SAMPLE]
    print("| of rare pieces | of common ones | count | white | " + " | ".join(sets) + " |")
    for power in (1, .9, .75):
        m = Mixtures(sets, texts, before, after - before, common, power)
        for rare, share, white in itertools.product((0, .2, .4, .6, .8, 1), (0, .2, .4, .6, .8, 1), (0, -.05, -.1)):
            figures = m.judge(rare, share, white).values()
            print(f"| {rare} | {share} | {power} | {white} | " + " | ".join(f"{x:.3f}" for x in figures) + " |", flush=True)


if __name__ == "__main__":
    main()
