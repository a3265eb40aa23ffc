#!/bin/sh
# Makes or refreshes the virtual environment .venv/airflow-VERSION with this project, editable, and its tools in it.
#
#   scripts/make_environment.sh 3.3.2 "3.12 3.13 3.11 3.10" .venv/uv/bin/uv
#
# The second argument: the Python versions to look for, the preferred one first. The third: uv, which need not be
# there. The file `.ready` in the environment says
# that it is complete and what it was made from. An environment without it, or made from something else, is made anew;
# otherwise it is brought up to date in place.
set -eu

airflow=$1
pythons=$2
uv=${3:-}
environment=.venv/airflow-$airflow
ready=$environment/.ready

if ! python=$(scripts/find_python.sh "$pythons"); then
    cat >&2 <<MESSAGE
Airflow $airflow needs one of these Python versions, and none was found here: $pythons.
Install one (looked at: the PATH, pyenv, uv, /usr/local, /opt/homebrew) and run make again.
MESSAGE
    exit 1
fi
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
constraints=constraints/airflow-$airflow-python-$version.txt
made_from="$PWD $version $(cksum <"$constraints")"

if [ "$(cat "$ready" 2>/dev/null)" = "$made_from" ] && [ -x "$environment/bin/python" ]; then
    echo "Bringing $environment up to date (Python $version)"
    rm "$ready"
else
    echo "Making $environment with Python $version ($python)"
    rm -rf "$environment"
    "$python" -m venv "$environment"
fi

pip() {
    "$environment/bin/python" -m pip --quiet --quiet --disable-pip-version-check install --constraint "$constraints" "$@"
}
install() {
    if [ -x "$uv" ]; then
        # Of pip's settings, uv has to be told where packages come from.
        index=$("$environment/bin/python" -m pip config get global.index-url 2>/dev/null || true)
        UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index} "$uv" pip install --quiet --no-config \
            --python "$environment/bin/python" --constraint "$constraints" "$@" && return
        echo "uv could not do it; now pip tries, which takes minutes" >&2
    fi
    # The pip that comes with an older Python does not know dependency groups.
    pip pip
    pip "$@"
}
install "apache-airflow==$airflow" --editable ".[sandbox]" --group dev

printf '%s\n' "$made_from" >"$ready"
