# shellcheck shell=bash
# Part of install.sh: making a version of the program, a folder with a Python environment and all that it reads.
#
# A version is named by what it is made of, so the same source gives the same name, and what is there whole is never made
# again. It is made under another name and renamed when it is whole: a folder with a version's name always works.

PROGRAMS=/usr/lib/vigilar/versions
CURRENT=/usr/lib/vigilar/current
PREVIOUS=/usr/lib/vigilar/previous

# What a version is made of, relative to the root: a change of any other file makes no new one.
program_files() {
    find vigilar assets packaging requirements/runtime.txt LICENSE CHANGELOG.md docs -type f \
        ! -path '*/__pycache__/*' ! -path 'vigilar/web/static/vendor/*' ! -path 'assets/node_modules/*' | LC_ALL=C sort
}

version_id() {
    local number digest python
    number="$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$ROOT/vigilar/__init__.py")"
    python="$(find_system_python)" && python="$("$python" -c 'import sys; print(sys.version_info[:2])')" || python=none
    digest="$(cd "$ROOT" && { program_files | tr '\n' '\0' | xargs -0 sha256sum; printf '%s\n' "$python" "$(uname -m)"; } | sha256sum)"
    printf '%s-%s\n' "$number" "${digest:0:12}"
}

# In place of that of lib.sh: the system's own Python, for every user; one in somebody's home is out of the service's
# sight. PYTHON names another.
find_python() {
    local python
    python="$(find_system_python)" && is_good_python "$python" && printf '%s\n' "$python"
}

find_system_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} /usr/bin/python3 /usr/bin/python3.1[1-9]; do
        if [ -x "$name" ] && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$name"
            return
        fi
    done
    return 1
}

# find_version ID: its folder, nothing if it is not there. A folder with that name is whole.
find_version() {
    [ ! -d "$dest$PROGRAMS/$1" ] || printf '%s\n' "$dest$PROGRAMS/$1"
}

make_version() {
    local making="$dest$PROGRAMS/.making" tools python packages source extra=()
    python="$(find_system_python)" || die "Vigilar needs Python 3.11 or newer; this system has an older one."
    is_good_python "$python" || die "Python's venv is missing. Please install the package python3-venv, then run this again."
    [ -z "$wheels" ] || extra=(--no-index --find-links "$wheels")
    tools="$(mktemp -d -t vigilar-install-XXXXXX)"
    # shellcheck disable=SC2064
    trap "rm -rf '$tools' '$making'" EXIT
    rm -rf "$making"
    mkdir -p "$making"
    "$python" -m venv "$tools/venv" || die "A Python environment could not be made."
    "$python" -m venv --without-pip "$making/venv" || die "A Python environment could not be made."
    PIP_PYTHON="$making/venv/bin/python" pip_install "$tools/venv/bin/python" "$ROOT/requirements/runtime.txt" \
        --no-compile ${extra[@]+"${extra[@]}"} ||
        die "The Python packages could not be installed; the lines above say why. Nothing was changed."
    source="$tools/source"
    copy_source "$source"
    build_assets "$source" "$tools/venv"
    packages="$(echo "$making"/venv/lib/python3.*/site-packages)"
    mv "$source/vigilar" "$packages/vigilar"
    mv "$source/packaging" "$making/system"
    mkdir "$making/doc"
    mv "$source"/docs/* "$source/LICENSE" "$source/CHANGELOG.md" "$making/doc"
    # The commands of the packages are not ours to offer, and would name the folder that this is made in.
    find "$making/venv/bin" -mindepth 1 ! -name 'python*' -delete
    sed -i '/^command = /d' "$making/venv/pyvenv.cfg"
    # A few files of others do not compile, and are not used.
    "$making/venv/bin/python" -m compileall -q -j 0 -s "$making" -p "$PROGRAMS/$1" "$packages" >/dev/null || true
    chmod -R u=rwX,go=rX "$making"
    "$making/venv/bin/python" -P -m vigilar --version >/dev/null ||
        die "The program that was made does not start; the lines above say why. Nothing was changed."
    sync -f "$making"
    mv -T "$making" "$dest$PROGRAMS/$1"
    rm -rf "$tools"
    trap - EXIT
}

copy_source() {
    mkdir -p "$1"
    (cd "$ROOT" && program_files | tr '\n' '\0' | xargs -0 cp --preserve=timestamps --parents -t "$1")
    mkdir -p "$1/requirements"
    cp "$ROOT/requirements/node.txt" "$1/requirements/node.txt"
    if [ -d "$ROOT/vigilar/web/static/vendor" ]; then
        mkdir -p "$1/vigilar/web/static"
        cp -R --preserve=timestamps "$ROOT/vigilar/web/static/vendor" "$1/vigilar/web/static/"
    fi
}

# build_assets SOURCE VENV: in the copy of the source, so that nothing of root's is left in somebody's clone.
build_assets() {
    if [ -n "$wheels" ] && [ -d "$wheels/vendor" ]; then
        rm -rf "$1/vigilar/web/static/vendor"
        cp -R "$wheels/vendor" "$1/vigilar/web/static/vendor"
    fi
    (ROOT="$1" VENV="$2" PY="$2/bin/python" && need_assets)
}

# fetch_packages DIR: what --wheels needs, for this kind of machine.
fetch_packages() {
    local tools python
    python="$(find_system_python)" || die "Vigilar needs Python 3.11 or newer; this system has an older one."
    is_good_python "$python" || die "Python's venv is missing. Please install the package python3-venv, then run this again."
    tools="$(mktemp -d -t vigilar-install-XXXXXX)"
    # shellcheck disable=SC2064
    trap "rm -rf '$tools'" EXIT
    "$python" -m venv "$tools/venv"
    mkdir -p "$1"
    "$tools/venv/bin/python" -m pip download -qq --disable-pip-version-check --no-input --require-hashes --no-deps \
        --only-binary=:all: -r "$ROOT/requirements/runtime.txt" -d "$1" || die "The Python packages could not be fetched."
    copy_source "$tools/source"
    build_assets "$tools/source" "$tools/venv"
    rm -rf "$1/vendor"
    cp -R "$tools/source/vigilar/web/static/vendor" "$1/vendor"
    say "$1 has what is needed without a network: copy it over, and run ./scripts/install.sh --wheels $(basename "$1")"
}

# forget_old_versions: all but the one in use and the one before it.
forget_old_versions() {
    local folder keep
    keep=" $(basename "$(readlink "$dest$CURRENT")") $(basename "$(readlink "$dest$PREVIOUS" 2>/dev/null || true)") "
    for folder in "$dest$PROGRAMS"/*; do
        case "$keep" in
        *" $(basename "$folder") "*) ;;
        *) act "remove the old version $(basename "$folder")" rm -rf "$folder" ;;
        esac
    done
}

# set_link LINK TARGET: in one step, so that there is always one.
set_link() {
    ln -sfn "$2" "$1.new"
    mv -Tf "$1.new" "$1"
    sync -f "$(dirname "$1")"
}
