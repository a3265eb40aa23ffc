#!/bin/sh
# Builds the wheel, installs it into an environment of each version of Airflow, with the packages of that version's time
# around it, and runs the smoke test there. Needs Python 3.12.
#
#   scripts/test_versions.sh 2.11.0 3.0.6
#
# Environments are kept in .venv/versions, and made anew when their constraints change.
set -eu

if ! python=$(scripts/find_python.sh 3.12); then
    echo "Airflow's versions are tried with Python 3.12, and none was found here." >&2
    exit 1
fi

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

for airflow; do
    if [ ! -e "constraints/airflow-$airflow-python-3.12.txt" ]; then
        echo "There are no constraints for Airflow $airflow: add it to scripts/compile_constraints.sh." >&2
        exit 1
    fi
done

rm -rf build/wheel
"$python" -m venv --clear build/wheel/venv
build/wheel/venv/bin/python -m pip --quiet --quiet --disable-pip-version-check wheel --no-deps --wheel-dir build/wheel .

failed=
for airflow; do
    constraints=constraints/airflow-$airflow-python-3.12.txt
    make_environment ".venv/versions/airflow-$airflow"
    "$environment/bin/python" -m pip --quiet --quiet uninstall --yes airflow-provider-payments
    wheel=$(echo build/wheel/*.whl)
    install "$wheel[sandbox]"
    "$environment/bin/python" tests/versions/smoke.py || failed="$failed $airflow"
done
if [ -n "$failed" ]; then
    echo "Failed on Airflow$failed" >&2
    exit 1
fi
