#!/usr/bin/env bash
# Make a Debian package of Vigilar, for the release of Debian or Ubuntu that this runs on: its Python is the one inside.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
usage: ./scripts/make-deb.sh [--wheels DIR] [--to DIR]

Makes vigilar_VERSION_ARCHITECTURE.deb by installing into a folder (install.sh --root); root is not needed.
  --wheels DIR   as for install.sh
  --to DIR       where the package goes (default: build)
TEXT
}

to="$ROOT/build" options=()
while [ $# -gt 0 ]; do
    case "$1" in
    --wheels | --to)
        [ $# -ge 2 ] || { usage >&2; exit 2; }
        if [ "$1" = --to ]; then to="$2"; else options+=(--wheels "$2"); fi
        shift
        ;;
    -h | --help) usage; exit 0 ;;
    *) say "unknown option $1"; usage >&2; exit 2 ;;
    esac
    shift
done
command -v dpkg-deb >/dev/null 2>&1 || die "Please install the package dpkg, then run this again."

tree="$(mktemp -d -t vigilar-deb-XXXXXX)"
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
"$ROOT/scripts/install.sh" --root "$tree" ${options[@]+"${options[@]}"}

id="$(basename "$(readlink "$tree/usr/lib/vigilar/current")")"
python="$(basename "$tree/usr/lib/vigilar/versions/$id"/venv/lib/python3.*)"
minor="${python#python3.}"
made_with="$(readlink "$tree/usr/lib/vigilar/versions/$id/venv/bin/python3" || true) $(readlink "$tree/usr/lib/vigilar/versions/$id/venv/bin/python" || true)"
case "$made_with" in
*/usr/bin/python3*) ;;
*) die "The package depends on the system's own Python, and was made with $made_with. Do not set PYTHON." ;;
esac
architecture="$(dpkg --print-architecture)"
# The digest in the name of the version makes every change of the source a newer package of the same number.
version="${id%%-*}+$(date -u +%Y%m%d%H%M).${id##*-}"

mkdir "$tree/DEBIAN"
cat >"$tree/DEBIAN/control" <<TEXT
Package: vigilar
Version: $version
Architecture: $architecture
Maintainer: Vigilar
Section: video
Priority: optional
Installed-Size: $(du -sk "$tree/usr" | cut -f 1)
Depends: python3 (>= 3.$minor), python3 (<< 3.$((minor + 1))), systemd, mosquitto, haproxy, tzdata, ca-certificates, util-linux, passwd
Recommends: smartmontools
Description: offline-first home security
 Takes in the household's IP cameras, notices who moves, records encrypted, and shows it live and past in a browser.
 No cloud, no account, no outside service.
TEXT
printf '/etc/vigilar-push.hosts\n' >"$tree/DEBIAN/conffiles"

# Debian starts the services of what it installs: Vigilar runs a Mosquitto and a HAProxy of its own.
cat >"$tree/DEBIAN/postinst" <<'TEXT'
#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
systemd-sysusers /usr/lib/sysusers.d/vigilar.conf
systemd-tmpfiles --create /usr/lib/tmpfiles.d/vigilar.conf || true
if [ -z "$2" ]; then
    systemctl disable --now mosquitto.service haproxy.service >/dev/null 2>&1 || true
    systemctl enable --quiet vigilar.service vigilar-push.socket
fi
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    if systemctl is-enabled --quiet vigilar.service; then
        systemctl start --quiet vigilar-push.socket
        systemctl start --no-block vigilar.service
    fi
fi
[ -n "$2" ] || echo "Vigilar starts. Its page is on port 49735; the code for the first login: sudo vigilar setup code"
TEXT
cat >"$tree/DEBIAN/prerm" <<'TEXT'
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
    systemctl stop vigilar.service vigilar-push.socket || true
fi
if [ "$1" = remove ]; then
    systemctl disable --quiet vigilar.service vigilar-push.socket || true
fi
TEXT
cat >"$tree/DEBIAN/postrm" <<'TEXT'
#!/bin/sh
set -e
[ ! -d /run/systemd/system ] || systemctl daemon-reload || true
[ "$1" = purge ] || exit 0
# As with install.sh --uninstall --purge: recordings, settings and keys, for ever. A drive of its own stays mounted.
for place in /etc/vigilar /var/lib/vigilar /var/vigilar; do
    [ -d "$place" ] || continue
    if mountpoint -q "$place"; then
        find "$place" -xdev -mindepth 1 -delete
    else
        rm -rf --one-file-system "$place"
    fi
done
! getent passwd vigilar >/dev/null || userdel vigilar
! getent group vigilar >/dev/null || groupdel vigilar
TEXT
chmod 755 "$tree/DEBIAN/postinst" "$tree/DEBIAN/prerm" "$tree/DEBIAN/postrm"

mkdir -p "$to"
package="$to/vigilar_${version}_$architecture.deb"
dpkg-deb --root-owner-group -Zzstd -z3 --build "$tree" "$package" >/dev/null
say "$package, $(du -h "$package" | cut -f 1). Install it with: sudo apt install $package"
