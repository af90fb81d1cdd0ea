# Shared by the scripts of this folder: system packages and the virtual environment. Source it, do not run it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "vigilar: $*"; }

# Install Debian packages that are missing, when this user may; else name the one command to run.
need_packages() {
    local missing=()
    local package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    local as=()
    if [ "$(id -u)" -ne 0 ]; then
        if sudo -n true 2>/dev/null; then
            as=(sudo)
        else
            say "missing packages; run this and start again: sudo apt-get install -y ${missing[*]}" >&2
            exit 1
        fi
    fi
    say "installing ${missing[*]}"
    "${as[@]}" apt-get update -qq
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" >/dev/null
}

# A Python of at least 3.11, as "$python".
find_python() {
    for python in python3.11 python3.12 python3.13 python3; do
        if command -v "$python" >/dev/null &&
            "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            return 0
        fi
    done
    need_packages python3 python3-venv
    python=python3
}

# Make "$root/.venv" hold exactly the lock $1; quick when it already does.
need_venv() {
    local lock="$root/requirements/$1" stamp="$root/.venv/installed"
    local wanted
    wanted="$1 $(sha256sum <"$lock")"
    [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return 0
    find_python
    say "setting up the virtual environment"
    rm -f "$stamp"
    [ -x "$root/.venv/bin/python" ] || "$python" -m venv "$root/.venv"
    "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$lock"
    printf '%s' "$wanted" >"$stamp"
}
