#!/bin/sh
# Writes constraints/airflow-*-python-*.txt anew: the exact versions that the environments are made of.
#
#   scripts/compile_constraints.sh path/to/uv
#
# Airflow 3 gets the newest of everything. Airflow 2 gets what was newest in the weeks after its release, as its own
# constraints did: the packages around a deployment of it.
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
    printf '%s\n' "apache-airflow==$airflow" pip |
        "$uv" pip compile --quiet --upgrade --no-python-downloads --python-version "$python" \
            --only-binary :all: --no-binary python-nvd3 --extra sandbox --group dev \
            --no-header --no-annotate --no-emit-index-url --no-emit-find-links --strip-extras "$@" \
            pyproject.toml - >"$target.new"
    mv "$target.new" "$target"
}

mkdir -p constraints
for python in 3.10 3.11 3.12 3.13; do
    compile 3.3.2 "$python"
done
for python in 3.10 3.11 3.12; do
    compile 2.11.2 "$python" --exclude-newer 2026-03-15
done
