#!/usr/bin/env bash
# Runs the public TUF conformance suite against axle-tuf: run.sh SUITE [PYTEST-ARGUMENT …]
# SUITE is a checkout of the suite; nothing is written into it. Fails on any test that fails, is skipped or is expected to fail.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
client=$root/.build/debug/axle-tuf
suite=${1:-}
shift || true

if [ -z "$suite" ] || [ ! -f "$suite/tuf_conformance/conftest.py" ]; then
    cat >&2 <<'TEXT'
conformance: SUITE must name a checkout of the public TUF conformance suite. Get it and run it:
    git clone https://github.com/theupdateframework/tuf-conformance /tmp/tuf-conformance
    make conformance SUITE=/tmp/tuf-conformance
TEXT
    exit 1
fi
suite=$(cd "$suite" && pwd)
[ -x "$client" ] || { echo "conformance: $client is not built; run 'make build' first" >&2; exit 1; }

# The suite says itself what it needs; its environment is made anew when that changes.
venv=$root/.build/conformance
stamp=$venv/pyproject.sha256
wanted=$(sha256sum <"$suite/pyproject.toml")
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    python3 - "$suite/pyproject.toml" >"$venv/requirements.txt" <<'PYTHON'
import sys, tomllib
print("\n".join(tomllib.load(open(sys.argv[1], "rb"))["project"]["dependencies"]))
PYTHON
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$venv/requirements.txt"
    echo "$wanted" >"$stamp"
fi

report=$venv/report.json
status=0
(cd "$suite" && PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python3" -m pytest tuf_conformance --entrypoint "$client" \
    -p no:cacheprovider -q --json-report --json-report-file "$report" "$@") || status=$?
python3 - "$report" <<'PYTHON' || status=1
import json, sys
counts = json.load(open(sys.argv[1]))["summary"]
passed, collected = counts.get("passed", 0), counts.get("collected", 0)
print(f"conformance: {passed} of {collected} tests passed")
sys.exit(0 if passed == counts.get("total") and passed > 0 else 1)
PYTHON
exit "$status"
