#!/bin/sh
# Builds the wheel, installs it into an environment of each version of Airflow, with the packages of that version's time
# around it, and runs the smoke test there: with Python 3.12, or the one that is named.
#
#   scripts/test_versions.sh 2.11.0 3.0.6 3.3.2=3.13
#
# Environments are kept in .venv/versions, and made anew when their constraints change.
set -eu

make_environment() {
    environment=$1
    made_from="$PWD $(cksum <"$constraints")"
    if [ "$(cat "$environment/.ready" 2>/dev/null)" != "$made_from" ] || [ ! -x "$environment/bin/python" ]; then
        echo "Making $environment ($python); this takes a minute or two"
        rm -rf "$environment"
        "$python" -m venv "$environment"
        install pip
        install "apache-airflow==$airflow"
        printf '%s\n' "$made_from" >"$environment/.ready"
    fi
}

install() {
    "$environment/bin/python" -m pip --quiet --quiet --disable-pip-version-check install --constraint "$constraints" "$@"
}

# Sets airflow, python and constraints from something like 3.3.2 or 3.3.2=3.13.
choose() {
    airflow=${1%%=*}
    version=3.12
    case $1 in *=*) version=${1#*=} ;; esac
    constraints=constraints/airflow-$airflow-python-$version.txt
    if [ ! -e "$constraints" ]; then
        echo "There is no $constraints: add it to scripts/compile_constraints.sh." >&2
        exit 1
    fi
    if ! python=$(scripts/find_python.sh "$version"); then
        echo "Airflow $airflow is to be tried with Python $version, and none was found here." >&2
        exit 1
    fi
}

for each; do
    choose "$each"
done

rm -rf build/wheel
"$python" -m venv --clear build/wheel/venv
build/wheel/venv/bin/python -m pip --quiet --quiet --disable-pip-version-check wheel --no-deps --wheel-dir build/wheel .

failed=
for each; do
    choose "$each"
    make_environment ".venv/versions/airflow-$airflow-python-$version"
    "$environment/bin/python" -m pip --quiet --quiet uninstall --yes airflow-provider-payments
    wheel=$(echo build/wheel/*.whl)
    install "$wheel[sandbox]"
    "$environment/bin/python" tests/versions/smoke.py || failed="$failed $each"
done
if [ -n "$failed" ]; then
    echo "Failed on Airflow$failed" >&2
    exit 1
fi
