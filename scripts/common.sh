# Shared by the scripts of this folder; sourced, never run.
# shellcheck shell=bash

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Where interpreters, virtual environments and measuring tools live, outside the work tree, shared by all clones.
# shellcheck disable=SC2034  # used by those who source this
cache=${LOOPSCOPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/loopscope}

say() { printf '%s\n' "$*" >&2; }

# die WHAT WHY DO: an error as the tool itself words it.
die() {
    say "error: $1"
    [ -z "${2:-}" ] || say "  why: $2"
    [ -z "${3:-}" ] || say "   do: $3"
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command as root: as it is, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}
