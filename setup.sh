#!/bin/sh
# Makes the environment `.venv` at the root: python 3.11 or newer, pip, and as root the system libraries Qt needs.
set -eu
cd "$(dirname "$0")"

fail() {
    echo "$1" >&2
    exit 1
}

python=""
for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "Loupe CT needs Python 3.11 or newer; install python3.11 (Debian: apt-get install python3.11)."

stamp=$(cksum pyproject.toml setup.sh | cksum)
if [ -x .venv/bin/python ] && [ "$(cat .venv/loupe-ready 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi

# Qt's platform plug-ins load these; a Debian machine without a desktop lacks most of them.
libraries="libegl1 libgl1 libopengl0 libxkbcommon0 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libglib2.0-0 libxrender1
libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-image0 libxcb-render-util0 libxcb-xinerama0
libxcb-xkb1 libxcb-randr0 libxcursor1 fonts-dejavu-core xvfb"
if command -v dpkg-query >/dev/null 2>&1; then
    missing=""
    for library in $libraries; do
        dpkg-query -W -f='${Status}' "$library" 2>/dev/null | grep -q 'ok installed' || missing="$missing $library"
    done
    if [ -n "$missing" ]; then
        if [ "$(id -u)" = 0 ]; then
            echo "Installing system libraries:$missing"
            apt-get update -qq >/dev/null 2>&1 || echo "apt-get update failed; trying with the lists that are here." >&2
            # shellcheck disable=SC2086
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
                echo "Could not install:$missing. The window may not open until they are there." >&2
        else
            echo "Not installed, and you are not root: the window may need them. Run: sudo apt-get install$missing" >&2
        fi
    fi
fi

echo "Setting up .venv with $($python --version) (first time: several minutes and gigabytes, mostly torch)."
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    # Debian's python3.11 without python3.11-venv has no ensurepip; the machine's own pip can fill the environment.
    "$python" -m venv .venv >/dev/null 2>&1 ||
        { "$python" -m venv --without-pip --clear .venv && "$python" -m pip --python .venv/bin/python install -q pip; } ||
        fail "Could not make .venv: install python3.11-venv or pip (Debian: apt-get install python3.11-venv python3-pip)."
fi
.venv/bin/python -m pip install -q --disable-pip-version-check '.[dev]' ||
    fail "Could not install the dependencies: is a network there, or a pip mirror configured? Run make setup again."
rm -rf build ./*.egg-info
echo "$stamp" >.venv/loupe-ready
