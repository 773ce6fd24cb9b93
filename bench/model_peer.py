"""Embeds texts with ONNX Runtime or sentence-transformers, as sheaf's peer.

Usage: model_peer.py export MODEL ONNX        writes MODEL as an ONNX file
       model_peer.py quantise ONNX            writes it in int8 beside it, unless it is there
       model_peer.py first ENGINE MODEL ONNX TEXT    prints one vector and ends
       model_peer.py all ENGINE MODEL ONNX TEXTS     embeds a file of texts and ends
       model_peer.py serve ENGINE MODEL ONNX TEXTS   embeds whenever a line arrives on stdin

ENGINE is onnxruntime, onnxruntime-int8 or sentence-transformers. TEXTS is a JSON file with lists of
texts by name. A line says which list to embed, with how many threads: "NAME THREADS".
Each answer is a line of JSON: how long it took, in which batches, and the first vector.
"""

import json
import os
import sys
import time

BATCHES = [1, 8, 32]  # texts at once; the fastest counts


class ONNXRuntime:
    def __init__(self, model, onnx):
        import onnxruntime
        from tokenizers import Tokenizer

        self.onnxruntime, self.onnx, self.sessions = onnxruntime, onnx, {}
        self.version = onnxruntime.__version__
        with open(os.path.join(model, "sentence_bert_config.json")) as f:
            longest = json.load(f)["max_seq_length"]
        self.tokenizer = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
        self.tokenizer.enable_truncation(longest)
        self.tokenizer.enable_padding()

    def session(self, threads):
        if threads not in self.sessions:
            options = self.onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
            self.sessions[threads] = self.onnxruntime.InferenceSession(self.onnx, options, providers=["CPUExecutionProvider"])
        return self.sessions[threads]

    def encode(self, texts, threads, batch):
        import numpy

        session, first = self.session(threads), None
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        for start in range(0, len(order), batch):
            places = order[start : start + batch]
            encoded = self.tokenizer.encode_batch([texts[i] for i in places])
            vectors = session.run(None, {
                "input_ids": numpy.array([e.ids for e in encoded]),
                "attention_mask": numpy.array([e.attention_mask for e in encoded]),
            })[0]
            if 0 in places:
                first = vectors[places.index(0)]
        return first


class ONNXRuntimeInt8(ONNXRuntime):
    def __init__(self, model, onnx):
        super().__init__(model, int8(onnx))


class SentenceTransformers:
    def __init__(self, model, _):
        import sentence_transformers

        self.version = sentence_transformers.__version__
        self.model = sentence_transformers.SentenceTransformer(model, device="cpu")

    def encode(self, texts, threads, batch):
        import torch

        torch.set_num_threads(threads)
        return self.model.encode(texts, batch_size=batch, show_progress_bar=False)[0]


ENGINES = {"onnxruntime": ONNXRuntime, "onnxruntime-int8": ONNXRuntimeInt8, "sentence-transformers": SentenceTransformers}


def int8(onnx):
    return onnx.removesuffix(".onnx") + "-int8.onnx"


def quantise(onnx):
    from onnxruntime.quantization import quantize_dynamic

    if not os.path.exists(int8(onnx)):
        quantize_dynamic(onnx, int8(onnx))


def export(model, onnx):
    import torch
    from transformers import AutoModel

    class Pooled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.bert = AutoModel.from_pretrained(model, attn_implementation="eager").eval()

        def forward(self, input_ids, attention_mask):
            hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask,
                               token_type_ids=torch.zeros_like(input_ids)).last_hidden_state
            mask = attention_mask.unsqueeze(-1).float()
            return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9), dim=1)

    ids, names = torch.ones(2, 8, dtype=torch.long), ["input_ids", "attention_mask"]
    torch.onnx.export(Pooled(), (ids, ids), onnx, input_names=names, output_names=["vector"], opset_version=17, dynamo=False,
                      dynamic_axes={name: {0: "batch", 1: "tokens"} for name in names})


def serve(engine, lists):
    best = {}
    for line in sys.stdin:
        name, threads = line.split()[0], int(line.split()[1])
        if (name, threads) not in best:
            best[name, threads] = min(BATCHES, key=lambda batch: timed(engine, lists[name], threads, batch)[0])
        batch = best[name, threads]
        seconds, first = timed(engine, lists[name], threads, batch)
        say({"seconds": seconds, "batch": batch, "first": [float(x) for x in first]})


def timed(engine, texts, threads, batch):
    start = time.perf_counter()
    first = engine.encode(texts, threads, batch)
    return time.perf_counter() - start, first


def say(what):
    print(json.dumps(what), flush=True)


def main():
    verb = sys.argv[1]
    if verb == "export":
        return export(sys.argv[2], sys.argv[3])
    if verb == "quantise":
        return quantise(sys.argv[2])
    engine = ENGINES[sys.argv[2]](sys.argv[3], sys.argv[4])
    if verb == "first":
        return say([float(x) for x in engine.encode([sys.argv[5]], os.cpu_count(), 1)])
    with open(sys.argv[5]) as f:
        lists = json.load(f)
    if verb == "all":
        for texts in lists.values():
            engine.encode(texts, os.cpu_count(), BATCHES[-1])
        return None
    say({"version": engine.version})
    return serve(engine, lists)


if __name__ == "__main__":
    main()
