#!/bin/sh
# The command `vigilar`. As root it becomes the service's user, so that whatever it writes the service can use.
python=/usr/lib/vigilar/current/venv/bin/python
if [ ! -x "$python" ]; then
    echo "Vigilar is not whole: $python is missing. Run ./scripts/install.sh again." >&2
    exit 1
fi
case "$(id -u):$(id -un)" in
0:*)
    export VIGILAR_STATE_DIR=/var/lib/vigilar HOME=/var/lib/vigilar
    exec setpriv --reuid=vigilar --regid=vigilar --init-groups "$python" -P -m vigilar "$@"
    ;;
*:vigilar) export VIGILAR_STATE_DIR=/var/lib/vigilar ;;
esac
exec "$python" -P -m vigilar "$@"
