#!/usr/bin/env bash
# Try the image for real: build it by Containerfile, start it, add a camera of drawn scenes, stop it, and start another
# container with the same volumes. Nothing else of the engine is touched; what is made here goes at the end.
#
# Needs podman or the like, an image debian:13-slim or a registry to have it from, and a network for Debian's
# packages and the Python packages. Takes some five minutes, nearly all of it the build.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
usage: ./scripts/try-image.sh [--keep]

Builds the image that Containerfile describes, and tries it: the first start, a recording, a clean stop, and another container with the same volumes.
  --keep   leave the image there
ENGINE names another program than podman.
TEXT
}

keep=no
case "${1:-}" in
"") ;;
--keep) keep=yes ;;
-h | --help) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac
read -r -a engine <<<"${ENGINE:-podman}"
name="vigilar-try-$$"
command -v "${engine[0]}" >/dev/null 2>&1 || die "Please install podman, then run this again."
end() {
    "${engine[@]}" rm -f "$name" >/dev/null 2>&1 || true
    "${engine[@]}" volume rm "$name-data" "$name-etc" "$name-state" >/dev/null 2>&1 || true
    [ "$keep" = yes ] || "${engine[@]}" rmi "$name" >/dev/null 2>&1 || true
}
trap end EXIT

failed=0
try() {
    local words="$1" output
    shift
    if output="$("$@" 2>&1)"; then
        say "ok    $words"
    else
        failed=1
        say "FAIL  $words"
        printf '%s\n' "$output" | tail -n 30 | sed 's/^/      /' >&2
    fi
}

# A network of its own, with nothing on it: the port may be taken here.
start() {
    "${engine[@]}" run -d --name "$name" --network none -e TZ=Asia/Tokyo \
        -v "$name-data:/var/vigilar" -v "$name-etc:/etc/vigilar" -v "$name-state:/var/lib/vigilar" "$name" >/dev/null
}
inside() { "${engine[@]}" exec "$name" "$@"; }
says() { inside "${@:2}" 2>&1 | grep -q -- "$1"; }
wait_until() { local tries=0; until "$@" >/dev/null 2>&1; do tries=$((tries + 1)); [ "$tries" -lt 60 ] || { "$@"; return 1; }; sleep 1; done; }
answers() { inside python3 -c 'import urllib.request as ask; ask.urlopen("http://127.0.0.1:49735/healthz", timeout=10)'; }
has_footage() { inside sh -c 'find /var/vigilar -name "*.vge" | grep -q .'; }
state_is_kept() { [ "$(inside sh -c 'cat /var/lib/vigilar/house-*.json' | grep -o '"folder_id": *"[^"]*"')" = "$1" ]; }
ends_by_itself() { "${engine[@]}" stop -t 10 "$name" && [ "$("${engine[@]}" inspect -f '{{.State.ExitCode}}' "$name")" = 0 ]; }

say "building the image"
"${engine[@]}" build -t "$name" "$ROOT" >&2 || die "The image could not be built; the lines above say why."
start
try "its page answers" wait_until answers
try "it tells the code of the first login" says '-' vigilar setup code
try "its folders belong to its user" inside sh -c '[ "$(stat -c "%U" /var/vigilar /etc/vigilar /etc/vigilar/secrets /var/lib/vigilar | sort -u)" = vigilar ]'
try "its time zone is the one it was told" says 'Asia/Tokyo' /usr/lib/vigilar/current/venv/bin/python -P -c 'from vigilar.config.values import box_time_zone; print(box_time_zone())'
try "a camera is added" inside vigilar camera add demo:street --name Street --record always
try "it is recorded" wait_until has_footage
try "the state is said" says 'Street' vigilar status
folder="$(inside sh -c 'cat /var/lib/vigilar/house-*.json' | grep -o '"folder_id": *"[^"]*"')" || true
try "stopped, it ends by itself within 10 s" ends_by_itself
"${engine[@]}" rm "$name" >/dev/null
start
try "another container goes on with the volumes" wait_until answers
try "with its camera" says 'Street' vigilar status
try "with its recordings" has_footage
try "with what it remembers of its drive" state_is_kept "${folder:-nothing}"
[ "$failed" -eq 0 ]
