"""Asks a store that LangChain loads, with the embeddings that LangChain makes.

Usage: langchain_peer.py MODEL FOLDER QUESTIONS

MODEL and FOLDER are the model and what sheaf exported; QUESTIONS is a JSON list. Prints
for each question a list of texts and scores, as JSON.
"""

import json
import sys

from langchain_community.vectorstores import FAISS
from langchain_huggingface import HuggingFaceEmbeddings


def main():
    model, folder = sys.argv[1], sys.argv[2]
    with open(sys.argv[3]) as f:
        questions = json.load(f)
    embeddings = HuggingFaceEmbeddings(model_name=model, model_kwargs={"device": "cpu"})
    store = FAISS.load_local(folder, embeddings, allow_dangerous_deserialization=True)  # ours, just written
    answers = [store.similarity_search_with_score(question, k=4) for question in questions]
    print(json.dumps([[{"text": d.page_content, "score": float(score)} for d, score in hits] for hits in answers]))


if __name__ == "__main__":
    main()
