"""Makes the small XLM-R in this folder and records what sentence-transformers computes with it.

    pip install torch==1.12.1 transformers==4.40.2 sentence-transformers==3.0.1 'numpy<2' sentencepiece 'protobuf<4'
    python record.py

The weights are random: the cases hold tokens, positions and the arithmetic, not a quality. The normalizer has a few rules of
nmt_nfkc only, for a small file.
"""
import json
import os
import tempfile

import sentencepiece
import torch
from sentence_transformers import SentenceTransformer, models
from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizerFast

TEXTS = [
    "Where are the keys of the office kept?", "The tide comes in because the moon pulls the sea.", "Die Schlüssel liegen im Büro.",
    "La marée monte à cause de la lune.", "Las llaves están en la oficina.", "Le chiavi sono in ufficio.", "As chaves estão no escritório.",
    "De sleutels liggen op kantoor.", "Klucze są w biurze.", "Anahtarlar ofiste.", "Klíče jsou v kanceláři.", "Nycklarna ligger på kontoret.",
    "Chìa khóa ở trong văn phòng.", "Ключи лежат в офисе.", "Ключі лежать в офісі.", "Τα κλειδιά είναι στο γραφείο.", "المفاتيح في المكتب.",
    "המפתחות במשרד.", "चाबियाँ कार्यालय में हैं।", "กุญแจอยู่ในสำนักงาน", "鍵は事務所にあります。", "钥匙在办公室里。", "열쇠는 사무실에 있습니다.",
]
MORE = ["", " ", "keys  and \t moons ", "ＫＥＹＳ ﬁle ①", "a </s> b <mask> c <pad> d", "the moon " * 40, "鍵" * 50, "\ue000 unknown \ue001"]
RULES = {"\t": " ", "\n": " ", "\r": " ", "\u3000": " ", "ﬁ": "fi", "①": "1", "u\u0308": "ü", **{chr(0xFEE0 + c): chr(c) for c in range(0x21, 0x7F)}}

with tempfile.TemporaryDirectory() as folder:
    hex_of = lambda s: " ".join("%X" % ord(c) for c in s)
    with open(folder + "/rules.tsv", "w") as f:
        f.writelines(f"{hex_of(a)}\t{hex_of(b)}\n" for a, b in RULES.items())
    with open(folder + "/texts.txt", "w") as f:
        f.write("\n".join(TEXTS * 3))
    sentencepiece.SentencePieceTrainer.train(input=folder + "/texts.txt", model_prefix=folder + "/sp", vocab_size=330, model_type="unigram",
                                             normalization_rule_tsv=folder + "/rules.tsv", character_coverage=1.0, num_threads=1, hard_vocab_limit=False)
    tokenizer = XLMRobertaTokenizerFast(folder + "/sp.model", model_max_length=48)

torch.manual_seed(11)
config = XLMRobertaConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
                          max_position_embeddings=50, type_vocab_size=1, layer_norm_eps=1e-5, initializer_range=0.25)
model = XLMRobertaModel(config, add_pooling_layer=False).eval()
for name, parameter in model.named_parameters():
    if name.endswith("bias") and parameter.ndim == 1:
        torch.nn.init.normal_(parameter, std=0.1)
with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    transformer = models.Transformer(folder)
    encoder = SentenceTransformer(modules=[transformer, models.Pooling(32, "mean"), models.Normalize()], device="cpu",
                                  prompts={"query": "query: ", "passage": "passage: "})
    encoder.save(".", create_model_card=False)
os.remove("special_tokens_map.json")

cases = []
for prompt in ("query", "passage"):
    for text in TEXTS + MORE:
        ids = encoder.tokenize([encoder.prompts[prompt] + text])["input_ids"][0].tolist()
        vector = encoder.encode(text, prompt_name=prompt).tolist()
        cases.append({"prompt": prompt, "text": text, "ids": ids, "vector": [round(x, 7) for x in vector]})
with open("cases.json", "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]\n")
