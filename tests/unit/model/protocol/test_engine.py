"""Engines: what banners say, what requests mean, and which version knows what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.protocol.engine import (
    Engine,
    EngineRequest,
    Product,
    Version,
    parse_banner,
    parse_request,
)

REDIS, VALKEY = Product.REDIS, Product.VALKEY

# What the five servers print for --version.
BANNERS = [
    (
        "Redis server v=6.2.14 sha=40305114:0 malloc=libc bits=64 build=dff95a8e7a99d269",
        REDIS,
        (6, 2, 14),
    ),
    (
        "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0",
        REDIS,
        (7, 0, 15),
    ),
    (
        "Redis server v=8.2.3 sha=b5d43ceb:0 malloc=jemalloc-5.3.0 bits=64 build=a4a1616166d42ee6",
        REDIS,
        (8, 2, 3),
    ),
    (
        "Valkey server v=8.1.8 sha=00000000:1 malloc=libc bits=64 build=7eb4ebc9d7e91f4e",
        VALKEY,
        (8, 1, 8),
    ),
    (
        "Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64 build=1536df31c0395150",
        VALKEY,
        (9, 1, 2),
    ),
]

NO_BANNERS = [
    "",
    "redis-cli 7.0.15",
    "redis-check-rdb",
    "Redis server v=seven",
    "Redis server v=7.0",
    "KeyDB server v=6.3.4 sha=00000000:0",
    "postgres (PostgreSQL) 16.2",
]

# text, product, numbers, path
REQUESTS = [
    ("auto", None, (), ""),
    ("AUTO", None, (), ""),
    ("  auto ", None, (), ""),
    ("7", None, (7,), ""),
    ("7.2", None, (7, 2), ""),
    ("v7.2", None, (7, 2), ""),
    ("7.2.4", None, (7, 2, 4), ""),
    ("redis", REDIS, (), ""),
    ("Valkey", VALKEY, (), ""),
    ("valkey 9", VALKEY, (9,), ""),
    ("valkey9", VALKEY, (9,), ""),
    ("valkey-v9.1", VALKEY, (9, 1), ""),
    ("redis-7.0.15", REDIS, (7, 0, 15), ""),
    ("/usr/bin/redis-server", None, (), "/usr/bin/redis-server"),
    ("./valkey-server", None, (), "./valkey-server"),
    ("~/redis 7/redis-server", None, (), "~/redis 7/redis-server"),
]

NO_REQUESTS = [
    "",
    " ",
    "latest",
    "redis-server",
    "7.2.4.1",
    "7.",
    "redis 7.x",
    "keydb",
    "-7",
    "7,2",
]

# request, product, version, accepted
ACCEPTED = [
    ("auto", REDIS, (6, 2, 14), True),
    ("auto", VALKEY, (9, 1, 2), True),
    ("7", REDIS, (7, 2, 4), True),
    ("7", VALKEY, (7, 2, 4), True),
    ("7", REDIS, (6, 2, 14), False),
    ("7.2", REDIS, (7, 0, 15), False),
    ("7.2", REDIS, (7, 2, 0), True),
    ("7.0.15", REDIS, (7, 0, 15), True),
    ("7.0.1", REDIS, (7, 0, 15), False),
    ("redis", VALKEY, (8, 1, 8), False),
    ("valkey", VALKEY, (8, 1, 8), True),
    ("valkey 9", VALKEY, (8, 1, 8), False),
    ("redis 8", VALKEY, (8, 1, 8), False),
]

# engine, directive, known
KNOWN = [
    (REDIS, (6, 2, 14), "cluster-port", False),
    (REDIS, (7, 0, 0), "cluster-port", True),
    (VALKEY, (7, 2, 0), "cluster-port", True),
    (REDIS, (6, 2, 14), "shutdown-timeout", False),
    (REDIS, (8, 2, 3), "shutdown-timeout", True),
    (REDIS, (6, 2, 14), "maxmemory", True),
]

SUPPORTED = [
    (REDIS, (6, 0, 20), False),
    (REDIS, (6, 2, 0), True),
    (REDIS, (8, 2, 3), True),
    (VALKEY, (7, 0, 0), False),
    (VALKEY, (7, 2, 0), True),
]


def _engine(product: Product, numbers: tuple[int, ...]) -> Engine:
    return Engine(product=product, version=Version(*numbers))


@pytest.mark.parametrize(("text", "product", "numbers"), BANNERS)
def test_the_banner_names_product_and_version(
    text: str, product: Product, numbers: tuple[int, ...]
) -> None:
    assert parse_banner(text) == (product, Version(*numbers))


@pytest.mark.parametrize("text", NO_BANNERS)
def test_other_programs_banners_are_none_of_ours(text: str) -> None:
    assert parse_banner(text) is None


@given(st.text())
def test_any_output_is_a_banner_or_none(text: str) -> None:
    assert parse_banner(text) is None or "server v=" in text.lower()


@pytest.mark.parametrize(("text", "product", "numbers", "path"), REQUESTS)
def test_a_request_names_a_path_or_a_product_and_version(
    text: str, product: Product | None, numbers: tuple[int, ...], path: str
) -> None:
    assert parse_request(text) == EngineRequest(
        text=text.strip(), path=path, product=product, numbers=numbers
    )


@pytest.mark.parametrize("text", NO_REQUESTS)
def test_a_request_that_means_nothing_is_none(text: str) -> None:
    assert parse_request(text) is None


@given(st.text())
def test_any_request_is_read_or_refused(text: str) -> None:
    found = parse_request(text)
    assert found is None or found.text == text.strip()


@pytest.mark.parametrize(("text", "product", "numbers", "accepted"), ACCEPTED)
def test_a_request_accepts_the_engines_it_names(
    text: str, product: Product, numbers: tuple[int, ...], accepted: bool
) -> None:
    request = parse_request(text)
    assert request is not None
    assert request.accepts(product, Version(*numbers)) is accepted


@pytest.mark.parametrize(
    ("text", "title"),
    [("auto", "Redis 7.2.0"), ("valkey 9", "Valkey 9.0.0"), ("6.2.14", "Redis 6.2.14")],
)
def test_without_a_server_the_one_asked_for_is_assumed(text: str, title: str) -> None:
    request = parse_request(text)
    assert request is not None
    assert request.assumed.title == title


@pytest.mark.parametrize("text", ["auto", "redis", "valkey", "valkey 9", "7.2", "6", "valkey 7"])
def test_an_assumed_engine_is_a_supported_one(text: str) -> None:
    request = parse_request(text)
    assert request is not None
    assert request.assumed.supported


@pytest.mark.parametrize(("product", "numbers", "directive", "known"), KNOWN)
def test_an_engine_knows_the_directives_of_its_version(
    product: Product, numbers: tuple[int, ...], directive: str, known: bool
) -> None:
    assert _engine(product, numbers).knows(directive) is known


@pytest.mark.parametrize(("product", "numbers", "supported"), SUPPORTED)
def test_only_engines_that_are_new_enough_are_supported(
    product: Product, numbers: tuple[int, ...], supported: bool
) -> None:
    assert _engine(product, numbers).supported is supported


@pytest.mark.parametrize(
    ("product", "numbers", "keeps"),
    [(REDIS, (7, 0, 15), False), (REDIS, (7, 2, 0), True), (VALKEY, (7, 2, 0), True)],
)
def test_shard_ids_are_kept_since_redis_7_2(
    product: Product, numbers: tuple[int, ...], keeps: bool
) -> None:
    assert _engine(product, numbers).keeps_shard_ids is keeps


@pytest.mark.parametrize(
    ("product", "numbers", "late"),
    [(REDIS, (8, 2, 3), False), (VALKEY, (8, 1, 8), False), (VALKEY, (9, 0, 0), True)],
)
def test_a_first_sync_is_collected_late_since_valkey_9(
    product: Product, numbers: tuple[int, ...], late: bool
) -> None:
    assert _engine(product, numbers).collects_first_sync_late is late
