"""What this package offers to Airflow: plain data, importing nothing, for Airflow reads it in every process.

The connection forms of Airflow 3.3 are made from ``conn-fields`` and ``ui-field-behaviour``; those of 2.11 from the
same data, by ``hooks/forms_211.py``. What their web pages do with a field limits what a field can be:

- A type with ``null`` is optional; one without has an asterisk, and must be filled in. Standard fields (host, login,
  password) cannot have one: their placeholder says ``Required``.
- A name with a word like ``token``, ``secret`` or ``private_key`` is shown as ``***``, so only secrets have one.
- An object is shown as ``[object Object]`` in a text field, so there are only texts and numbers, and no text is JSON:
  from a URI, Airflow 3.3 would store it as an object.
- A drop-down that may stay empty has no ``None`` in its ``enum``, which would be offered as the word ``null``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_REQUIRED = "Required"


class _Company(NamedTuple):
    """A payment company, and what the form of its connection asks for.

    :param name: its name, which is its connection type in small letters without spaces.
    :param hook: class of its hook, in the module of ``hooks`` with the connection type's name.
    :param docs: where its API is documented.
    :param host: where its API is, unless the connection says another host.
    :param labels: what the form calls ``login`` and ``password``. A login without a label is hidden.
    :param placeholders: what these fields show while they are empty.
    :param fields: further fields, which are stored in ``extra``.
    """

    name: str
    hook: str
    docs: str
    host: str
    labels: dict[str, str]
    placeholders: dict[str, str]
    fields: dict[str, Any]

    @property
    def conn_type(self) -> str:
        return self.name.lower().replace(" ", "")

    @property
    def module(self) -> str:
        return f"airflow_provider_payments.hooks.{self.conn_type}"


def _text(label: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": ["string", "null"], **schema}}


_OPTIONS: dict[str, Any] = {
    "page_size": {
        "label": "Page size",
        "description": "Payments to ask for at once. Empty: as many as the API permits.",
        "schema": {"type": ["integer", "null"], "minimum": 1},
    },
    "max_concurrency": {
        "label": "Max concurrency",
        "description": "Requests that may be under way at once. Empty: 4.",
        "schema": {"type": ["integer", "null"], "minimum": 1},
    },
    "requests_per_second": {
        "label": "Requests per second",
        "description": "Requests are spread evenly, at most this many per second. Empty: no limit.",
        "schema": {"type": ["number", "null"], "minimum": 0},
    },
}

_COMPANIES = (
    _Company(
        "HOT Pay",
        hook="HotPayHook",
        docs="https://hot-labs.gitbook.io/hot-pay",
        host="https://api.hot-labs.org",
        labels={"password": "API token"},
        placeholders={"password": _REQUIRED},
        fields={
            "auth_scheme": _text(
                "Auth scheme",
                "How the token is sent: raw (default), bearer or api-key.",
                enum=["raw", "bearer", "api-key"],
            ),
            "decimals": _text(
                "Token decimals",
                "Decimals of the tokens you accept, by token id: nep141:wrap.near=24, nep141:token.example=6. "
                "Amounts of others stay in smallest units.",
            ),
            **_OPTIONS,
        },
    ),
    _Company(
        "CryptoFuse",
        hook="CryptoFuseHook",
        docs="https://docs.cryptofuse.io",
        host="https://api.cryptofuse.io",
        labels={"login": "Client id", "password": "Client secret"},
        placeholders={"login": _REQUIRED, "password": _REQUIRED},
        fields={
            "scope": _text("Scope", "OAuth 2.0 scope to ask for. Empty: read write."),
            "client_auth": _text(
                "Client auth",
                "How id and secret are sent to the token endpoint: basic (default) or body.",
                enum=["basic", "body"],
            ),
            "auth_path": _text("Token path", "Path of the token endpoint. Empty: /o/token/"),
            **_OPTIONS,
        },
    ),
    _Company(
        "SpacePay",
        hook="SpacePayHook",
        docs="https://docs.spacepay.solutions",
        host="https://api.spacepay.solutions",
        labels={"password": "Secret key"},
        placeholders={"password": _REQUIRED},
        fields={**_OPTIONS},
    ),
    _Company(
        "Satispay",
        hook="SatispayHook",
        docs="https://developers.satispay.com",
        host="https://authservices.satispay.com",
        labels={"login": "KeyId", "password": "RSA private key (PEM)"},
        placeholders={"login": _REQUIRED, "password": "Required, unless there is a private key path"},
        fields={
            "key_path": _text(
                "Private key path", "File with the RSA private key on the workers, instead of pasting it."
            ),
            "private_key_passphrase": _text(
                "Private key passphrase", "For an encrypted private key.", format="password"
            ),
            **_OPTIONS,
        },
    ),
    _Company(
        "JFramework",
        hook="JFrameworkHook",
        docs="https://developers.jframework.io",
        host="https://protocol.jframework.io",
        labels={"login": "User name (optional)", "password": "Auth-Key, or the user's password"},
        placeholders={"password": _REQUIRED},
        fields={
            "brand_url": {
                "label": "Brand URL",
                "description": "Sent as the Brand-URL header, as you write it here.",
                "schema": {"type": "string", "minLength": 1, "section": "Required fields"},
            },
            "first_page": {
                "label": "First page",
                "description": "Number of the first page. Empty: 0.",
                "schema": {"type": ["integer", "null"], "minimum": 0},
            },
            **_OPTIONS,
        },
    ),
    _Company(
        "Stripe",
        hook="StripeHook",
        docs="https://docs.stripe.com/api",
        host="https://api.stripe.com",
        labels={"password": "API key"},
        placeholders={"password": "Required: a restricted key (rk_) or a secret one (sk_)"},
        fields={
            "resource": _text(
                "Resource",
                "What counts as a payment: payment_intents (default), or charges, each an attempt to pay.",
                enum=["payment_intents", "charges"],
            ),
            "stripe_account": _text(
                "Stripe account", "Id of a connected account to read with the platform's key: acct_…"
            ),
            "api_version": _text("API version", "Empty: the one that this package was made for."),
            "order_key": _text("Order key", "Key of your own order id in the metadata. Empty: order_id."),
            **_OPTIONS,
        },
    ),
    _Company(
        "GoCardless",
        hook="GoCardlessHook",
        docs="https://developer.gocardless.com/api-reference",
        host="https://api.gocardless.com",
        labels={"password": "Access token"},
        placeholders={"password": _REQUIRED},
        fields={
            "order_key": _text("Order key", "Key of a payment's metadata that has your order's id. Empty: order_id."),
            **_OPTIONS,
        },
    ),
    _Company(
        "Mollie",
        hook="MollieHook",
        docs="https://docs.mollie.com",
        host="https://api.mollie.com",
        labels={"password": "API key or access token"},
        placeholders={"password": _REQUIRED},
        fields={
            "profile_id": _text(
                "Profile id",
                "The website whose payments to list, pfl_…: required with an access token (access_…). Empty "
                "with an API key, which is of one website.",
            ),
            "testmode": _text(
                "Test mode",
                "With an access token: true lists test payments. Empty: live ones. Empty with an API key.",
                enum=["true", "false"],
            ),
            "order_key": _text("Order key", "Key of the payments' metadata with your own order id. Empty: order_id."),
            **_OPTIONS,
        },
    ),
    _Company(
        "Razorpay",
        hook="RazorpayHook",
        docs="https://razorpay.com/docs/api/",
        host="https://api.razorpay.com",
        labels={"login": "Key id", "password": "Key secret"},
        placeholders={"login": "Required, like rzp_live_…", "password": _REQUIRED},
        fields={
            "account_id": _text("Account id", "Partners only: the merchant's account, like acc_…"),
            "order_key": _text("Order key", "Key of the notes that has your own order id. Empty: Razorpay's order_id."),
            **_OPTIONS,
        },
    ),
    _Company(
        "Square",
        hook="SquareHook",
        docs="https://developer.squareup.com/reference/square/payments-api",
        host="https://connect.squareup.com",
        labels={"password": "Access token"},
        placeholders={"password": _REQUIRED},
        fields={
            "location_ids": _text(
                "Location ids",
                "Locations to read, with commas in between. Empty: all of them, which are asked for with the "
                "permission MERCHANT_PROFILE_READ.",
            ),
            "api_version": _text("API version", "Empty: the one that this package was made for."),
            **_OPTIONS,
        },
    ),
    _Company(
        "PayPal",
        hook="PayPalHook",
        docs="https://developer.paypal.com/docs/api/transaction-search/v1/",
        host="https://api-m.paypal.com",
        labels={"login": "Client id", "password": "Client secret"},
        placeholders={"login": _REQUIRED, "password": _REQUIRED},
        fields={
            **_OPTIONS,
            "requests_per_second": {
                **_OPTIONS["requests_per_second"],
                "description": "At most this many. Empty: 0.5, one every two seconds. 0: no limit.",
            },
        },
    ),
)


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, as ``airflow/provider_info.schema.json`` asks for it."""
    return {
        "package-name": "airflow-provider-payments",
        "name": "Payments",
        "description": f"Lists the payments of {', '.join(each.name for each in _COMPANIES)} in one schema.",
        "integrations": [
            {"integration-name": each.name, "external-doc-url": each.docs, "tags": ["service"]} for each in _COMPANIES
        ],
        "hooks": [{"integration-name": each.name, "python-modules": [each.module]} for each in _COMPANIES],
        "operators": [
            {
                "integration-name": "Payments",
                "python-modules": [
                    "airflow_provider_payments.operators.list_payments",
                    "airflow_provider_payments.operators.get_payments",
                ],
            }
        ],
        "sensors": [{"integration-name": "Payments", "python-modules": ["airflow_provider_payments.sensors.payments"]}],
        "triggers": [
            {"integration-name": "Payments", "python-modules": ["airflow_provider_payments.triggers.payments"]}
        ],
        "connection-types": [_connection_type(each) for each in _COMPANIES],
    }


def _connection_type(company: _Company) -> dict[str, Any]:
    return {
        "connection-type": company.conn_type,
        "hook-name": company.name,
        "hook-class-name": f"{company.module}.{company.hook}",
        "ui-field-behaviour": {
            "hidden-fields": [*([] if "login" in company.labels else ["login"]), "port", "schema"],
            "relabeling": dict(company.labels),
            "placeholders": {"host": company.host, **company.placeholders},
        },
        "conn-fields": dict(company.fields),
    }
