"""TLS, client certificates and proxies for https: both clients, against real servers."""

from __future__ import annotations

import base64
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from ssl import CERT_REQUIRED

import pytest

from airflow_provider_payments.exceptions import PaymentsConfigError, PaymentsUnavailable
from airflow_provider_payments.http.messages import Request
from airflow_provider_payments.http.options import TransportOptions
from airflow_provider_payments.http.retry import RetryPolicy
from airflow_provider_payments.http.sync_session import open_session, settings_for
from tests.http.certificates import Authority
from tests.http.conftest import SECRET, Drive, Pages, Talk
from tests.http.proxy import TunnelProxy
from tests.http.server import Answer, Server


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> tuple[str, str]:
    return authority.issue("server")


@pytest.fixture
def server(authority: Authority, certificate: tuple[str, str]) -> Iterator[Server]:
    with Server(authority.context(certificate)) as running:
        yield running


@pytest.fixture
def closed_server(authority: Authority, certificate: tuple[str, str]) -> Iterator[Server]:
    """It asks clients for a certificate."""
    with Server(authority.context(certificate, asks_clients=True)) as running:
        yield running


def get(server: Server) -> Request:
    return Request("GET", f"{server.origin}/payments")


# Whom we trust.


@pytest.mark.parametrize("has_proxy", [False, True])
def test_the_authorities_are_read_once_for_all_connections(
    server: Server, authority: Authority, has_proxy: bool
) -> None:
    with tunnel(server) as proxy:
        proxies = {"https": f"http://{proxy.address}"} if has_proxy else {}
        with open_session(TransportOptions(verify=authority.file, proxies=proxies)) as session:
            settings = {**settings_for(session, server.origin), "stream": True}
            replies = [session.get(f"{server.origin}/payments", **settings) for _ in range(3)]
            contexts = {reply.raw.connection.sock.context for reply in replies}
            for reply in replies:
                reply.close()
    assert (len(contexts), server.connections, len(proxy.heads)) == (1, 3, 3 * has_proxy)
    (context,) = contexts
    assert context.verify_mode is CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1


def test_the_file_of_authorities_is_looked_for_once(server: Server, authority: Authority, tmp_path: Path) -> None:
    """Also when sockets were closed meanwhile."""
    file = tmp_path / "authorities.pem"
    shutil.copy(authority.file, file)
    with open_session(TransportOptions(verify=str(file))) as session:
        assert session.get(f"{server.origin}/1").ok
        file.unlink()
        assert session.get(f"{server.origin}/2").ok
        shutil.copy(authority.file, file)
        session.close()
        assert session.get(f"{server.origin}/3").ok
    assert server.connections == 2


def test_an_unknown_certificate_is_refused(drive: Drive, server: Server, talk: Talk) -> None:
    with pytest.raises(PaymentsConfigError, match=r"TLS certificate could not be verified.*'verify'"):
        drive.send(talk(), get(server))
    assert (server.calls, drive.requests) == ([], 1)


def test_the_connections_authorities(drive: Drive, server: Server, talk: Talk, authority: Authority) -> None:
    drive.send(talk(verify=authority.file), get(server))
    assert server.targets == ["/payments"]


def test_a_folder_of_authorities(
    drive: Drive, server: Server, talk: Talk, authority: Authority, tmp_path: Path
) -> None:
    """As ``c_rehash`` makes it: a file for each, by the hash of its name."""
    from ssl import create_default_context

    name_hash = _subject_hash(authority.file)
    shutil.copy(authority.file, tmp_path / f"{name_hash}.0")
    assert create_default_context(capath=str(tmp_path))
    drive.send(talk(verify=str(tmp_path)), get(server))
    assert server.targets == ["/payments"]


def _subject_hash(file: str) -> str:
    import subprocess

    if not shutil.which("openssl"):
        pytest.skip("no openssl")
    done = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", file], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_certificate_for_another_host_is_refused(drive: Drive, talk: Talk, authority: Authority) -> None:
    with Server(authority.context(authority.issue("other", valid_for="127.0.0.2"))) as server:
        with pytest.raises(
            PaymentsConfigError, match=r"could not be verified \(.*not valid for.*check the connection's"
        ):
            drive.send(talk(verify=authority.file), get(server))
        assert server.calls == []


def test_verification_can_be_switched_off(drive: Drive, server: Server, talk: Talk) -> None:
    drive.send(talk(verify=False), get(server))
    assert server.targets == ["/payments"]


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environments_authorities(
    drive: Drive, server: Server, talk: Talk, authority: Authority, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, authority.file)
    drive.send(talk(), get(server))
    with pytest.raises(PaymentsConfigError, match="could not be verified"):
        drive.send(talk(trust_env=False), get(server))
    assert server.targets == ["/payments"]


@pytest.mark.parametrize("trust_env", [True, False])
def test_the_connections_authorities_come_before_the_environments(
    drive: Drive,
    server: Server,
    talk: Talk,
    authority: Authority,
    trust_env: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = Authority(tmp_path, "other")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", other.file)
    drive.send(talk(verify=authority.file, trust_env=trust_env), get(server))
    drive.send(talk(verify=False, trust_env=trust_env), get(server))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority.file)
    with pytest.raises(PaymentsConfigError, match="could not be verified"):
        drive.send(talk(verify=other.file, trust_env=trust_env), get(server))
    assert len(server.calls) == 2


def test_authorities_that_are_renewed_in_place(
    drive: Drive, server: Server, talk: Talk, authority: Authority, tmp_path: Path
) -> None:
    """A triggerer lives for months, and certificates do not."""
    file = tmp_path / "current.pem"
    shutil.copy(Authority(tmp_path, "former").file, file)
    with pytest.raises(PaymentsConfigError, match="could not be verified"):
        drive.send(talk(verify=str(file)), get(server))
    shutil.copy(authority.file, file)
    drive.send(talk(verify=str(file)), get(server))
    assert server.targets == ["/payments"]


@pytest.mark.parametrize("times", [1, 250])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunks"])
def test_what_follows_a_reply_is_not_taken_for_the_next_one(
    drive: Drive, server: Server, talk: Talk, authority: Authority, is_chunked: bool, times: int
) -> None:
    """It has been decrypted together with the reply, and then the socket does not tell that there is more."""
    more = times * b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    server.answer = lambda call: Answer(body=call.target.encode(), behind=more, is_chunked=is_chunked)
    paths = [f"/{number}" for number in range(4)]
    config = talk(verify=authority.file, max_concurrency=1)
    assert drive.fetch_pages(config, Pages(server.origin, paths)) == paths
    assert talk.logged == []


def test_a_plain_server_behind_https(drive: Drive, talk: Talk) -> None:
    with Server() as plain, pytest.raises(PaymentsUnavailable, match="SSL"):
        drive.send(talk(), Request("GET", f"https://127.0.0.1:{plain.port}/"))
    assert len(talk.logged) == 4


# Who we are.


@pytest.mark.parametrize("form", ["two files", "one file"])
def test_a_client_certificate(
    drive: Drive, closed_server: Server, talk: Talk, authority: Authority, form: str, tmp_path: Path
) -> None:
    cert: tuple[str, str] | str = authority.issue("client")
    if form == "one file":
        both = tmp_path / "both.pem"
        both.write_text("".join(Path(each).read_text() for each in cert))
        cert = str(both)
    drive.send(talk(verify=authority.file, cert=cert), get(closed_server))
    assert closed_server.targets == ["/payments"]


def test_without_a_client_certificate(drive: Drive, closed_server: Server, talk: Talk, authority: Authority) -> None:
    with pytest.raises(PaymentsUnavailable):
        drive.send(talk(verify=authority.file), get(closed_server))
    assert closed_server.calls == []


# Files that are wrong: an error that says so, at once, and no question on the terminal.


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("verify", lambda authority, empty: empty),
        ("verify", lambda authority, empty: authority.issue("x")[1]),
        ("cert", lambda authority, empty: empty),
        ("cert", lambda authority, empty: authority.file),
        ("cert", lambda authority, empty: (authority.issue("x")[0], authority.issue("y")[1])),
        ("cert", lambda authority, empty: authority.issue("x", password=b"s3cret-passphrase")),
    ],
    ids=["no authorities", "a key", "no certificate", "no key", "another key", "encrypted key"],
)
def test_wrong_files(
    drive: Drive,
    server: Server,
    talk: Talk,
    authority: Authority,
    key: str,
    make: Callable[[Authority, str], object],
    tmp_path: Path,
) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    options = {"verify": authority.file, key: make(authority, str(empty))}
    with pytest.raises(PaymentsConfigError, match=f"'{key}' in the connection's extra.*must name a file"):
        drive.send(talk(**options), get(server))
    assert (server.calls, talk.logged) == ([], [])


# Proxies.

PROXY_PASSWORD = "pr0xy/p@ss"


@contextmanager
def tunnel(server: Server, status: str = "200 OK") -> Iterator[TunnelProxy]:
    with TunnelProxy(("127.0.0.1", server.port), status) as proxy:
        yield proxy


@pytest.mark.parametrize("form", ["https", "all", "https://127.0.0.1"])
def test_a_proxy_makes_a_tunnel_and_sees_nothing(
    drive: Drive, server: Server, talk: Talk, authority: Authority, form: str
) -> None:
    with tunnel(server) as proxy:
        url = f"http://someone:pr0xy%2Fp%40ss@{proxy.address}"
        drive.send(talk(verify=authority.file, proxies={form: url}), get(server))
    (call,), (head,) = server.calls, proxy.heads
    assert call.header("X-Key") == SECRET
    assert call.header("Proxy-Authorization") is None
    assert head.startswith(f"CONNECT 127.0.0.1:{server.port} HTTP/1.")
    basic = base64.b64encode(f"someone:{PROXY_PASSWORD}".encode()).decode()
    assert f"Proxy-Authorization: Basic {basic}" in head
    assert "x-key" not in head.lower()
    assert SECRET not in head
    assert SECRET.encode() not in proxy.passed
    assert len(proxy.passed) > 200


@pytest.mark.parametrize("own", ["https", "all", "https://127.0.0.1"])
@pytest.mark.parametrize(("variable", "no_proxy"), [("https_proxy", ""), ("all_proxy", ""), ("all_proxy", "127.0.0.1")])
def test_the_connections_proxy_comes_before_the_environments(
    drive: Drive,
    server: Server,
    talk: Talk,
    authority: Authority,
    own: str,
    variable: str,
    no_proxy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tunnel(server) as proxy, tunnel(server) as other:
        monkeypatch.setenv(variable, f"http://{other.address}")
        monkeypatch.setenv("no_proxy", no_proxy)  # it does not count either
        drive.send(talk(verify=authority.file, proxies={own: f"http://{proxy.address}"}), get(server))
    assert (len(proxy.heads), other.heads) == (1, [])


@pytest.mark.parametrize(
    ("environment", "trust_env", "tunnels"),
    [
        ({"https_proxy": "http://{proxy}"}, True, 1),
        ({"https_proxy": "{proxy}"}, True, 1),
        ({"all_proxy": "http://{proxy}"}, True, 1),
        ({"https_proxy": "http://{proxy}"}, False, 0),
        ({"http_proxy": "http://{proxy}"}, True, 0),
        ({"https_proxy": "http://{proxy}", "no_proxy": "127.0.0.1"}, True, 0),
        ({"https_proxy": "http://{proxy}", "no_proxy": "127.0.0.1:{port}"}, True, 0),
        ({"https_proxy": "http://{proxy}", "no_proxy": "127.0.0.1:1"}, True, 1),
    ],
)
def test_the_environments_proxy_is_the_same_to_both_drivers(
    drive: Drive,
    server: Server,
    talk: Talk,
    authority: Authority,
    environment: dict[str, str],
    trust_env: bool,
    tunnels: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tunnel(server) as proxy:
        for name, value in environment.items():
            monkeypatch.setenv(name, value.format(proxy=proxy.address, port=server.port))
        drive.send(talk(verify=authority.file, trust_env=trust_env), get(server))
    assert (len(proxy.heads), len(server.calls)) == (tunnels, 1)


def test_a_tunnel_does_not_spare_the_verification(drive: Drive, server: Server, talk: Talk) -> None:
    with tunnel(server) as proxy, pytest.raises(PaymentsConfigError, match="could not be verified"):
        drive.send(talk(proxies={"https": f"http://{proxy.address}"}), get(server))
    assert (len(proxy.heads), server.calls) == (1, [])


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "403 Blocked by policy", "502 No route"])
def test_a_proxy_that_refuses(drive: Drive, server: Server, talk: Talk, status: str) -> None:
    with tunnel(server, status) as proxy:
        url = f"http://someone:pr0xy%2Fp%40ss@{proxy.address}"
        said = rf"The proxy http://{proxy.address} lets no request through \(HTTP {status[:3]}\)"
        with pytest.raises(PaymentsUnavailable, match=said) as caught:
            drive.send(talk(proxies={"https": url}), get(server))
    assert server.calls == []
    assert "someone" not in f"{caught.value}{talk.logged}"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "http://"])
def test_a_proxy_of_the_environment_that_cannot_be_used(
    drive: Drive, server: Server, talk: Talk, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(PaymentsConfigError, match=r"environment.*HTTP proxy"):
        drive.send(talk(), get(server))
    assert server.calls == []


# Where nothing answers as it should, the error says what to look at.


@pytest.fixture
def unheard() -> Iterator[int]:
    """A port that is taken, and at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_server_without_tls(drive: Drive, talk: Talk) -> None:
    retry = RetryPolicy(max_attempts=1)
    with Server() as plain, pytest.raises(PaymentsUnavailable, match=r"speaks no TLS.*http://"):
        drive.send(talk(retry=retry), Request("GET", f"https://127.0.0.1:{plain.port}/payments"))


def test_a_port_where_nobody_listens(drive: Drive, talk: Talk, unheard: int) -> None:
    retry = RetryPolicy(max_attempts=1)
    with pytest.raises(PaymentsUnavailable, match="Nothing listens there: check host and port"):
        drive.send(talk(retry=retry), Request("GET", f"http://127.0.0.1:{unheard}/payments"))


def test_a_name_that_is_not_known(drive: Drive, talk: Talk) -> None:
    retry = RetryPolicy(max_attempts=1)
    with pytest.raises(PaymentsUnavailable, match="Check the connection's host, then the network"):
        drive.send(talk(retry=retry, trust_env=False), Request("GET", "https://no-such-host.invalid/payments"))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there(drive: Drive, talk: Talk, unheard: int, scheme: str) -> None:
    proxies = {scheme: f"http://me:s3cret@127.0.0.1:{unheard}"}
    said = f"The proxy http://127.0.0.1:{unheard} cannot be used: see 'proxies'"
    with pytest.raises(PaymentsUnavailable, match=said) as caught:
        drive.send(
            talk(retry=RetryPolicy(max_attempts=1), proxies=proxies), Request("GET", f"{scheme}://api.example/x")
        )
    assert "s3cret" not in str(caught.value)
