"""Builds the sets of questions of make eval: build.py SOURCES OUT, where SOURCES is what fetch.sh made.

Each becomes a folder of OUT with docs.jsonl, which sheaf ingests, questions.jsonl, which sheaf eval asks, and set.json."""

import definitions
import everything
import messages
import officehelp
import pages
import paraphrases

definitions.build()
officehelp.build()
messages.build()
pages.build()
paraphrases.build()
everything.build()
