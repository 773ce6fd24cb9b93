package cmd

// standIns are scripts in the place of programs that pages name and test machines lack.
var standIns = map[string]string{
	"fzf":     "head -n 1",
	"vi":      `[ -e "$2" ] && echo "$@" >edited`,
	"crontab": `[ "$1" = - ] && cat >crontab.txt`,
	// The library that reads indexes is not asked for.
	"python3":   `[ "$1" = -c ] || PATH=${PATH#*:} exec python3 "$@"; [ -s .sheaf/index.1.faiss ]`,
	"pdftotext": `printf 'The first page.\n\fThe keys lie in the safe.\n\f'`,
}

// texts is a script that writes some of them, and a few questions.
const texts = `
mkdir -p docs/drafts docs/v1 more
printf '# The store\n\nA crash leaves the store in its old or its new state.\n' >docs/store.md
printf 'The timeout is set in the settings. This is deprecated.\n' >docs/settings.md
printf 'How it was.\n' >docs/v1/old.md
printf 'A draft.\n' >docs/drafts/draft.md
printf 'Refund policy: within a month.\n\nWe decided about refunds.\n' >notes.txt
printf '# Read me\n' >README.md
printf 'where is the timeout set\nrefunds\n' >questions.txt
printf '{"query": "what does a crash leave", "expect": ["docs/store.md"]}\n' >questions.jsonl
`

// docs are the pages whose commands are run, by their path.
var docs = map[string]doc{
	"README.md": {
		before: texts + "mkdir notes; cp docs/settings.md notes",
		wants:  map[string][]want{"Thirty seconds": {{"", "notes/settings.md\t1"}, {"", "stdin:merge"}, {"answer.json", `"path":"notes/settings.md"`}}},
	},
	"docs/cookbook.md": {
		before: `
: >manual.pdf
printf '%s' '{"cells": [{"source": ["# Sales\n", "Rows without a price are dropped."], "outputs": [{"data": "iVBORw0KGgo"}]}, {"source": []}]}' >analysis.ipynb
mkdir -p Maildir/cur && printf 'Subject: Trip\n\nThe ferry leaves at nine.\n' >Maildir/cur/1.mail
sqlite3 shop.db "CREATE TABLE goods (id, name, description, price); INSERT INTO goods VALUES ('p1', 'Pen', 'writes in blue', 3), ('b1', 'Boat', 'floats', 900)"
sheaf ingest --quiet -s made/.sheaf notes && sheaf export --quiet -s made/.sheaf faiss_index
`,
		wants: map[string][]want{
			"Ask from a shell script":               {{"prompt.txt", "every month"}},
			"Open the hit in an editor":             {{"edited", "notes/printer.md"}},
			"A git hook that keeps a store current": {{"", "notes/printer.md"}},
			"A store as an artefact of CI":          {{"", "open the tray"}},
			"Fail a build when answers get worse":   {{"", "mrr@3\t1.0000"}},
			"Cron":                                  {{"crontab.txt", "nightly.sh"}},
			"PDF":                                   {{"", "manual.pdf, page 2"}},
			"Notebooks":                             {{"", "# Sales\\nRows without a price are dropped.\n"}},
			"Mail":                                  {{"", "mail/.sheaf Maildir/cur/1.mail"}},
			"Near-duplicates":                       {{"duplicates.jsonl", `"notes/tides.md"`}},
			"A table of SQLite":                     {{"", "p1"}},
			"A store in PostgreSQL":                 {{"", "notes/printer.md"}, {"", "notes/tides.md"}, {"copy/sheaf.db", "SQLite"}},
			"From LangChain and back":               {{"", "back/index.pkl"}},
			"An agent":                              {{"answer.json", `"path":"notes/printer.md"`}},
			"A rule of make":                        {{".sheaf/.gitignore", "*"}},
			"Backup":                                {{"restored/.sheaf/.gitignore", "*"}},
		},
	},
	"docs/embedders.md": {
		alternatives: true,
		before: texts + `
mkdir notizen メモ
printf 'Das Passwort wird in den Einstellungen gesetzt.\n' >notizen/passwort.md
printf 'パスワードを設定します。\n' >メモ/鍵.md
cp -r "$MODEL" my-fine-tuned-model
sheaf model add --as sentence-transformers/all-MiniLM-L6-v2 "$MODEL"
`,
		more: map[string]string{"multilingual": `sheaf model add --as multilingual "$USE"`},
		wants: map[string][]want{
			"multilingual":         {{".sheaf/sheaf.db", "multilingual"}},
			"builtin:multilingual": {{"", "notizen/passwort.md"}},
			"minilm and hf":        {{"", "docs/store.md"}, {"data/sheaf/models/BAAI/bge-small-en-v1.5/config.json", "bert"}},
		},
	},
	"docs/evaluation.md": {
		before: "sheaf ingest --quiet docs",
		more: map[string]string{"Tuning": `
for i in $(seq 24); do echo '{"query": "paper is stuck '$i'", "expect": ["docs/printer.md"]}'; done >questions.jsonl
for i in $(seq 100); do echo "record $i"; done | tee asked.txt >other-questions.txt
seq 20000 | sed 's/.*/{"text": "record &"}/' >many.jsonl; sheaf ingest --quiet many.jsonl
`},
		wants: map[string][]want{"Tuning": {{"", "chunk-size=300 splitter=markdown"}, {"", "recall@10"}}},
	},
	"docs/filters.md": {before: "sheaf ingest --quiet talks.jsonl"},
	"docs/langchain.md": {
		before: texts + `
sheaf ingest --quiet --embedder openai:text-embedding-3-small --store openai.sheaf docs notes.txt
sheaf export --quiet --store openai.sheaf faiss_index
`,
		more: map[string]string{"Moving stores": "sqlite3 app.db 'CREATE TABLE store (name, data)'"},
		wants: map[string][]want{
			"Splitters":     {{"", "Refund policy"}},
			"Moving stores": {{"", "decided about refunds"}, {"faiss_index/index.pkl", "decided about refunds"}, {"copy/sheaf.db", "SQLite"}},
		},
	},
	"docs/remote.md": {
		before: texts + "mkdir notes; printf 'Keys are rotated and the password is changed every month.\\n' | tee notes/keys.md docs/keys.md\n" +
			"printf 'The printer jams.\\n' >notes/printer.md; printf 'The ferry leaves at nine.\\n' >more/ferry.md\n",
		more: map[string]string{"Moving there and back": "sheaf ingest --quiet docs"},
		wants: map[string][]want{
			"":                      {{"", "docs/keys.md"}},
			"Moving there and back": {{"copy/sheaf.db", "SQLite"}},
			"One script, any store": {{"", "The ferry leaves at nine."}},
		},
	},
	"docs/rerank.md": {
		before: texts + `
sheaf model add --as sentence-transformers/all-MiniLM-L6-v2 "$MODEL"
sheaf model add --as cross-encoder/ms-marco-MiniLM-L6-v2 "$CROSS_ENCODER"
sheaf ingest --quiet docs notes.txt
`,
		wants: map[string][]want{"": {{"", "docs/store.md"}, {"", "ndcg@10"}}},
	},
	"docs/scripting.md": {
		before: texts + `
question="where is the timeout set"
sqlite3 tickets.db "CREATE TABLE tickets (id, body, status); INSERT INTO tickets VALUES ('t1', 'The printer is on fire.', 'open')"
git init --quiet . && git -c user.name=me -c user.email=me@localhost commit --quiet --allow-empty -m 'A beginning'
printf 'stars\nnavigation\n' >titles.txt
for shard in a b; do mkdir -p shard-$shard/in; printf "In $shard.\n" >shard-$shard/in/$shard.md; sheaf ingest --quiet -s shard-$shard/.sheaf shard-$shard/in; done
`,
		wants: map[string][]want{"Recipes": {{"", "There is no faq.md."}, {"deleted.txt", "-"}, {"", "docs/settings.md:1"}}},
	},
	"docs/services.md": {
		alternatives: true,
		before:       texts,
	},
	"docs/sources.md": {
		before: texts + `
git init --quiet . && git -c user.name=me -c user.email=me@localhost commit --quiet --allow-empty -m 'A beginning'
printf '{"text": "A note."}\n' >notes.jsonl
printf 'text,lang\nA row.,en\n' >rows.csv
touch -d yesterday stamp
`,
		wants: map[string][]want{"": {{"", "holds 8 chunks"}}},
	},
}
