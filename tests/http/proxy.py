"""A real little proxy for https: it makes tunnels (CONNECT), and remembers everything that it could read."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

from tests.http.server import WAIT


class TunnelProxy:
    """Tunnels every CONNECT to one address, whatever host it asks for.

    :param target: address and port to tunnel to.
    :param status: what it answers; anything but 200 makes no tunnel.
    """

    def __init__(self, target: tuple[str, int], status: str = "200 Connection established") -> None:
        self._target = target
        self._status = status
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        #: The heads of the requests, as they came.
        self.heads: list[str] = []
        #: What came through the tunnels, from the clients.
        self.passed = b""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> TunnelProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.settimeout(WAIT)
                self._sockets.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            data = client.recv(1)
            if not data:
                return
            head += data
        self.heads.append(head.decode())
        client.sendall(f"HTTP/1.1 {self._status}\r\n\r\n".encode())
        if not self._status.startswith("200"):
            client.close()
            return
        server = socket.create_connection(self._target)
        self._sockets.append(server)
        threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()
        self._pump(client, server, True)

    def _pump(self, source: socket.socket, target: Any, is_from_client: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if is_from_client:
                    self.passed += data
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
