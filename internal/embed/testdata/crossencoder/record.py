"""Makes the small cross-encoder in this folder and records what sentence-transformers computes with it.

    pip install torch==1.12.1 transformers==4.40.2 sentence-transformers==3.0.1 'numpy<2'
    python record.py

The weights are random: the cases hold the arithmetic, the tokens of pairs and their truncation, not a quality.
"""
import json
import string

import torch
from sentence_transformers import CrossEncoder
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

WORDS = "where are the keys kept safe of office how often passwords changed tide comes in moon and sea ##ing ##ed".split()
pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + list(string.ascii_lowercase + string.digits + ".,?!'-()")
pieces += ["##" + c for c in string.ascii_lowercase + string.digits] + WORDS
with open("vocab.txt", "w") as f:
    f.write("\n".join(pieces) + "\n")

torch.manual_seed(7)
config = BertConfig(
    vocab_size=len(pieces), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
    max_position_embeddings=48, num_labels=1, initializer_range=0.25,
)
model = BertForSequenceClassification(config).eval()
torch.nn.init.normal_(model.classifier.weight, std=0.8)
torch.nn.init.constant_(model.classifier.bias, 0.1)
for name, parameter in model.named_parameters():
    if name.endswith("bias") and parameter.ndim == 1 and "classifier" not in name:
        torch.nn.init.normal_(parameter, std=0.1)
model.save_pretrained(".", safe_serialization=True)
BertTokenizerFast("vocab.txt", model_max_length=48).save_pretrained(".")

PAIRS = [
    ("where are keys kept", "Keys are kept in the safe of the office."),
    ("how often are passwords changed?", "The tide comes in, and the moon is in the sea."),
    ("how often are passwords changed?", "Passwords: changed often!"),
    ("tide", ""),
    ("", "the moon"),
    ("[SEP] keys", "a [MASK] of the office [CLS]"),
    ("Ünïcödé keys", "ÜBER den Wolken, 東京 (tide)"),
    ("where are the keys kept", "the safe of the office " * 20),
    ("where are the keys kept " * 20, "the safe of the office"),
    ("where are the keys kept " * 20, "the safe of the office " * 20),
    ("keys " * 45, "moon"),
    ("keys", "moon " * 44),
    ("keys " * 23, "moon " * 23),
    ("keys " * 22, "moon " * 24),
    ("keys " * 60, "moon " * 10),
]
encoder = CrossEncoder(".", device="cpu")
scores = encoder.predict(PAIRS, batch_size=1, show_progress_bar=False)
logits = encoder.predict(PAIRS, batch_size=1, show_progress_bar=False, activation_fct=torch.nn.Identity())
cases = []
for (query, text), score, logit in zip(PAIRS, scores, logits):
    tokens = encoder.tokenizer([query], [text], truncation="longest_first", max_length=48)
    cases.append({"query": query, "text": text, "ids": tokens["input_ids"][0], "second": tokens["token_type_ids"][0].index(1),
                  "score": float(score), "logit": float(logit)})
with open("cases.json", "w") as f:
    json.dump(cases, f, ensure_ascii=False, indent=0)
    f.write("\n")
