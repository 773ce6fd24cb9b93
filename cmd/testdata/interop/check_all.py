"""Runs check_store.py, which loads a store with LangChain, on many stores in one process.

Usage: check_all.py CHECKERS LIST

CHECKERS is the folder of check_store.py. Each line of LIST is a JSON array of
its arguments. Prints one JSON object a line: the exit status and what was said.
"""

import contextlib
import io
import json
import sys


def main():
    sys.path.insert(0, sys.argv[1])
    import check_store

    for line in open(sys.argv[2], encoding="utf-8"):
        sys.argv = ["check_store.py", *json.loads(line)]
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            status = check_store.main()
        print(json.dumps({"status": status, "said": said.getvalue()}), flush=True)


if __name__ == "__main__":
    main()
