"""Connection forms for Airflow 2.11, made from the data that Airflow 3.3 reads itself."""

from __future__ import annotations

from typing import Any

from airflow_provider_payments.get_provider_info import get_provider_info


def field_behaviour(conn_type: str) -> dict[str, Any]:
    """Return which standard fields a form hides and how it names the others."""
    behaviour = _connection_type(conn_type)["ui-field-behaviour"]
    return {
        "hidden_fields": list(behaviour["hidden-fields"]),
        "relabeling": dict(behaviour["relabeling"]),
        "placeholders": dict(behaviour["placeholders"]),
    }


def form_widgets(conn_type: str) -> dict[str, Any]:
    """Return a form's extra fields."""
    # Part of the 2.11 web server; images of 3.x do not have them.
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget
    from wtforms import IntegerField, PasswordField, StringField
    from wtforms.validators import Optional

    def widget(field: dict[str, Any]) -> Any:
        schema = field["schema"]
        if schema.get("format") == "password":
            kind, look = PasswordField, BS3PasswordFieldWidget()
        else:
            # Numbers with a fraction stay text: the extra is written as JSON, which has no Decimal.
            kind, look = IntegerField if schema["type"][0] == "integer" else StringField, BS3TextFieldWidget()
        return kind(field["label"], validators=[Optional()], widget=look, description=field["description"])

    return {name: widget(field) for name, field in _connection_type(conn_type)["conn-fields"].items()}


def _connection_type(conn_type: str) -> dict[str, Any]:
    types: list[dict[str, Any]] = get_provider_info()["connection-types"]
    return next(item for item in types if item["connection-type"] == conn_type)
