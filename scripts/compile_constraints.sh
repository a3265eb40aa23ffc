#!/bin/sh
# Writes constraints/airflow-*-python-*.txt anew: the exact versions that the environments are made of.
#
#   scripts/compile_constraints.sh path/to/uv
#
# Airflow 3.3.2 gets the newest of everything. The others get what was newest in the weeks after their release, as their
# own constraints did: the packages around a deployment of them. With Python 3.10, Airflow 2.11.0 gets the lowest that
# pyproject.toml permits. Those that only `make test-versions` runs have not the tools of the tests.
set -eu

uv=$1

compile() {
    airflow=$1
    python=$2
    shift 2
    target=constraints/airflow-$airflow-python-$python.txt
    echo "$target"
    # pip is pinned with the rest, so that every environment is made by the same one. Only wheels are chosen, so that
    # none needs a compiler; of python-nvd3 (Airflow 2) there are none, but it is pure Python.
    printf '%s\n' "apache-airflow==$airflow" "pip>=24" |
        "$uv" pip compile --quiet --upgrade --no-python-downloads --python-version "$python" \
            --only-binary :all: --no-binary python-nvd3 --extra sandbox \
            --no-header --no-annotate --no-emit-index-url --no-emit-find-links --strip-extras "$@" \
            pyproject.toml - >"$target.new"
    mv "$target.new" "$target"
}

mkdir -p constraints
for python in 3.10 3.11 3.12 3.13; do
    compile 3.3.2 "$python" --group dev
done
for python in 3.10 3.11 3.12; do
    compile 2.11.2 "$python" --group dev --exclude-newer 2026-03-15
done
compile 2.11.0 3.12 --exclude-newer 2025-06-01
compile 2.11.0 3.10 --exclude-newer 2025-06-01 --resolution lowest-direct
compile 3.0.6 3.12 --exclude-newer 2025-09-10
compile 3.1.8 3.12 --exclude-newer 2026-04-01
compile 3.2.2 3.12 --exclude-newer 2026-06-25
