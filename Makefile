# Everything a contributor types. `make` alone lists it.

SCRATCH ?= .build
# With Swift's libraries inside: it starts in two thirds of the time, and runs where no Swift is.
RELEASE := swift build --configuration release --static-swift-stdlib --scratch-path $(SCRATCH)
LOOPSCOPE := $(SCRATCH)/release/loopscope

.PHONY: help release run install manual test setup setup-ci lint format golden bench matrix fuzz autobahn docs

PREFIX ?= /usr/local

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

release: setup ## the program, as users have it
	$(RELEASE) --product loopscope

run: release ## build, then show the main job: loopscope demo
	$(LOOPSCOPE) demo

install: release ## the program and its shell completions, below PREFIX (/usr/local)
	install -D -m 755 $(LOOPSCOPE) $(DESTDIR)$(PREFIX)/bin/loopscope
	install -d $(addprefix $(DESTDIR)$(PREFIX)/share/,bash-completion/completions zsh/site-functions fish/vendor_completions.d)
	$(LOOPSCOPE) --generate-completion-script bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/loopscope
	$(LOOPSCOPE) --generate-completion-script zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_loopscope
	$(LOOPSCOPE) --generate-completion-script fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/loopscope.fish

manual: setup ## manual pages, one per command, below the scratch folder
	mkdir -p $(SCRATCH)/man
	swift package --scratch-path $(SCRATCH) --allow-writing-to-directory $(SCRATCH)/man generate-manual \
		--configuration debug --multi-page --output-directory $(SCRATCH)/man

test: setup ## every test; what this machine lacks is skipped with its reason and counted
	@scripts/setup-pythons --quiet --offline
	@scripts/test --scratch-path $(SCRATCH)

setup: ## the system packages that the build needs (asks for nothing when all are there)
	@scripts/require-swift
	@scripts/setup-system build

setup-ci: ## the rest: Redis, Chromium, the Pythons and the servers under test
	@scripts/require-swift
	@scripts/setup-system ci
	@scripts/setup-pythons --debian

lint: ## format, direction of imports, shell and Python
	@scripts/lint

format: ## rewrite the Swift files in the house format
	swift format --in-place --recursive --parallel Package.swift Sources Tests

golden: setup ## rewrite the golden files, then read the difference
	LOOPSCOPE_GOLDEN=update scripts/test --scratch-path $(SCRATCH)
	git --no-pager diff --stat -- Tests docs

bench: setup ## side-by-side measurements, ratios taken in one run
	$(RELEASE)
	Benchmarks/run

matrix: setup-ci ## every server, Python and defect: docs/detection-matrix.md
	$(RELEASE) --product loopscope
	python3 fixtures/servers/matrix.py --loopscope $(LOOPSCOPE) \
		--rows $(SCRATCH)/matrix.jsonl --output docs/detection-matrix.md

fuzz: setup ## parsers and walkers under libFuzzer and the address sanitizer
	scripts/fuzz

autobahn: setup ## the outside judge of the WebSocket machine, as server and as client
	scripts/autobahn

docs: setup ## pages generated from the code: docs/findings
	LOOPSCOPE_GOLDEN=update scripts/test --scratch-path $(SCRATCH) --filter CommandsTests
	git --no-pager diff --stat -- docs
