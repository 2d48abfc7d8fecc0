#!/bin/sh
# Makes .venv from uv.lock with nothing but Python 3.11 or newer and a package index. `make setup` calls it.
# PYTHON=/path/to/python chooses the interpreter; else the newest that works is taken.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
runs() { "$@" >/dev/null 2>&1; }
new_enough() { runs "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; }
# Debian ships Python without ensurepip; asking here lets another interpreter step in.
makes_venvs() { runs "$1" -c 'import ensurepip, venv'; }

find_python() {
    without_venv=""
    # A name on PATH proves nothing: pyenv has a shim for each version, and it fails for those not chosen.
    for python in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        new_enough "$python" || continue
        if makes_venvs "$python"; then
            printf '%s\n' "$python"
            return
        fi
        without_venv=${without_venv:-$python}
    done
    if [ -n "$without_venv" ]; then
        version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        say "setup: $without_venv is Python $version, but cannot make virtual environments (no ensurepip)."
        say "       On Debian or Ubuntu: apt-get install python$version-venv"
    else
        say "setup: no Python 3.11 or newer among: ${PYTHON:-python3.13 python3.12 python3.11 python3}"
        say "       Name one with: make setup PYTHON=/path/to/python3"
    fi
    return 1
}

if ! new_enough .venv/bin/python; then
    python=$(find_python)
    say "setup: making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
elif ! runs .venv/bin/python -m pip --version || grep -q '^uv =' .venv/pyvenv.cfg; then
    # Made by uv, which would remove pip and itself again as not in the lock. Making it anew over the old one
    # keeps what is installed.
    .venv/bin/python -m venv .venv
fi

.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/uv.txt

# As pip does: certificates of the system, no interpreter from elsewhere.
unset VIRTUAL_ENV
UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON=.venv/bin/python UV_PYTHON_DOWNLOADS=never \
    UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}" .venv/bin/uv sync --locked --quiet
