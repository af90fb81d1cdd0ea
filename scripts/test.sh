#!/usr/bin/env bash
# The whole test suite against real parts; --fast leaves out what starts real processes and browsers.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fast=no
for argument in "$@"; do
    case "$argument" in
    --fast) fast=yes ;;
    -h | --help) printf 'usage: ./scripts/test.sh [--fast]\n'; exit 0 ;;
    *) printf 'usage: ./scripts/test.sh [--fast]\n' >&2; exit 2 ;;
    esac
done

times=""

# stage NAME COMMAND...: runs it from the root; the first that fails ends the script with its exit code.
stage() {
    local name="$1" began=$SECONDS code=0
    shift
    say "== $name"
    "$@" || code=$?
    if [ "$code" -eq 5 ] && [ "$name" != "fast tests" ]; then
        code=0 # pytest: there is no such test, here or with the parts this machine has
    fi
    times="$times $name $((SECONDS - began)) s,"
    if [ "$code" -ne 0 ]; then
        say "== $name failed after $((SECONDS - began)) s"
        exit "$code"
    fi
}

# tests NAME ARGUMENTS...: a stage of pytest
tests() {
    local name="$1"
    shift
    stage "$name" "$PY" -m pytest -q --color="$color" "$@"
}

color=no
[ -t 1 ] && color=yes

began=$SECONDS
system=(mosquitto=mosquitto /usr/share/zoneinfo/UTC=tzdata ffmpeg=ffmpeg openssl=openssl)
if [ "$fast" = no ]; then
    # libatomic1 is for the Node.js inside Playwright; what follows it is for the foreign RTSP server.
    system+=(chromium=chromium postgresql libatomic1
        python3-gi gir1.2-gstreamer-1.0 gir1.2-gst-plugins-base-1.0 gir1.2-gst-rtsp-server-1.0
        gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad)
fi
need_system "${system[@]}"
need_venv dev
if [ "$fast" = no ]; then need_assets --tests; else need_assets; fi
times=" set-up $((SECONDS - began)) s,"

cd "$ROOT"
export PATH="$VENV/bin:$PATH" PYTHONDONTWRITEBYTECODE=1
stage "format" ruff format --check --quiet .
stage "lint" ruff check --quiet .
stage "types" mypy
tests "architecture" tests/test_architecture.py
quick="not system and not browser"
if [ "$fast" = yes ]; then
    say "==${times%,}"
    tests "fast tests" -m "$quick and not postgresql" --ignore=tests/flow --ignore=tests/test_architecture.py
    exit 0
fi
tests "fast tests" -m "$quick" --ignore=tests/flow --ignore=tests/test_architecture.py
tests "flow" -m "$quick" tests/flow
tests "system" -m "system and not browser"
say "==${times%,}"
tests "browser" -m browser
