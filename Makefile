# Every target does its own set-up. `make demo` shows the main job, `make test` proves it, `make check` is what CI runs.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
SECONDS_PER_FUZZER ?= 20
SEED ?=
CUTS ?= 2000
MESSAGES ?= 1000000
SWIFT_BUILD := swift build -j $(JOBS)
STRICT := --explicit-target-dependency-import-check error
export SWIFT_BACKTRACE ?= enable=no

.PHONY: help setup setup-bench build check lint format tidy layers test e2e conformance tsan asan fuzz fuzz-members crash powercut sim sim-compare bench bench-replication slow-link slow-update release demo clean

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## setup     installs what is missing from Debian and PyPI, and says what it cannot get
setup:
	@Deploy/setup.sh build test

setup-bench:
	@Deploy/setup.sh build test bench

## build     debug build of everything
build: setup
	$(SWIFT_BUILD) $(STRICT)

## check     format lint, house rules, layers, strict build, fuzzers, tests
check: setup lint tidy layers
	$(MAKE) fuzz SECONDS_PER_FUZZER=8
	$(MAKE) test

# Of Python what no run of one path shows: names that nobody defined, syntax.
lint: setup
	swift format lint --strict --recursive --parallel --configuration .swift-format Package.swift Sources Tests
	.venv/bin/ruff check --quiet --no-cache --select E9,F821,F822,F823,F811,F401 --per-file-ignores Tests/EndToEnd/run.py:F401 --per-file-ignores Tests/EndToEnd/world.py:F401 Tests Deploy

format:
	swift format --in-place --recursive --parallel --configuration .swift-format Package.swift Sources Tests

## tidy      the house rules that are ours: layers, names, sizes, what may not be written
tidy: setup
	python3 Tests/Tidy/tidy.py
	python3 Tests/Tidy/tidy.py --self-test

# The compiler's own view of the layers: an import that Package.swift does not grant is an error.
layers: setup
	$(SWIFT_BUILD) $(STRICT) --build-tests

# Quiet: failures and the closing line, so that nobody has to look for them in a long log. One test at a time: many of them block on real processes and sockets, and side by side they starve each other.
## test      all tests
test: setup
	$(SWIFT_BUILD) $(STRICT) --build-tests
	$(if $(FILTER),,.venv/bin/python3 Tests/EndToEnd/run.py)
	swift test --skip-build --no-parallel --quiet $(if $(FILTER),--filter $(FILTER))

## e2e       real processes and bad input; SEED= repeats a run, NAMES= picks tests
e2e: build
	.venv/bin/python3 Tests/EndToEnd/run.py $(if $(SEED),--seed $(SEED)) $(NAMES)

## conformance  the public TUF suite against axle-tuf; SUITE= names a checkout of it
conformance: setup
	@Deploy/setup.sh conformance
	@[ -z "$(SUITE)" ] || $(SWIFT_BUILD) --product axle-tuf
	@Tests/Conformance/run.sh "$(SUITE)"

## tsan      the tests under the thread sanitizer
tsan: setup
	swift test -j $(JOBS) --no-parallel --sanitize=thread --scratch-path .build/tsan $(if $(FILTER),--filter $(FILTER))

# Without the leak checker: it does not see references inside Swift's packed enums, and calls constants of tests leaked.
## asan      the tests under the address sanitizer
asan: setup
	ASAN_OPTIONS=detect_leaks=0 swift test -j $(JOBS) --no-parallel --sanitize=address --scratch-path .build/asan $(if $(FILTER),--filter $(FILTER))

## fuzz      the libFuzzer targets, SECONDS_PER_FUZZER each
fuzz: setup
	Tests/Fuzz/run.sh $(SECONDS_PER_FUZZER)

## fuzz-members  valid, signed, extreme messages of hostile members against the cores of hub, spoke and agent: MESSAGES= of them
fuzz-members: setup
	$(SWIFT_BUILD) -c release --product axle-sim
	folder=$$(mktemp -d) && .build/release/axle-sim --members $(MESSAGES) $(if $(SEED),--seed $(SEED)) --folder $$folder/databases; status=$$?; rm -rf "$$folder"; exit $$status

## crash     kills pools at every write, fsync, rename and unlink: CUTS= of them
crash: setup
	$(SWIFT_BUILD) -c release --product axle-crash
	.build/release/axle-crash cuts $(CUTS) $(SEED)

## powercut  cuts the power of a machine in user-mode Linux while a pool works on it
powercut:
	@Deploy/setup.sh build powercut
	$(SWIFT_BUILD) -c release --product axle-crash
	python3 Tests/Crash/powercut.py $(if $(SEED),--seed $(SEED))

## slow-link  first copies over 20 Mbit/s, 100 ms, 1 % loss in user-mode Linux, beside nginx and curl
slow-link:
	@Deploy/setup.sh build slowlink
	$(SWIFT_BUILD) -c release --product axle-bench
	python3 Tests/Bench/slow_link.py

## slow-update  hub and spoke over such a link, as real daemons: the kernel's update, and 10 MB beside curl
slow-update:
	@Deploy/setup.sh build bench slowlink replication
	for product in axle-hub axle-spoke axle axle-bench; do $(SWIFT_BUILD) -c release --product $$product || exit 1; done
	python3 Tests/Bench/slow_update.py

## sim       a fleet in one process under a virtual clock; SEED= replays a run
sim: setup
	$(SWIFT_BUILD) -c release --product axle-sim
	.build/release/axle-sim $(if $(SEED),--seed $(SEED))

## sim-compare  whether simulated seeds give the traces that they gave at the commit BASE=; RUNS= of them
sim-compare: setup
	@[ -n "$(BASE)" ] || { echo "make sim-compare BASE=COMMIT"; exit 2; }
	python3 Tests/Bench/sim_compare.py $(BASE) --runs $(or $(RUNS),40)

## bench     measures side by side with peers, writes .build/bench.json
bench: setup-bench
	for product in axle-bench axle-hub axle-spoke axle-agent axle; do $(SWIFT_BUILD) -c release --product $$product || exit 1; done
	python3 Tests/Bench/bench.py

## bench-replication  bytes and time of first copies and updates beside rsync, casync and curl
bench-replication:
	@Deploy/setup.sh build bench replication
	for product in axle-hub axle-spoke axle axle-bench; do $(SWIFT_BUILD) -c release --product $$product || exit 1; done
	python3 Tests/Bench/replication.py

## release   static Swift runtime, stripped, into dist/
release: setup
	Deploy/release.sh

## demo      a whole fleet on loopback updates a real program; KEEP=1 leaves its state folders
demo: setup
	$(SWIFT_BUILD)
	.venv/bin/python3 Deploy/demo/demo.py $(if $(KEEP),--keep)

clean:
	rm -rf .build dist
