#!/usr/bin/env bash
# Try Vigilar from a fresh clone: sets up what is missing, then runs a house of cameras until Ctrl-C.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
usage: ./scripts/demo.sh [--data-dir DIR] [--port N] [--no-browser] [rtsp://user@host/path ...]

Without an address it shows a house of four simulated cameras, else the cameras named. A camera's password does not
belong here, where everybody on this machine can read it: it is asked for, or taken from VIGILAR_CAMERA_PASSWORD.
  --data-dir DIR   where recordings, events and keys are kept (default: ./demo-data)
  --port N         the port of the page (default: 49735)
  --no-browser     do not open a browser
TEXT
}

data_dir="$ROOT/demo-data" port=49735 browser=yes cameras=()
while [ $# -gt 0 ]; do
    case "$1" in
    --data-dir | --port)
        [ $# -ge 2 ] || { usage >&2; exit 2; }
        if [ "$1" = --port ]; then port="$2"; else data_dir="$2"; fi
        shift
        ;;
    --data-dir=*) data_dir="${1#*=}" ;;
    --port=*) port="${1#*=}" ;;
    --no-browser) browser=no ;;
    -h | --help) usage; exit 0 ;;
    -*) say "unknown option $1"; usage >&2; exit 2 ;;
    *) cameras+=("$1") ;;
    esac
    shift
done
case "$port" in
'' | *[!0-9]*) say "--port takes a number, not '$port'"; exit 2 ;;
esac

# Without HAProxy there is no HTTPS, and the demo runs all the same.
want_system mosquitto=mosquitto haproxy=haproxy /usr/share/zoneinfo/UTC=tzdata
need_system mosquitto=mosquitto /usr/share/zoneinfo/UTC=tzdata
need_venv runtime
need_assets

say "starting Vigilar, data in $data_dir"
options=(--data-dir "$data_dir" --port "$port")
[ "$browser" = yes ] || options+=(--no-browser)
if [ ${#cameras[@]} -eq 0 ]; then
    exec "$PY" -m vigilar demo "${options[@]}" </dev/null
fi
# With the terminal as standard input: the program asks for passwords, and refuses an address that holds one.
exec "$PY" -m vigilar demo "${options[@]}" "${cameras[@]}"
