#!/bin/sh
# Prints the path of the first interpreter that works, of the Python versions named in order of preference.
#
#   scripts/find_python.sh "3.12 3.13 3.11 3.10"
#
# An interpreter counts only if it runs (a version manager's shim may exist and refuse) and has what an Airflow
# environment needs from it: venv, ensurepip, ssl, sqlite3. Exits 1 and prints nothing to stdout when there is none.
set -eu

candidates() {
    version=$1
    for name in "python$version" python3 python; do
        command -v "$name" || true
    done
    for directory in "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$version"*/bin \
        "${HOME:-}"/.local/share/uv/python/cpython-"$version".*/bin \
        /usr/local/bin /opt/homebrew/bin /usr/bin; do
        printf '%s\n' "$directory/python$version"
    done
}

runs_as() {
    [ "$("$2" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$1" ]
}

# The interpreter behind a shim or an activated environment, so that the environment may be removed and made again.
behind() {
    "$1" -c 'import ensurepip, sqlite3, ssl, sys, venv; print(getattr(sys, "_base_executable", "") or sys.executable)' 2>/dev/null
}

for version in $1; do
    candidates "$version" | {
        while IFS= read -r candidate; do
            [ -x "$candidate" ] && runs_as "$version" "$candidate" </dev/null || continue
            behind "$candidate" </dev/null && exit 0
            echo "Passing over $candidate: it lacks one of venv, ensurepip, ssl and sqlite3" \
                "(on Debian and Ubuntu: apt install python$version-venv)." >&2
        done
        exit 1
    } && exit 0
done
exit 1
