"""Every connection type: what Airflow is told of it, and what it makes of that, on both lines."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from airflow import __version__ as airflow_version
from airflow.providers.http.hooks.http import HttpHook
from airflow.providers_manager import ProvidersManager

try:
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime as RuntimeManager
except ImportError:  # before Airflow 3.2
    RuntimeManager = ProvidersManager

try:
    from airflow._shared.secrets_masker import should_hide_value_for_key
except ImportError:  # before Airflow 3.2
    from airflow.utils.log.secrets_masker import should_hide_value_for_key

from airflow_provider_payments.get_provider_info import get_provider_info
from airflow_provider_payments.hooks.base import PaymentsHook
from tests.hooks.facts import Facts

INFO = get_provider_info()
KEYS = {"connection-type", "hook-name", "hook-class-name", "ui-field-behaviour", "conn-fields"}
IS_AIRFLOW_2 = airflow_version.startswith("2.")
#: Required fields of the extra; all others may stay empty.
REQUIRED = {("jframework", "brand_url")}


def declared(conn_type: str) -> dict[str, Any]:
    (found,) = (each for each in INFO["connection-types"] if each["connection-type"] == conn_type)
    return found


def hook_class(conn_type: str) -> type[PaymentsHook]:
    module, _, name = declared(conn_type)["hook-class-name"].rpartition(".")
    return getattr(import_module(module), name)


def airflow_schema(name: str) -> dict[str, Any]:
    return json.loads(files("airflow").joinpath(name).read_text())


def test_the_description_fits_airflows_schema() -> None:
    jsonschema.validate(INFO, airflow_schema("provider_info.schema.json"))


def test_the_form_fits_the_schema_of_provider_yaml(conn_type: str) -> None:
    # On 2.11 this schema knows little; what 3.3 knows is repeated below.
    schema = airflow_schema("provider.yaml.schema.json")["properties"]["connection-types"]
    jsonschema.validate([declared(conn_type)], schema)


def test_the_form_has_no_key_that_airflow_would_ignore(conn_type: str) -> None:
    form = declared(conn_type)
    assert set(form) == KEYS
    behaviour = form["ui-field-behaviour"]
    assert set(behaviour) == {"hidden-fields", "relabeling", "placeholders"}
    standard = {"description", "host", "port", "login", "password", "schema", "extra"}
    assert standard.issuperset(behaviour["hidden-fields"])
    assert standard.issuperset(behaviour["relabeling"])
    assert (standard | set(form["conn-fields"])).issuperset(behaviour["placeholders"])
    for name, each in form["conn-fields"].items():
        assert set(each) == {"label", "description", "schema"}, name
        assert ("null" not in each["schema"]["type"]) == ((conn_type, name) in REQUIRED), name
        assert None not in each["schema"].get("enum", []), f"{name} would offer the word null"


def test_secrets_are_hidden_and_nothing_else_is(conn_type: str) -> None:
    # Airflow 3 shows *** for a name with such a word, and Airflow 2 hides fields of this format.
    for name, each in declared(conn_type)["conn-fields"].items():
        assert should_hide_value_for_key(name) == (each["schema"].get("format") == "password"), name


def test_no_field_holds_an_object(conn_type: str) -> None:
    for each in declared(conn_type)["conn-fields"].values():
        types = each["schema"]["type"]
        assert {"string", "integer", "number", "null"}.issuperset([types] if isinstance(types, str) else types)


def test_standard_fields_that_are_required_say_so(conn_type: str, facts: Facts) -> None:
    placeholders = declared(conn_type)["ui-field-behaviour"]["placeholders"]
    assert placeholders["password"].startswith("Required")
    assert placeholders["host"] == facts.default_host


def test_the_transport_options_are_in_the_form(conn_type: str) -> None:
    assert {"page_size", "max_concurrency", "requests_per_second"} <= set(declared(conn_type)["conn-fields"])


def test_a_connection_type_survives_a_uri(conn_type: str) -> None:
    assert "_" not in conn_type
    assert conn_type == conn_type.lower()


def test_the_hook_class_has_the_documented_names(conn_type: str, facts: Facts) -> None:
    hook = hook_class(conn_type)
    assert issubclass(hook, PaymentsHook)
    assert issubclass(hook, HttpHook)
    assert hook.conn_type == conn_type
    assert hook.conn_name_attr == "payments_conn_id"
    assert hook.default_conn_name == f"{conn_type}_default"
    assert hook.hook_name == declared(conn_type)["hook-name"]
    assert hook.default_host == facts.default_host
    assert hook().payments_conn_id == f"{conn_type}_default"
    assert hook("mine").payments_conn_id == "mine"
    assert hook(payments_conn_id="mine").http_conn_id == "mine"
    assert hook(http_conn_id="mine", method="POST", tcp_keep_alive=False).payments_conn_id == "mine"


def test_211_finds_the_form_in_the_class_itself(conn_type: str) -> None:
    own = hook_class(conn_type).__dict__
    assert "get_ui_field_behaviour" in own
    assert "get_connection_form_widgets" in own


def test_the_behaviour_of_211_says_what_33_reads(conn_type: str) -> None:
    behaviour = hook_class(conn_type).get_ui_field_behaviour()
    told = declared(conn_type)["ui-field-behaviour"]
    hint = told["placeholders"]["password"] + (". Empty keeps a stored one." if IS_AIRFLOW_2 else "")
    assert behaviour == {
        "hidden_fields": told["hidden-fields"],
        "relabeling": told["relabeling"],
        "placeholders": {**told["placeholders"], "password": hint},
    }


def test_airflow_knows_hook_and_form(conn_type: str) -> None:
    manager = ProvidersManager()
    found = RuntimeManager().hooks[conn_type]
    assert found is not None
    assert found.package_name == "airflow-provider-payments"
    assert found.hook_name == declared(conn_type)["hook-name"]
    assert found.connection_id_attribute_name == "payments_conn_id"
    if hasattr(manager, "iter_connection_type_hook_ui_metadata"):  # Airflow 3.2 and later: without importing hooks
        (told,) = (
            each for each in manager.iter_connection_type_hook_ui_metadata() if each.connection_type == conn_type
        )
        assert told.hook_name == declared(conn_type)["hook-name"]
    else:
        assert (
            manager.field_behaviours[conn_type]["relabeling"] == declared(conn_type)["ui-field-behaviour"]["relabeling"]
        )
        known = {name for name in manager.connection_form_widgets if name.startswith(f"extra__{conn_type}__")}
        assert known == {f"extra__{conn_type}__{name}" for name in declared(conn_type)["conn-fields"]}


def test_airflow_lists_the_provider() -> None:
    provider = ProvidersManager().providers["airflow-provider-payments"]
    assert provider.data["name"] == "Payments"


@pytest.mark.parametrize("kind", ["hooks", "operators", "sensors", "triggers"])
def test_every_module_that_is_named_imports(kind: str) -> None:
    for each in INFO.get(kind, ()):
        for module in each["python-modules"]:
            import_module(module)
