"""Who may ask for what: pure decisions over a request's headers.

The demo is for whoever sits at this machine. A page from elsewhere, open in the same browser,
can neither read its answers nor change anything: what it requests is refused.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

TOKEN = "X-Redistopo-Token"  # noqa: S105  a header's name

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer: nothing is loaded from elsewhere, and nobody frames or embeds it."""

_EVERYWHERE = ("0.0.0.0", "::", "*")  # noqa: S104  compared with, not bound to


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request isn't done, and what to do instead."""

    message: str
    hint: str


def loopback(host: str) -> bool:
    """Whether nobody but this machine reaches a server at that host."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761, section 6.3


def host_of(header: str) -> str:
    """The name or address in a Host header, without its port; "" where it is none."""
    found = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:\[\]@]+)(:[0-9]*)?", header.lower())
    return found[1] if found else ""


def refuse_host(header: str, served: str) -> Refusal | None:
    """A name of somebody else's that leads to this address (DNS rebinding) is refused.

    `served` is the host that is listened on. Where that is every address, any literal address
    is ours: only a name can be bound anew.
    """
    host = host_of(header)
    if loopback(host) or (host and host.strip("[]") == served.lower().strip("[]")):
        return None
    if served in _EVERYWHERE and _literal(host):
        return None
    return Refusal(
        f"this isn't {header or 'a server without a name'}",
        "use the address that redistopo demo printed",
    )


def _literal(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def refuse_origin(headers: Mapping[str, str]) -> Refusal | None:
    """What changes something comes from our own page, or from no page at all.

    Browsers name the page in Origin with every request that isn't a plain GET (Fetch
    standard, section 3.2), and say in Sec-Fetch-Site how near it is.
    """
    own = f"http://{headers.get('Host', '')}".lower()
    origin = headers.get("Origin")
    site = headers.get("Sec-Fetch-Site", "same-origin")
    if (origin is None or origin.lower() == own) and site in ("same-origin", "none"):
        return None
    return Refusal("a page from another origin can't do this", "open the demo's own page")


def refuse_site(headers: Mapping[str, str]) -> Refusal | None:
    """A page from elsewhere loads nothing of ours, such as an item as a picture, which would
    fill the cache, or the events, of which there are so many and no more. A link may lead here:
    then the user sees it. Source: Fetch Metadata Request Headers, W3C.
    """
    site = headers.get("Sec-Fetch-Site", "same-origin")
    document = headers.get("Sec-Fetch-Dest") == "document"
    if site in ("same-origin", "none") or document:
        return None
    return Refusal("a page from another origin can't load this", "open the demo's own page")


def refuse_token(given: str, token: str) -> Refusal | None:
    """What breaks or changes the demo itself needs the token that its page bears."""
    if hmac.compare_digest(given.encode(errors="replace"), token.encode()):
        return None
    return Refusal(
        f"the header {TOKEN} is missing, or from before the demo was started anew",
        "load the page again; it bears the token",
    )
