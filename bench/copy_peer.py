"""Reads JSONL by json and copies it by psycopg: copy_peer.py FOLDER-OF-THE-SOCKET FILE."""

import json
import sys

import psycopg

with psycopg.connect(f"host={sys.argv[1]} user=sheaf dbname=postgres") as server, open(sys.argv[2]) as lines:
    with server.cursor().copy("COPY bare (id, text, vector) FROM STDIN") as copy:
        for line in lines:
            record = json.loads(line)
            copy.write_row((record["id"], record["text"], str(record["vector"])))
