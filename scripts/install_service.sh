# shellcheck shell=bash
# Part of install.sh: the service on this system; its user, folders and units, upgrade, going back, and taking it away.

UNITS=/usr/lib/systemd/system
UNIT_FILES=(vigilar.service vigilar.slice vigilar-push.socket vigilar-push@.service)
HOSTS=/etc/vigilar-push.hosts
DATA=/var/vigilar
DATA_PLACES=(/etc/vigilar /var/lib/vigilar "$DATA")
UP_S=900
# A large database takes minutes to be copied and brought to the newest form on a slow drive.

# put_system_files [FOLDER]: what lies outside of a version, from the source or from FOLDER, which is a version's.
put_system_files() {
    local from="${1:-$ROOT/packaging}" unit
    for unit in "${UNIT_FILES[@]}"; do
        put_file "$from/$unit" "$UNITS/$unit" 644
    done
    put_file "$from/vigilar.sysusers" /usr/lib/sysusers.d/vigilar.conf 644
    put_file "$from/vigilar.tmpfiles" /usr/lib/tmpfiles.d/vigilar.conf 644
    put_file "$from/vigilar.sh" /usr/bin/vigilar 755
    [ -e "$dest$HOSTS" ] || put_file "$from/vigilar-push.hosts" "$HOSTS" 644
    [ "$(readlink "$dest/usr/share/doc/vigilar")" = ../../lib/vigilar/current/doc ] ||
        act "write /usr/share/doc/vigilar" put_doc_link
}

put_doc_link() {
    mkdir -p "$dest/usr/share/doc"
    ln -sfn ../../lib/vigilar/current/doc "$dest/usr/share/doc/vigilar"
}

systemd_runs() {
    [ -d /run/systemd/system ]
}

is_active() {
    systemd_runs && systemctl is-active --quiet vigilar.service
}

# install_service ID: the version is made; have the system use it.
install_service() {
    local before after
    before="$(readlink "$CURRENT" 2>/dev/null || true)"
    if [ -n "$before" ] && [ "$before" != "versions/$1" ]; then
        act "exchange version ${before#versions/} for $1" upgrade_to "$1" "$before"
        [ "$check" = yes ] || forget_old_versions
        return
    fi
    after="$changes"
    put_system_files
    getent passwd vigilar >/dev/null || act "make the user vigilar" systemd-sysusers /usr/lib/sysusers.d/vigilar.conf
    folders_are_right || act "make ${DATA_PLACES[*]}, for the user vigilar alone" make_folders
    [ -n "$before" ] || act "use version $1" set_link "$CURRENT" "versions/$1"
    if systemd_runs && [ "$changes" -gt "$after" ] && [ "$check" = no ]; then
        systemctl daemon-reload
    fi
    is_enabled || act "have it started with the system" systemctl enable --quiet vigilar.service vigilar-push.socket
    start_service
}

is_enabled() {
    systemctl is-enabled --quiet vigilar.service 2>/dev/null && systemctl is-enabled --quiet vigilar-push.socket 2>/dev/null
}

folders_are_right() {
    local place
    for place in "${DATA_PLACES[@]}" /etc/vigilar/secrets; do
        [ "$(stat -c %U "$place" 2>/dev/null)" = vigilar ] || return 1
    done
}

# Reported, since systemd-tmpfiles says what it could not do and goes on.
make_folders() {
    systemd-tmpfiles --create /usr/lib/tmpfiles.d/vigilar.conf || true
    folders_are_right || die "The folders ${DATA_PLACES[*]} could not be made for the user vigilar; the lines above say why."
}

start_service() {
    if ! systemd_runs; then
        return
    fi
    if ! is_active; then
        act "start Vigilar" true
        if [ "$check" = no ] && ! comes_up; then
            show_log
            die "Vigilar is installed and does not start; the lines above say why. When that is mended: sudo systemctl start vigilar"
        fi
    fi
    [ "$check" = yes ] || systemctl start --quiet vigilar-push.socket
}

# comes_up: start it, and wait until it says that all its processes run, or fails.
comes_up() {
    local began=$SECONDS state
    systemctl reset-failed vigilar.service 2>/dev/null || true
    systemctl start --no-block vigilar.service
    while [ $((SECONDS - began)) -lt "$UP_S" ]; do
        sleep 1
        state="$(state_of_service)"
        case "$state" in
        *"active running "*)
            # Ready once is not enough: its page must answer, and it must still be the same process then.
            page_answers && [ "$(state_of_service)" = "$state" ]
            return
            ;;
        *auto-restart* | *failed*) return 1 ;;
        esac
    done
    return 1
}

state_of_service() {
    systemctl show -p ActiveState -p SubState -p NRestarts -p MainPID --value vigilar.service | tr '\n' ' '
}

page_answers() {
    local tries
    for tries in $(seq 30); do
        sleep 1
        as_vigilar "$CURRENT" -c "
import sys
from vigilar.cli.service import is_serving, local_host
from vigilar.config.load import load_config
from vigilar.config.places import find_places
web = load_config(find_places()).web
sys.exit(not is_serving(local_host(web.listen), web.port))" && return
    done
    say "Its page did not answer within $tries s."
    return 1
}

show_log() {
    journalctl -u vigilar.service -n 12 --no-pager -o cat >&2 2>/dev/null || true
}

# upgrade_to ID BEFORE: exchange the version while nothing runs; back to BEFORE if the new one does not come up.
upgrade_to() {
    local was_active=no before_that
    before_that="$(readlink "$PREVIOUS" 2>/dev/null || true)"
    if is_active; then
        was_active=yes
        systemctl stop vigilar.service
    fi
    use_version "$1"
    set_link "$PREVIOUS" "$2"
    if ! systemd_runs || { [ "$was_active" = no ] && ! is_enabled; }; then
        return
    fi
    if comes_up; then
        systemctl start --quiet vigilar-push.socket
        return
    fi
    show_log
    say "The new version does not come up; the lines above say why. The one before it is used again."
    take_back "$1" "${2#versions/}"
    rm -f "$PREVIOUS"
    [ -z "$before_that" ] || set_link "$PREVIOUS" "$before_that"
    die "Vigilar was not upgraded, and runs as before. Nothing was lost."
}

# use_version ID: its files outside, and the link.
use_version() {
    put_system_files "$PROGRAMS/$1/system"
    set_link "$CURRENT" "versions/$1"
    systemd-sysusers /usr/lib/sysusers.d/vigilar.conf
    make_folders
    ! systemd_runs || systemctl daemon-reload
}

# take_back NEW OLD: the database as it was before NEW brought it to its form, then the program that knows that form.
take_back() {
    systemctl stop vigilar.service 2>/dev/null || true
    as_vigilar "$PROGRAMS/$1" -m vigilar upgrade undo --yes --to "$(newest_step "$2")" ||
        die "The database could not be put back; the line above says why. Vigilar does not run. Ask for: sudo vigilar upgrade show"
    use_version "$2"
    ! systemd_runs || comes_up || { show_log; die "The version before does not come up either; the lines above say why."; }
}

# newest_step ID: of the database's form, that this version knows.
newest_step() {
    "$PROGRAMS/$1/venv/bin/python" -P -c 'from vigilar.store.revisions import REVISIONS; print(REVISIONS[-1])'
}

# as_vigilar FOLDER ARGUMENT...: the Python of that version, as the service's user.
as_vigilar() {
    VIGILAR_STATE_DIR=/var/lib/vigilar HOME=/var/lib/vigilar \
        setpriv --reuid=vigilar --regid=vigilar --init-groups "$1/venv/bin/python" -P "${@:2}"
}

go_back() {
    local now before
    now="$(readlink "$CURRENT" 2>/dev/null || true)"
    before="$(readlink "$PREVIOUS" 2>/dev/null || true)"
    if [ -z "$before" ] || [ ! -d "/usr/lib/vigilar/$before" ]; then
        die "There is no version before this one to go back to."
    fi
    say "Vigilar goes back from ${now#versions/} to ${before#versions/}. What happened since is kept with the recordings, not as events."
    ask "Go back?" || { say "Nothing was changed. Without a terminal, say --yes."; exit 14; }
    act "go back to ${before#versions/}" take_back "${now#versions/}" "${before#versions/}"
    set_link "$PREVIOUS" "$now"
}

# Taking it away -------------------------------------------------------------------------------------------------------

uninstall() {
    local place files=("${UNIT_FILES[@]/#/$UNITS/}" /usr/lib/sysusers.d/vigilar.conf /usr/lib/tmpfiles.d/vigilar.conf
        /usr/bin/vigilar /usr/share/doc/vigilar /usr/lib/vigilar)
    if [ "$purge" = yes ] && [ "$check" = no ] && ! ask "Delete all recordings, settings and keys of this house ($(size_of_data)), for ever?"; then
        say "Nothing was changed. Without a terminal, say --yes."
        exit 14
    fi
    if [ -z "$dest" ] && [ -e "$UNITS/vigilar.service" ]; then
        act "stop Vigilar, and start it with the system no more" stop_service
    fi
    for place in "${files[@]}"; do
        if [ -e "$dest$place" ] || [ -L "$dest$place" ]; then act "remove $place" rm -rf "$dest$place"; fi
    done
    if [ "$check" = no ] && [ -z "$dest" ] && systemd_runs; then systemctl daemon-reload; fi
    if [ "$purge" = yes ]; then
        purge_data
    elif [ "$changes" -gt 0 ]; then
        say "Recordings, settings and keys are still in ${DATA_PLACES[*]}. --uninstall --purge deletes them."
    fi
    [ "$changes" -gt 0 ] || say "Nothing to do: Vigilar is not installed."
    if [ "$check" = yes ] && [ "$changes" -gt 0 ]; then exit 10; fi
}

stop_service() {
    if systemd_runs; then systemctl stop vigilar.service vigilar-push.socket || true; fi
    systemctl disable --quiet vigilar.service vigilar-push.socket || true
}

size_of_data() {
    du -shx "$dest$DATA" 2>/dev/null | cut -f 1
}

# A drive at /var/vigilar stays mounted there, empty: its line in /etc/fstab is the owner's.
purge_data() {
    local place
    for place in "${DATA_PLACES[@]}"; do
        [ -d "$dest$place" ] || continue
        if mountpoint -q "$dest$place"; then
            act "empty $place" find "$dest$place" -xdev -mindepth 1 -delete
            say "$place is a drive of its own and stays mounted; its line in /etc/fstab is yours."
        else
            act "remove $place" rm -rf --one-file-system "$dest$place"
        fi
    done
    [ ! -e "$dest$HOSTS" ] || act "remove $HOSTS" rm -f "$dest$HOSTS"
    if [ -z "$dest" ] && getent passwd vigilar >/dev/null; then
        act "remove the user vigilar" remove_user
    fi
}

remove_user() {
    userdel vigilar
    ! getent group vigilar >/dev/null || groupdel vigilar
}

# The last words -------------------------------------------------------------------------------------------------------

tell_owner() {
    local address code=""
    warn_of_swap
    warn_of_firewall
    if ! systemd_runs; then
        say "systemd does not run here now: Vigilar starts with the next boot. The code for the first login is then shown by: sudo vigilar setup code"
        return
    fi
    say ""
    say "Open Vigilar in a browser on the same network:"
    for address in $(hostname -I 2>/dev/null || true); do
        case "$address" in
        *:*) ;;
        *) say "    http://$address:49735" ;;
        esac
    done
    say "    http://vigilar.local:49735"
    code="$(as_vigilar "$CURRENT" -m vigilar setup code 2>/dev/null)" || true
    [ -z "$code" ] || say "The first login asks for this code: $code"
    case "$(as_vigilar "$CURRENT" -m vigilar models list 2>/dev/null)" in
    *"None is installed"*) say "To tell people, cars and animals from all else that moves: sudo vigilar models install" ;;
    esac
}

warn_of_firewall() {
    local how=""
    if command -v ufw >/dev/null 2>&1 && ufw status 2>/dev/null | grep -q '^Status: active'; then
        ufw status | grep -q 49735 || how="sudo ufw allow from $(house_network) to any port 49735 proto tcp"
    elif command -v firewall-cmd >/dev/null 2>&1 && firewall-cmd -q --state 2>/dev/null; then
        firewall-cmd -q --query-port=49735/tcp || how="sudo firewall-cmd --permanent --add-port=49735/tcp && sudo firewall-cmd --reload"
    fi
    [ -z "$how" ] || say "The firewall of this machine keeps phones from the page. To let your own network in: $how"
}

# The network of the route out, as 192.168.1.0/24; a placeholder if there is none.
house_network() {
    local device
    device="$(ip -4 route show default 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)"
    ip -4 route show dev "${device:-none}" scope link 2>/dev/null | awk 'NR == 1 { print $1; found = 1 } END { if (!found) print "192.168.1.0/24" }'
}
