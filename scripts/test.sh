#!/usr/bin/env bash
# The whole test suite against real parts; --fast leaves out what starts real processes and browsers.
#
# Tests of a stage run side by side. VIGILAR_TEST_CORES says how many cores they may keep busy (all there are if not set);
# tests that mostly wait run two a core. 0 runs one after the other, in one process, as for a debugger.
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

times="" passed_in_all=0
color=no
[ -t 1 ] && color=yes
cores="${VIGILAR_TEST_CORES:-$(nproc)}"
VIGILAR_TEST_RUN="$(mktemp -d -t vigilar-test-run-XXXXXX)"
export VIGILAR_TEST_RUN

# stage NAME COMMAND...: runs it from the root; the first that fails ends the script with its exit code.
stage() {
    local name="$1" began=$SECONDS code=0
    shift
    say "== $name"
    "$@" || code=$?
    times="$times $name $((SECONDS - began)) s,"
    if [ "$code" -ne 0 ]; then
        say "== $name failed after $((SECONDS - began)) s"
        exit "$code"
    fi
}

# tests NAME PER_CORE ARGUMENTS...: a stage of pytest with so many tests a core at once. One in which no test passed has failed.
tests() {
    local name="$1" workers=$(($2 * cores))
    shift 2
    stage "$name" pytest_counted -n "$workers" "$@"
}

pytest_counted() {
    local output="$VIGILAR_TEST_RUN/output" passed
    "$PY" -m pytest -q --color="$color" "$@" | tee "$output" || return "${PIPESTATUS[0]}"
    passed="$(tail -n 1 "$output" | grep -oE '[0-9]+ passed' | cut -d ' ' -f 1)"
    if [ -z "$passed" ]; then
        say "no test passed"
        return 1
    fi
    passed_in_all=$((passed_in_all + passed))
}

# Set-up side by side: what is begun here goes on while the next lines run, until finish_setup.
beside=()

begin() {
    "$@" &
    beside+=($!)
}

finish_setup() {
    local began=$SECONDS one
    for one in ${beside[@]+"${beside[@]}"}; do
        wait "$one" || exit 1
    done
    beside=()
    [ $((SECONDS - began)) -eq 0 ] || times="$times rest of set-up $((SECONDS - began)) s,"
}

# Not before apt is done: cut off, it would leave the system's packages half installed.
end() {
    local one
    for one in ${beside[@]+"${beside[@]}"}; do
        wait "$one" || true
    done
    rm -rf "$VIGILAR_TEST_RUN"
}
trap end EXIT

system=(mosquitto=mosquitto haproxy=haproxy /usr/share/zoneinfo/UTC=tzdata ffmpeg=ffmpeg openssl=openssl)
assets=()
without_postgresql=(-m "not postgresql")
if [ "$fast" = no ]; then
    assets=(--tests)
    without_postgresql=()
    # libatomic1 is for the Node.js inside Playwright; what follows it is for the foreign RTSP server. FUSE makes a drive
    # that hangs; systemd's own program judges the units; NUT's dummy is the UPS.
    system+=(chromium=chromium chromium-headless-shell certutil=libnss3-tools strace=strace
        /lib/nut/dummy-ups=nut-server postgresql libatomic1
        python3-gi gir1.2-gstreamer-1.0 gir1.2-gst-plugins-base-1.0 gir1.2-gst-rtsp-server-1.0
        gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
        fuse3 python3-fusepy systemd-analyze=systemd
        /usr/lib/openssh/sftp-server=openssh-sftp-server ssh-keygen=openssh-client)
fi
if may_install_unasked && { have_venv || find_python >/dev/null; }; then
    begin need_system "${system[@]}"
else
    need_system "${system[@]}"
fi
make_venv
begin need_assets ${assets[@]+"${assets[@]}"}
need_venv dev
times=" set-up $SECONDS s,"

cd "$ROOT"
# Compiled once for the thousands of processes that tests start, also where the shell forbids Python to keep bytecode.
unset PYTHONDONTWRITEBYTECODE
begin "$PY" -m compileall -q vigilar tests tools benchmarks
export PATH="$VENV/bin:$PATH"
stage "format" ruff format --check --quiet .
stage "lint" ruff check --quiet .
stage "types" mypy
finish_setup
tests "architecture" 0 tests/test_architecture.py
# These four are all there is: what lies in none of the three folders is a fast test.
tests "fast tests" 1 tests ${without_postgresql[@]+"${without_postgresql[@]}"} --ignore=tests/test_architecture.py \
    --ignore=tests/flow --ignore=tests/system --ignore=tests/browser
if [ "$fast" = no ]; then
    # One at a time to whoever is free, since a few are long; all at once where they share a running house, in the order
    # of tests/system/conftest.py (by itself xdist begins with those that have most tests).
    tests "flow" 2 --dist=load --maxschedchunk=1 tests/flow
    tests "system" 2 --dist=loadfile --no-loadscope-reorder tests/system
    tests "browser" 2 --dist=load --maxschedchunk=1 tests/browser
fi
say "==${times%,}; $passed_in_all tests in $SECONDS s"
