#!/bin/sh
# Makes a virtual environment: make-venv.sh PYTHON FOLDER
set -eu
python=$1
folder=$2

fail() {
    echo "$1" >&2
    exit 1
}

command -v "$python" >/dev/null ||
    fail "No $python found: install Python 3.10 or newer, or name one with make PYTHON=/path/to/python3."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "$("$python" --version) is too old: name a Python 3.10 or newer with make PYTHON=/path/to/python3."

# Debian splits venv and pip off its Python.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing $package"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$package" >/dev/null
    else
        fail "$python cannot make virtual environments: install the package $package, then run make again."
    fi
fi

"$python" -m venv "$folder"
