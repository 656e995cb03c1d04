"""The socket that a service listens on."""

import socket

from jstasr.errors import JstasrError


def listen(host: str, port: int, scheme: str) -> tuple[socket.socket, str]:
    """A listening socket and the address of the service.

    Raises:
        JstasrError: no such address, or the port is taken.
    """
    if not 0 <= port < 65536:
        raise JstasrError(f"--port {port}: must be 0 to 65535")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(128)
    except OSError as error:
        raise JstasrError(f"cannot listen on {host}, port {port}: {error.strerror}") from error
    name = f"[{host}]" if ":" in host else host
    return listening, f"{scheme}://{name}:{listening.getsockname()[1]}/"
