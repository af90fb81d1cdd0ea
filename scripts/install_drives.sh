# shellcheck shell=bash
# Part of install.sh: the drives of this machine, which of them holds the recordings, and what leaves memory as swap.

GOOD_FILE_SYSTEMS=" ext4 xfs btrfs f2fs "
FSTAB=/etc/fstab
SWAPS=/proc/swaps

# show_drives: each drive with its identity, size and what it says of its health; then each place on it.
show_drives() {
    local name size model serial
    command -v lsblk >/dev/null 2>&1 || die "Please install the package util-linux, then run this again."
    while read -r name; do
        size="$(lsblk -dno SIZE "/dev/$name" | tr -d ' ')"
        model="$(lsblk -dno MODEL "/dev/$name" | sed 's/ *$//')"
        serial="$(lsblk -dno SERIAL "/dev/$name" | tr -d ' ')"
        say "/dev/$name  $size  ${model:-no model}  ${serial:+serial $serial  }$(health_of "/dev/$name")"
        lsblk -rno NAME,SIZE,FSTYPE,UUID,MOUNTPOINT "/dev/$name" | awk '$3 != "" { printf "    /dev/%s  %s  %s  %s  %s\n", $1, $2, $3, $4, $5 }' >&2
    done < <(lsblk -dnro NAME,TYPE | awk '$2 == "disk" && $1 !~ /^(zram|ram|fd|loop)/ { print $1 }')
    say "Recordings go to $DATA, which is on $(source_of "$DATA"), with $(df -Ph "$(nearest "$DATA")" | awk 'NR == 2 { print $4 }') free."
    say "To keep them on another drive: sudo ./scripts/install.sh --storage /dev/NAME, with a name of the indented lines."
    warn_of_swap
}

nearest() {
    local folder="$1"
    while [ ! -d "$folder" ]; do folder="$(dirname "$folder")"; done
    printf '%s\n' "$folder"
}

source_of() {
    df -P "$(nearest "$1")" | awk 'NR == 2 { print $1 }'
}

# health_of DRIVE: what its own watch over itself (SMART) says. Source: smartctl(8), `-H`.
health_of() {
    local said
    if ! command -v smartctl >/dev/null 2>&1 && [ ! -x /usr/sbin/smartctl ]; then
        printf 'health not known (needs the package smartmontools)\n'
        return
    fi
    said="$(PATH="$PATH:/usr/sbin" smartctl -H "$1" 2>/dev/null || true)"
    case "$said" in
    *PASSED* | *"Health Status: OK"*) printf 'healthy, by its own word\n' ;;
    *FAILED* | *"Health Status:"*) printf 'FAILING, by its own word: replace it\n' ;;
    *) printf 'health not known (the drive does not say)\n' ;;
    esac
}

# use_storage DEVICE: check it, show its line for /etc/fstab, and mount it if the owner says so.
use_storage() {
    local device kind uuid drive health line at
    device="$(realpath -e "$1" 2>/dev/null)" || die "There is no $1. --drives shows the drives of this machine."
    [ -b "$device" ] || die "$1 is no drive. --drives shows the drives of this machine."
    kind="$(lsblk -dno FSTYPE "$device" | tr -d ' ')"
    uuid="$(lsblk -dno UUID "$device" | tr -d ' ')"
    at="$(findmnt -no TARGET --source "$device" 2>/dev/null | head -n 1 || true)" # it fails for what is not mounted
    drive="$(lsblk -dno PKNAME "$device" | tr -d ' ')"
    health="$(health_of "/dev/${drive:-$(basename "$device")}")"
    say "$1: $(lsblk -dno SIZE "$device" | tr -d ' '), ${kind:-without a file system}, $health"
    case "$at" in
    "$DATA") return ;;
    "") ;;
    *) die "$1 is in use at $at. Recordings need a partition of their own; nothing was changed." ;;
    esac
    [ -n "$kind" ] || die "$1 has no file system yet. To make one, which deletes all that is on it: sudo mkfs.ext4 -L vigilar $device"
    case "$GOOD_FILE_SYSTEMS" in
    *" $kind "*) ;;
    *) die "$1 holds $kind, on which files cannot belong to the service alone. To make it ext4, which deletes all that is on it: sudo mkfs.ext4 -L vigilar $device" ;;
    esac
    [ -n "$uuid" ] || die "$1 has no UUID to be known by; nothing was changed."
    [ ! -e "$DATA/vigilar-folder.json" ] ||
        die "A house already lives at $DATA on $(source_of "$DATA"). To move it to another drive see docs/operator-guide.md, \"Another drive\"; nothing was changed."
    case "$health" in
    FAILING*) [ "$yes" = yes ] || die "That drive says of itself that it fails. Take another one, or say --yes." ;;
    esac
    # nofail: the house starts without it, and says that it is missing. By UUID: names change with the plug.
    line="UUID=$uuid $DATA $kind defaults,noatime,nofail,x-systemd.device-timeout=10s 0 2"
    if grep -Eqs "^[^#][^[:space:]]*[[:space:]]+${DATA}[[:space:]]" "$FSTAB"; then
        grep -qxF "$line" "$FSTAB" || die "/etc/fstab already mounts something at $DATA. Change that line yourself to: $line"
    else
        say "The line for /etc/fstab: $line"
        if [ "$check" = no ] && ! ask "Add it, and mount the drive now?"; then
            say "Nothing was changed. Add the line yourself, mount it, and run this again; or say --yes."
            exit 14
        fi
        act "add that line to /etc/fstab" add_line "$line"
    fi
    act "mount $1 at $DATA" mount_data
}

add_line() {
    cp -p "$FSTAB" "$FSTAB.new"
    printf '%s\n' "$1" >>"$FSTAB.new"
    sync -f "$FSTAB.new"
    mv -f "$FSTAB.new" "$FSTAB"
}

mount_data() {
    mkdir -p "$DATA"
    ! systemd_runs || systemctl daemon-reload
    mount "$DATA" || die "The drive could not be mounted at $DATA; the line above says why."
}

# Swap that is not encrypted keeps what was in memory. Vigilar's own is kept out of it by its unit (MemorySwapMax=0).
warn_of_swap() {
    local place kind open=""
    while read -r place kind _; do
        case "$place" in
        /dev/zram*) continue ;;
        /dev/*) [ "$(lsblk -dno TYPE "$place" 2>/dev/null)" = crypt ] || open="$open $place" ;;
        *) is_encrypted_under "$place" || open="$open $place" ;;
        esac
    done < <(tail -n +2 "$SWAPS" 2>/dev/null || true)
    [ -z "$open" ] ||
        say "The swap of this machine is not encrypted (${open# }). Vigilar keeps its own memory out of it; what you type into other programs, and the whole memory when the machine hibernates, may lie there readable."
}

is_encrypted_under() {
    lsblk -sno TYPE "$(source_of "$1")" 2>/dev/null | grep -q crypt
}
