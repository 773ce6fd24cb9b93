"""Records golden.json: what trec_eval computes, by pytrec_eval and by ir_measures, which must agree.

    python3 -m venv venv && venv/bin/pip install pytrec-eval-terrier==0.5.11 ir-measures==0.4.3
    venv/bin/python record.py > golden.json
"""
import json
import random
import sys
from importlib.metadata import version

import ir_measures
import pytrec_eval
from ir_measures import AP, RR, P, R, Success, nDCG

CUTS = [1, 3, 5, 10, 20]
NAMES = {"ndcg": "ndcg_cut", "recall": "recall", "precision": "P", "map": "map_cut", "success": "success"}
MEASURES = {"ndcg": nDCG, "recall": R, "precision": P, "map": AP, "success": Success, "mrr": RR}


def run_of(ranking):
    """The scores of a run file: they fall strictly, so that trec_eval keeps the order. A document counts once."""
    once = list(dict.fromkeys(ranking))
    return {doc: float(len(once) - i) for i, doc in enumerate(once)}


def trec(qrels, rankings, k):
    """The measures at k of each question, by pytrec_eval; a question without a ranking has 0."""
    wanted = {f"{trec_name}.{k}" for trec_name in NAMES.values()} | {"recip_rank"}
    runs = {q: run_of(rankings[q]) for q in rankings if rankings[q]}
    found = pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(runs)
    first = {q: dict(list(run.items())[:k]) for q, run in runs.items()}  # recip_rank has no cut of its own
    cut = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(first)
    out = {}
    for q in qrels:
        got = found.get(q, {})
        out[q] = {f"{name}@{k}": got.get(f"{trec_name}_{k}", 0.0) for name, trec_name in NAMES.items()}
        out[q][f"mrr@{k}"] = cut.get(q, {}).get("recip_rank", 0.0)
    return out


def check_mean(qrels, rankings, k, got):
    """ir_measures must give the same means."""
    flat_qrels = [ir_measures.Qrel(q, d, g) for q in qrels for d, g in qrels[q].items()]
    flat_run = [ir_measures.ScoredDoc(q, d, s) for q in rankings for d, s in run_of(rankings[q]).items()]
    means = ir_measures.calc_aggregate([m @ k for m in MEASURES.values()], flat_qrels, flat_run)
    for name, measure in MEASURES.items():
        mean = sum(values[f"{name}@{k}"] for values in got.values()) / len(got)
        assert abs(means[measure @ k] - mean) < 1e-12, (name, k, means[measure @ k], mean)


def case(name, qrels, rankings):
    exponential = {q: {d: 2**g - 1 if g > 0 else 0 for d, g in docs.items()} for q, docs in qrels.items()}
    expected = {q: {"linear": {}, "exp": {}} for q in qrels}
    for k in CUTS:
        linear = trec(qrels, rankings, k)
        check_mean(qrels, rankings, k, linear)
        for gain, values in (("linear", linear), ("exp", trec(exponential, rankings, k))):
            for q in qrels:
                expected[q][gain].update(values[q])
    return {"name": name, "questions": [
        {"id": q, "qrels": qrels[q], "ranking": rankings.get(q, []), "expected": expected[q]} for q in qrels]}


def drawn(seed, grades, depth, pool=40):
    rnd = random.Random(seed)
    docs = [f"d{i}" for i in range(pool)]
    qrels, rankings = {}, {}
    for i in range(20):
        qrels[f"q{i}"] = {d: rnd.choice(grades) for d in rnd.sample(docs, rnd.randint(1, 15))}
        rankings[f"q{i}"] = rnd.sample(docs, rnd.randint(0, depth))
    return qrels, rankings


def main():
    cases = [
        case("one of two relevant at rank 1", {"q": {"a": 1, "b": 1}}, {"q": ["a", "x", "y"]}),
        case("k beyond the list", {"q": {"a": 1, "b": 1, "c": 1}}, {"q": ["x", "b"]}),
        case("more relevant than k", {"q": {f"d{i}": 1 + i % 3 for i in range(30)}}, {"q": [f"d{i}" for i in range(25)]}),
        case("a question without an answer", {"q": {"a": 1}, "r": {"b": 2}}, {"q": ["a"]}),
        case("judged, and nothing is relevant", {"q": {"a": 0, "b": 0}, "r": {"b": 1}}, {"q": ["a"], "r": ["b"]}),
        case("grades below 0", {"q": {"a": -1, "b": 2, "c": 1}}, {"q": ["a", "c", "b"]}),
        case("a document that is found twice", {"q": {"a": 1, "b": 2}}, {"q": ["x", "a", "x", "a", "b"]}),
        case("found twice, many", *[(q, {k: [d for d in r for _ in range(1 + len(d) % 2)] for k, r in runs.items()})
                                    for q, runs in [drawn(3, [0, 1, 2], 15)]][0]),
        case("names that order by rank, ties", {"q": {"z": 1, "a": 2}}, {"q": ["m", "z", "a", "b"]}),
        case("relevant or not", *drawn(1, [0, 1], 25)),
        case("graded", *drawn(2, [-1, 0, 0, 1, 2, 3, 5], 25)),
    ]
    made_by = {name: version(name) for name in ("pytrec-eval-terrier", "ir-measures")}
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    sys.stdout.write(f'{{"made_by": {json.dumps(made_by)}, "cases": [\n{lines}\n]}}\n')


main()
