"""Request guards: pure decisions, from a request's headers, whether to refuse it.

The demo serves the user of this machine. A page from elsewhere, open in the same browser, can
neither read its responses nor change anything: its requests are refused.
"""

import hmac
import re
from collections.abc import Mapping
from ipaddress import ip_address

from redistopo.quick_dataclass import dataclass

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
"""Set on every response: nothing is loaded from elsewhere, and no page can frame or embed it."""

_EVERYWHERE = ("0.0.0.0", "::", "*")  # noqa: S104  compared with, not bound to


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused, and what to do instead."""

    message: str
    hint: str


def loopback(host: str) -> bool:
    """Return whether only this machine can reach a server at that host."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761, section 6.3


def host_of(header: str) -> str:
    """Return the name or address in a Host header, without its port; "" if it is invalid."""
    found = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:\[\]@]+)(:[0-9]*)?", header.lower())
    return found[1] if found else ""


def refuse_host(header: str, served: str) -> Refusal | None:
    """Refuse a foreign name that resolves to this address (DNS rebinding).

    `served` is the host served on. If that is every address, any literal address is accepted:
    only a name can be rebound.
    """
    host = host_of(header)
    if loopback(host) or (host and host.strip("[]") == served.lower().strip("[]")):
        return None
    if served in _EVERYWHERE and _literal(host):
        return None
    return Refusal(
        f"this server isn't {header or 'one without a name'}",
        "use the address that redistopo demo printed",
    )


def _literal(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def refuse_origin(headers: Mapping[str, str]) -> Refusal | None:
    """Refuse changes unless they come from our own page, or from no page at all.

    Browsers name the page in Origin with every request that isn't a plain GET (Fetch
    standard, section 3.2), and its relation in Sec-Fetch-Site.
    """
    own = f"http://{headers.get('Host', '')}".lower()
    origin = headers.get("Origin")
    site = headers.get("Sec-Fetch-Site", "same-origin")
    if (origin is None or origin.lower() == own) and site in ("same-origin", "none"):
        return None
    return Refusal("a page from another origin can't do this", "open the demo's own page")


def refuse_site(headers: Mapping[str, str]) -> Refusal | None:
    """Refuse resources to pages from elsewhere, such as an item as an image, which would fill the
    cache, or the event stream, whose number is limited. A link from elsewhere may open the page:
    then the user sees it. Source: Fetch Metadata Request Headers, W3C.
    """
    site = headers.get("Sec-Fetch-Site", "same-origin")
    document = headers.get("Sec-Fetch-Dest") == "document"
    if site in ("same-origin", "none") or document:
        return None
    return Refusal("a page from another origin can't load this", "open the demo's own page")


def refuse_token(given: str, token: str) -> Refusal | None:
    """Refuse actions on nodes, or on the demo itself, without the token that its page has."""
    if hmac.compare_digest(given.encode(errors="replace"), token.encode()):
        return None
    return Refusal(
        f"the header {TOKEN} is missing, or from before a restart of the demo",
        "reload the page: it has the token",
    )
