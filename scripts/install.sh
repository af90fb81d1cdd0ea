#!/usr/bin/env bash
# Install Vigilar as a service, bring an installation up to date, or take it away again.
#
# Everything is compared before it is written, so a second run changes nothing. A version of the program is a folder of
# its own below /usr/lib/vigilar/versions; `current` is a link to the one in use, and exchanging that link is the whole
# upgrade. One that does not come up is taken back, its database with it. docs/architecture/subsystems/install.md.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$ROOT/scripts/install_program.sh"
source "$ROOT/scripts/install_drives.sh"
source "$ROOT/scripts/install_service.sh"
# An environment in the clone is somebody's own; the service has one of its own, of the system's Python.
PY=/nonexistent

usage() {
    cat <<'TEXT'
usage: ./scripts/install.sh [--check] [--yes] [--wheels DIR] [--storage DEVICE] [--root DIR]
       ./scripts/install.sh --drives | --back | --uninstall [--purge] | --fetch DIR

Installs Vigilar on Debian 12 or newer and Ubuntu 24.04 or newer, or brings it up to date; run it with sudo.
  --check          change nothing, say what would be done. Ends with 0 if that is nothing, with 10 if there is something
  --wheels DIR     take the Python packages from DIR, without a network; --fetch DIR fills it on a machine that has one
  --drives         show the drives of this machine, how healthy each says it is, and where recordings go
  --storage DEVICE keep recordings on this partition, such as /dev/sdb1: shows the line for /etc/fstab, and asks
  --root DIR       install into the folder DIR, for a package or an image: no user, no service, no system packages
  --back           use the version before the last upgrade again, with the database as it was then
  --uninstall      take the program away; recordings, settings and keys stay
  --purge          with --uninstall: delete those as well. Nothing brings them back
  --yes            do not ask

Ends with 0 done, 1 failed, 2 wrong use, 5 not root, 10 --check found something to do, 12 no room, 14 needs --yes.
TEXT
}

does=install check=no yes=no purge=no storage="" wheels="" dest="" fetch_to=""
wrong_use() {
    say "$1"
    usage >&2
    exit 2
}
while [ $# -gt 0 ]; do
    case "$1" in
    --root | --wheels | --storage | --fetch)
        if [ $# -lt 2 ] || [ -z "$2" ]; then wrong_use "$1 needs a value"; fi
        case "$1" in
        --root) dest="$2" ;;
        --wheels) wheels="$2" ;;
        --storage) storage="$2" ;;
        --fetch) does=fetch fetch_to="$2" ;;
        esac
        shift
        ;;
    --check) check=yes ;;
    --yes) yes=yes ;;
    --purge) purge=yes ;;
    --uninstall) does=uninstall ;;
    --drives) does=drives ;;
    --back) does=back ;;
    -h | --help) usage; exit 0 ;;
    *) wrong_use "unknown option $1" ;;
    esac
    shift
done
[ "$purge" = no ] || [ "$does" = uninstall ] || wrong_use "--purge goes with --uninstall"

# What is done to the system: said first, and only said with --check ---------------------------------------------------

changes=0

# act WORDS COMMAND...: say what is done, and do it.
act() {
    changes=$((changes + 1))
    if [ "$check" = yes ]; then
        say "would $1"
        return
    fi
    say "- $1"
    shift
    "$@"
}

# put_file SOURCE PLACE MODE: a file of the program below $dest, unless the same lies there.
put_file() {
    local place="$dest$2"
    if cmp -s "$1" "$place" && [ "$(stat -c %a "$place")" = "$3" ]; then
        return
    fi
    act "write $2" lay_file "$1" "$place" "$3"
}

lay_file() {
    mkdir -p "$(dirname "$2")"
    install -m "$3" "$1" "$2.new"
    mv -f "$2.new" "$2"
}

ask() {
    local answer
    [ "$yes" = no ] || return 0
    [ -t 0 ] || return 1
    read -r -p "$1 [y/N] " answer
    [[ "$answer" = [yY]* ]]
}

# What must be there ---------------------------------------------------------------------------------------------------

system=(mosquitto=mosquitto haproxy=haproxy /usr/share/zoneinfo/UTC=tzdata setpriv=util-linux
    /etc/ssl/certs/ca-certificates.crt=ca-certificates)

check_os() {
    local ID="" VERSION_ID="" ID_LIKE="" PRETTY_NAME="this system"
    # shellcheck disable=SC1090
    [ ! -r "$1" ] || source "$1"
    case "$ID" in
    debian) [ -z "$VERSION_ID" ] || [ "${VERSION_ID%%.*}" -ge 12 ] || wrong_os "$PRETTY_NAME" ;;
    ubuntu) [ "$(printf '%s\n' 24.04 "$VERSION_ID" | sort -V | head -n 1)" = 24.04 ] || wrong_os "$PRETTY_NAME" ;;
    *)
        case " $ID_LIKE " in
        *" debian "* | *" ubuntu "*) say "$PRETTY_NAME was not tried; it is treated as Debian." ;;
        *) wrong_os "$PRETTY_NAME" ;;
        esac
        ;;
    esac
}

wrong_os() {
    die "Vigilar installs on Debian 12 or newer and Ubuntu 24.04 or newer, and this is $1. Upgrade it, or use the image that Containerfile describes."
}

check_machine() {
    case "$(uname -m)" in
    x86_64 | aarch64) ;;
    *) die "Vigilar needs a 64-bit processor (x86-64 or Arm64), and this is $(uname -m)." ;;
    esac
    if [ "$(getconf LONG_BIT)" != 64 ]; then
        die "This processor has 64 bits, but the system installed on it has 32. Install the 64-bit edition, then run this again."
    fi
}

# check_room PLACE MEGABYTES WHAT: on the file system that will hold PLACE.
check_room() {
    local folder="$1" free_mb
    while [ ! -d "$folder" ]; do folder="$(dirname "$folder")"; done
    free_mb=$(($(df -Pk "$folder" | awk 'NR == 2 { print $4 }') / 1024))
    if [ "$free_mb" -lt "$2" ]; then
        say "$3 needs $2 MB on the disk of $folder, and $free_mb MB are free. Free some space, then run this again."
        exit 12
    fi
}

check_ready() {
    check_os /etc/os-release
    check_machine
    [ -n "$dest" ] || command -v systemctl >/dev/null 2>&1 ||
        die "This system is not run by systemd, which starts Vigilar and watches it. Use the image that Containerfile describes."
    [ -z "$wheels" ] || [ -d "$wheels" ] || die "There is no folder $wheels."
}

need_root() {
    if [ -z "$dest" ] && [ "$(id -u)" -ne 0 ] && [ "$check" = no ]; then
        say "This changes the system, so it has to be root: sudo ./scripts/install.sh${1:+ $1}"
        exit 5
    fi
}

# The ways in ----------------------------------------------------------------------------------------------------------

install_vigilar() {
    local missing=()
    need_root
    check_ready
    [ -z "$storage" ] || use_storage "$storage"
    if [ -z "$dest" ]; then
        mapfile -t missing < <(missing_system "${system[@]}")
        [ ${#missing[@]} -eq 0 ] || act "install system packages: ${missing[*]}" install_packages "${missing[@]}"
    fi
    id="$(version_id)" # it names the Python, which has come by now
    [ -n "$(find_version "$id")" ] || check_room "$dest$PROGRAMS" 1200 "A version of the program"
    if [ -z "$(find_version "$id")" ]; then
        act "make $PROGRAMS/$id (a minute or two)" make_version "$id"
    fi
    if [ -n "$dest" ]; then
        put_system_files
        [ "$(readlink "$dest$CURRENT")" = "versions/$id" ] || act "use version $id" set_link "$dest$CURRENT" "versions/$id"
    else
        install_service "$id"
    fi
    finish_words "$id"
}

finish_words() {
    if [ "$check" = yes ]; then
        [ "$changes" -gt 0 ] || { say "Nothing to do: Vigilar ${1%%-*} is installed as it should be."; exit 0; }
        exit 10
    fi
    if [ "$changes" -eq 0 ]; then
        say "Nothing changed: Vigilar ${1%%-*} is installed as it should be."
    elif [ -n "$dest" ]; then
        say "Vigilar ${1%%-*} lies in $dest."
    fi
    [ -n "$dest" ] || tell_owner
}

umask 022
unset PYTHONPATH PYTHONHOME # what is made is tried by itself, and must not find the modules of somebody's shell
dest="${dest:+$(realpath -m "$dest")}"
wheels="${wheels:+$(realpath -m "$wheels")}"
case "$does" in
install) install_vigilar ;;
fetch) fetch_packages "$fetch_to" ;;
drives) show_drives ;;
back) need_root --back; go_back ;;
uninstall) need_root --uninstall; uninstall ;;
esac
