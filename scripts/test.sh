#!/usr/bin/env bash
# Sets up and runs the tests: ./scripts/test.sh [--fast]
#   --fast   format, lint, types, architecture and fast tests only
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

fast=no
for argument in "$@"; do
    case "$argument" in
        --fast) fast=yes ;;
        *) say "unknown option $argument; usage: ./scripts/test.sh [--fast]" >&2; exit 2 ;;
    esac
done

say "runs format, lint, types and tests against real parts; installs what they need"
need_packages mosquitto ffmpeg
need_venv dev.txt

stage() {
    local name=$1 began=$SECONDS
    shift
    say "$name"
    "$@"
    say "$name took $((SECONDS - began)) s"
}

bin="$root/.venv/bin"
stage format "$bin/ruff" format --check .
stage lint "$bin/ruff" check .
stage types "$bin/mypy"
stage "fast tests" "$bin/python" -m pytest -q tests/unit tests/test_architecture.py
if [ "$fast" = no ]; then
    stage "flow tests" "$bin/python" -m pytest -q tests/flow
fi
