"""``python -m airflow_provider_payments.sandbox``: serve until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import datetime, timezone

from airflow_provider_payments.sandbox.server import Sandbox


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    sandbox = Sandbox(
        args.port,
        host=args.host,
        payments=args.payments,
        seed=args.seed,
        newest=args.newest,
        new_every=args.new_every or None,
        settle_seconds=args.settle_seconds or None,
        token_seconds=args.token_seconds,
        cursor_seconds=args.cursor_seconds,
        latency_ms=args.latency_ms,
        fail_every=args.fail_every,
        throttle_every=args.throttle_every,
        root=args.root,
    )
    try:
        sandbox.start()
    except OSError as error:
        print(f"The sandbox cannot listen on {args.host}:{args.port}: {error.strerror or error}", file=sys.stderr)
        return 1
    for name, connection in sandbox.connections().items():
        print(f"export AIRFLOW_CONN_{name.upper()}={shlex.quote(json.dumps(connection))}")
    print(f"Sandbox ready on {sandbox.url}", flush=True)
    stop.wait()
    sandbox.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_payments.sandbox",
        description="A local server that speaks every payment API. Prints the Airflow connections to use.",
    )
    parser.add_argument("--port", type=int, default=8085, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--payments", type=int, default=200, help="payments per API (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same payments (default: %(default)s)")
    parser.add_argument(
        "--newest",
        type=_moment,
        metavar="TIME",
        help="time of the newest payment of each API: 'now', or ISO 8601 with a zone (default: as documented)",
    )
    parser.add_argument(
        "--new-every", type=float, default=0, metavar="SECONDS", help="a new payment of each API every so often"
    )
    parser.add_argument(
        "--settle-seconds",
        type=float,
        default=60,
        help="when pending payments settle, some take up to three times as long; 0 is never (default: %(default)s)",
    )
    parser.add_argument(
        "--token-seconds",
        type=float,
        default=3600,
        help="lifetime of access tokens and session keys (default: %(default)s)",
    )
    parser.add_argument(
        "--cursor-seconds", type=float, default=300, help="lifetime of Square's cursors (default: %(default)s)"
    )
    parser.add_argument("--latency-ms", type=float, default=0, help="wait before each reply (default: %(default)s)")
    parser.add_argument(
        "--fail-every", type=int, default=0, metavar="N", help="answer every n-th request with 503 or 500"
    )
    parser.add_argument(
        "--throttle-every", type=int, default=0, metavar="N", help="refuse every n-th request as too many"
    )
    parser.add_argument(
        "--root", metavar="API", help="serve this API at the root, too, for clients that drop the path of a URL"
    )
    return parser


def _moment(text: str) -> datetime:
    if text == "now":
        return datetime.now(timezone.utc)
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment


if __name__ == "__main__":
    sys.exit(main())
