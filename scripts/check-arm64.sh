#!/usr/bin/env bash
# Whether every locked package has a wheel for Arm64, for the Python of each supported system. Downloads nothing but lists
# of files where the index has them; needs a network and some minutes where it has not.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    printf 'usage: ./scripts/check-arm64.sh [3.11 | 3.12 | 3.13]...\n'
}

versions=()
for argument in "$@"; do
    case "$argument" in
    3.*) versions+=("$argument") ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
done
# Debian 12, Ubuntu 24.04, Debian 13.
[ ${#versions[@]} -gt 0 ] || versions=(3.11 3.12 3.13)

have_venv || die "There is no environment at $VENV yet; ./scripts/test.sh --fast makes it."
platforms=()
for glibc in 17 24 26 27 28 31 34; do
    platforms+=(--platform "manylinux_2_${glibc}_aarch64")
done
platforms+=(--platform manylinux2014_aarch64)
code=0
for version in "${versions[@]}"; do
    if "$PY" -m pip install --quiet --dry-run --ignore-installed --target /nonexistent --disable-pip-version-check --no-input \
        --require-hashes --no-deps --only-binary=:all: --python-version "$version" --implementation cp \
        "${platforms[@]}" -r "$ROOT/requirements/runtime.txt"; then
        say "ok    Python $version on Arm64: every locked package has a wheel"
    else
        say "FAIL  Python $version on Arm64: the lines above say which package has none, or that there is no network"
        code=1
    fi
done
exit "$code"
