"""Where a model server is: `http://127.0.0.1:8080/v1#name`. Only on this machine, unless the reader allows it."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from engine.reasoning.faults import ModelError

SCHEMES = ("http://", "https://")
EXAMPLE = "http://127.0.0.1:8080/v1#model-name"


@dataclass(frozen=True)
class Server:
    """An OpenAI-compatible server and one of its models ("" = the only one that it offers)."""

    scheme: str
    host: str
    port: int
    path: str  # without a slash at its end, such as "/v1"
    model: str

    @property
    def place(self) -> str:
        """host:port, as messages name it and settings remember it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def local(self) -> bool:
        """Whether it is named so that it can only be this machine; asks no name server."""
        return self.host == "localhost" or _is_loopback(self.host)

    def addresses(self, *, away: bool) -> tuple[str, ...]:
        """The IP addresses to connect to: exactly these, so that a name cannot lead elsewhere meanwhile.

        ModelError for a name that is unknown, and unless `away` for every one that is not this machine.
        """
        if not self.local and not away:
            raise ModelError(
                f"{self.place} is not this machine, and pictures of the patient would go there; "
                "allow that server on the model page, or give a loopback address such as " + EXAMPLE + "."
            )
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise ModelError(f"The server's name {self.host} is not known here; check the address.") from error
        addresses = tuple(dict.fromkeys(str(each[4][0]) for each in found))
        if not away and not all(_is_loopback(each) for each in addresses):
            raise ModelError(f"{self.host} leads off this machine here; give 127.0.0.1 instead.")
        return addresses


def is_server(model: str) -> bool:
    """Whether a model's name means a server."""
    return model.startswith(SCHEMES)


def parse(model: str) -> Server:
    """A server's address taken apart; ModelError says what is wrong with it."""
    try:
        parts = urlsplit(model)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise ModelError(f"The server address {model} cannot be read; write it as {EXAMPLE}.") from error
    if not host or parts.query or any(ord(each) <= 32 for each in model.partition("#")[0]):
        raise ModelError(f"The server address {model} cannot be read; write it as {EXAMPLE}.")
    if parts.username is not None or parts.password is not None:
        raise ModelError("A server address must hold no name or password; write it as " + EXAMPLE + ".")
    return Server(parts.scheme, host, port, parts.path.rstrip("/") or "/v1", unquote(parts.fragment))


def _is_loopback(host: str) -> bool:
    """127.0.0.0/8 and ::1, and the former written as IPv6."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
