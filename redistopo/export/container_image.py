"""The official images of the engines."""

from redistopo.model.protocol.engine import Engine, Product


def image_of(engine: Engine) -> str:
    """Return the image with the engine's version as tag."""
    name = "valkey/valkey" if engine.product is Product.VALKEY else "redis"
    return f"{name}:{engine.version}"


def user_of(engine: Engine) -> str:
    """Return the user and group in the image that its server runs as."""
    return engine.product.value


def programs_of(engine: Engine) -> tuple[str, str]:
    """Return the names of the server and the CLI in the image."""
    stem = engine.product.value
    return f"{stem}-server", f"{stem}-cli"
