#!/usr/bin/env bash
# Try the installation for real: bare systems in folders, booted with their own systemd in namespaces of their own.
#
# Nothing of the machine it runs on is changed: each system has its own mounts, processes, host name, control groups and,
# once it is booted, its own network without a way out. Needs root, debootstrap, and a network for Debian's packages and
# the Python packages. A run takes some five minutes a system.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
usage: sudo ./scripts/try-install.sh [--keep] [--in DIR] [--mirror URL] [bookworm | trixie | noble]...

Installs Vigilar into bare systems (without names: Debian 12 and 13), boots them, and tries: the first start, a second run, --check, what the unit
lets through, an upgrade with data of the first schema, one that does not come up, going back, uninstall and purge.
  --in DIR   where the systems are made (default: a new folder, removed at the end)
  --keep     leave them there
  --mirror   where debootstrap takes a system from; needed for noble (Ubuntu 24.04), whose packages are not where
             Debian's are
TEXT
}

keep=no in="" mirror="" suites=()
while [ $# -gt 0 ]; do
    case "$1" in
    --keep) keep=yes ;;
    --in) in="$2"; shift ;;
    --mirror) mirror="$2"; shift ;;
    -h | --help) usage; exit 0 ;;
    -*) usage >&2; exit 2 ;;
    *) suites+=("$1") ;;
    esac
    shift
done
[ ${#suites[@]} -gt 0 ] || suites=(bookworm trixie)
[ "$(id -u)" -eq 0 ] || die "This makes systems of its own and has to be root: sudo ./scripts/try-install.sh"
command -v debootstrap >/dev/null 2>&1 || die "Please install the package debootstrap, then run this again."
work="${in:-$(mktemp -d -t vigilar-try-XXXXXX)}"
mkdir -p "$work"
init=""
end() {
    [ -z "$init" ] || kill -9 "$init" 2>/dev/null || true
    if [ "$keep" = no ] && [ -z "$in" ]; then rm -rf --one-file-system "$work"; fi
}
trap end EXIT

passed=0 failed=0

# try WORDS COMMAND...: one claim; the output is shown if it does not hold.
try() {
    local words="$1" output
    shift
    if output="$("$@" 2>&1)"; then
        passed=$((passed + 1))
        say "ok    $words"
    else
        failed=$((failed + 1))
        say "FAIL  $words"
        printf '%s\n' "$output" | tail -n 30 | sed 's/^/      /' >&2
    fi
}

# The namespaces of a system: what runs first in them, with the root's folder as argument.
# shellcheck disable=SC2016
MOUNTS='
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t sysfs sysfs "$1/sys"
mount -t tmpfs -o mode=755 tmpfs "$1/run"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
mount -t tmpfs -o mode=755 tmpfs "$1/dev"
mkdir -p "$1/run/lock" "$1/dev/pts" "$1/dev/shm"
for device in null zero full random urandom tty; do
    touch "$1/dev/$device"
    mount --bind "/dev/$device" "$1/dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
ln -s pts/ptmx "$1/dev/ptmx"
ln -s /proc/self/fd "$1/dev/fd"
mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
'

# bare COMMAND...: in the system that does not run, with the network of this machine.
bare() {
    unshare -fpmui --kill-child bash -euc "$MOUNTS"'exec chroot "$1" "${@:2}"' bare "$system" "${clean[@]}" "$@"
}

# inside COMMAND...: in the system that runs.
inside() {
    timeout 1200 nsenter -t "$init" -a "${clean[@]}" "$@"
}

# Of this machine's environment only what leads through its network.
clean=(env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt)

make_system() {
    local from=(${mirror:+"$mirror"}) components=main
    system="$work/$1"
    if [ "$1" = noble ]; then
        [ -n "$mirror" ] || [ -d "$work/$1.bare" ] || die "Ubuntu's packages are not where Debian's are: name a mirror with --mirror URL."
        # All of Ubuntu's scripts are links to this one, and an older debootstrap does not know the newest names.
        from+=(/usr/share/debootstrap/scripts/gutsy)
        components=main,universe
    fi
    if [ ! -d "$work/$1.bare" ]; then
        say "making a bare system: $1"
        debootstrap --variant=minbase --components="$components" \
            --include=ca-certificates,systemd,systemd-sysv,dbus,iproute2 "$1" "$work/$1.bare" ${from[@]+"${from[@]}"} \
            >"$work/$1.log" 2>&1 || { tail -n 5 "$work/$1.log" >&2; die "The bare system could not be made."; }
        cp -a /usr/local/share/ca-certificates/. "$work/$1.bare/usr/local/share/ca-certificates/" 2>/dev/null || true
    fi
    rm -rf --one-file-system "$system"
    cp -a "$work/$1.bare" "$system"
    cp -L /etc/resolv.conf "$system/etc/resolv.conf"
    mkdir -p "$system/src"
    (cd "$ROOT" && find scripts packaging vigilar assets requirements docs LICENSE CHANGELOG.md tests/vectors/databases -type f \
        ! -path '*/__pycache__/*' -print0 | xargs -0 cp --preserve=timestamps --parents -t "$system/src")
    bare update-ca-certificates >/dev/null 2>&1 || true
}

boot() {
    say "booting it"
    unshare -fpmuinC --kill-child bash -euc "$MOUNTS"'
        mkdir -p "$1/sys/fs/cgroup"
        mount -t cgroup2 none "$1/sys/fs/cgroup"
        hostname try-install
        ip link set lo up
        # An address of the internet, on a network that goes nowhere.
        ip addr add 11.0.0.5/32 dev lo
        cd "$1"
        mkdir -p .old
        pivot_root . .old
        umount -l /.old
        rmdir /.old
        exec env -i container=namespaces PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=null
    ' boot "$system" >/dev/null 2>&1 &
    local outer=$! waited=0
    init=""
    while [ -z "$init" ]; do
        init="$(pgrep -P "$outer" 2>/dev/null | head -n 1 || true)"
        sleep 0.2
    done
    until inside systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded' || [ "$waited" -gt 300 ]; do
        sleep 0.5
        waited=$((waited + 1))
    done
}

shut_down() {
    kill -9 "$init" 2>/dev/null || true
    wait 2>/dev/null || true
    init=""
}

# The claims -----------------------------------------------------------------------------------------------------------

install_in() { inside /src/scripts/install.sh --wheels /wheels "$@"; }
code_of() { local code=0; "$@" >/dev/null 2>&1 || code=$?; printf '%s\n' "$code"; }
ends_with() { local wanted="$1"; shift; [ "$(code_of "$@")" = "$wanted" ]; }
tree() { inside sh -c 'find /usr/lib/vigilar /usr/lib/systemd/system /usr/lib/sysusers.d /usr/lib/tmpfiles.d /usr/bin /etc -xdev ! -path "*/__pycache__*" -printf "%p %m %u %s %T@\n" | sort'; }
sees() { inside "${@:2}" 2>&1 | grep -q -- "$1"; }
fetch() { inside /usr/lib/vigilar/current/venv/bin/python -c 'import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())' "$1"; }
answers() { fetch "http://127.0.0.1:49735/healthz" >/dev/null; }
active() { inside systemctl is-active --quiet vigilar.service; }
revision() { inside /usr/lib/vigilar/current/venv/bin/python -c 'import sqlite3; print(sqlite3.connect("/var/vigilar/vigilar.db").execute("select version_num from alembic_version").fetchone()[0])'; }
newest() { inside /usr/lib/vigilar/current/venv/bin/python -P -c 'from vigilar.store.revisions import REVISIONS; print(REVISIONS[-1])'; }

unchanged_by_second_run() {
    local before after
    before="$(tree)"
    install_in >"$work/second" 2>&1 && grep -q '^Nothing changed' "$work/second" || { cat "$work/second"; return 1; }
    after="$(tree)"
    diff <(printf '%s' "$before") <(printf '%s' "$after")
}

# As the service: in its control group, whose programs filter what its sockets may reach.
from_service() {
    inside sh -c 'echo $$ >/sys/fs/cgroup/vigilar.slice/vigilar.service/cgroup.procs; exec timeout 5 /usr/lib/vigilar/current/venv/bin/python -P -c "
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()" "$@"' sh "$@"
}

through_the_way_out() {
    inside setpriv --reuid=vigilar --regid=vigilar --init-groups env VIGILAR_PUSH_SOCKET=/run/vigilar-push.sock \
        /usr/lib/vigilar/current/venv/bin/python -P -c '
import sys
from vigilar.base.outside import connect_outside
connection = connect_outside("11.0.0.5", 8443, 5.0)
connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
assert b"200" in connection.recv(100)'
}

wait_until() { local tries=0; until "$@" >/dev/null 2>&1; do tries=$((tries + 1)); [ "$tries" -lt 120 ] || { "$@"; return 1; }; sleep 1; done; }

# The data of the first release: its tables with rows, under the service's own key.
lay_old_data() {
    inside systemctl stop vigilar.service
    inside sh -euc '
        rm -rf /var/vigilar/vigilar.db* /var/vigilar/vigilar-database.json
        /usr/lib/vigilar/current/venv/bin/python -c "
import gzip, sqlite3
db = sqlite3.connect(\"/var/vigilar/vigilar.db\")
db.executescript(gzip.open(\"/src/tests/vectors/databases/0006.sql.gz\", \"rt\").read())
db.close()"
        chown vigilar:vigilar /var/vigilar/vigilar.db
        chmod 600 /var/vigilar/vigilar.db'
}

try_suite() {
    local first second
    say "== $1"
    make_system "$1"
    try "--check on a bare system says what it would do, and ends with 10" ends_with 10 bare /src/scripts/install.sh --check
    try "install on a bare system, with the network" bare /src/scripts/install.sh
    try "fetch what an installation without network needs" bare /src/scripts/install.sh --fetch /wheels
    boot
    try "the service starts with the system" wait_until active
    try "its page answers" wait_until answers
    answers 2>/dev/null || inside journalctl -u vigilar -n 40 --no-pager -o cat >&2
    try "its folders belong to it alone" inside sh -c '[ "$(stat -c "%U %a" /var/vigilar /etc/vigilar/secrets /var/lib/vigilar | sort -u)" = "vigilar 700" ] && [ "$(stat -c "%U %a" /etc/vigilar)" = "vigilar 750" ]'
    try "nothing in the secrets is readable for others" inside sh -c '[ -n "$(ls -A /etc/vigilar/secrets)" ] && [ -z "$(find /etc/vigilar/secrets -type f -perm /077)" ]'
    try "the code for the first login is shown" sees '^[a-z0-9]\{4\}-[a-z0-9]\{4\}$' vigilar setup code
    try "vigilar status works for root, and finds the page" inside sh -c 'vigilar status 2>&1 | grep "^Vigilar .* runs" && ! vigilar status 2>&1 | grep "does not answer"'
    try "a second run changes nothing, and says so" unchanged_by_second_run
    try "--check then ends with 0" install_in --check
    try "exposure is at most 1.5" inside systemd-analyze security --threshold=15 --no-pager vigilar.service
    inside systemd-run --quiet --unit=outside /usr/lib/vigilar/current/venv/bin/python -m http.server 8443 --bind 11.0.0.5
    try "from elsewhere on this machine the host outside is reached" wait_until inside /usr/lib/vigilar/current/venv/bin/python -c 'import socket; socket.create_connection(("11.0.0.5", 8443), 3)'
    try "from the service this machine is reached" from_service 127.0.0.1 49735
    try "from the service no host outside is reached" bash -c '! "$@"' _ from_service 11.0.0.5 8443
    try "the way out refuses a host that is not allowed" bash -c '! "$@"' _ through_the_way_out
    inside sh -c 'echo 11.0.0.5:8443 >>/etc/vigilar-push.hosts'
    try "the way out reaches a host that is allowed" through_the_way_out
    inside systemctl kill -s KILL vigilar.service
    sleep 5
    try "killed, it is started again" wait_until answers
    try "stopped, every process is gone within 15 s" inside sh -c 'systemctl stop vigilar.service && [ "$(systemctl show -p Result --value vigilar.service)" = success ]'

    first="$(inside readlink /usr/lib/vigilar/current)"
    lay_old_data
    inside systemctl start --no-block vigilar.service
    try "data of 0.1.0 are brought to the newest schema" wait_until answers
    try "the newest schema is there" test "$(revision)" = "$(newest)"
    try "a verified copy lies beside them" sees '0006' vigilar upgrade show

    printf '\n' >>"$system/src/LICENSE"
    lay_old_data
    inside systemctl start --no-block vigilar.service
    wait_until answers >/dev/null 2>&1 || true
    try "an upgrade in place comes up" install_in
    second="$(inside readlink /usr/lib/vigilar/current)"
    try "another version is used" test "$first" != "$second"
    try "the one before is kept" test "$(inside readlink /usr/lib/vigilar/previous)" = "$first"

    # A version that breaks at its start, behind its change of the database.
    printf '\nraise RuntimeError("broken on purpose")\n' >>"$system/src/vigilar/processes/plan.py"
    try "an upgrade that does not come up ends with 1" ends_with 1 install_in
    try "the version before is used again" test "$(inside readlink /usr/lib/vigilar/current)" = "$second"
    try "and runs" wait_until answers
    try "going back to the first version" inside /src/scripts/install.sh --back --yes
    try "it runs" wait_until answers
    try "it is the first" test "$(inside readlink /usr/lib/vigilar/current)" = "$first"

    try "uninstall" inside /src/scripts/install.sh --uninstall
    try "the program is gone" inside sh -c '[ ! -e /usr/lib/vigilar ] && [ ! -e /usr/bin/vigilar ] && [ ! -e /usr/lib/systemd/system/vigilar.service ]'
    try "the data are there" inside sh -c '[ -s /var/vigilar/vigilar.db ] && [ -d /etc/vigilar/secrets ]'
    try "purge without --yes is refused" ends_with 14 inside /src/scripts/install.sh --uninstall --purge
    try "purge with it" inside /src/scripts/install.sh --uninstall --purge --yes
    try "nothing is left" inside sh -c '[ ! -e /var/vigilar ] && [ ! -e /etc/vigilar ] && [ ! -e /var/lib/vigilar ] && ! getent passwd vigilar'
    shut_down
    [ "$keep" = yes ] || rm -rf --one-file-system "$system"
}

for suite in "${suites[@]}"; do
    try_suite "$suite"
done
say "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
