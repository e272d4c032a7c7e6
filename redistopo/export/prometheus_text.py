"""Metrics as text, in the format that Prometheus reads."""

from collections.abc import Iterable, Mapping

from redistopo.quick_dataclass import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A metric with its samples: labels and value."""

    name: str
    help: str
    samples: tuple[tuple[Mapping[str, str], float], ...]


def metrics_text(gauges: Iterable[Gauge]) -> str:
    """Render metrics; a gauge without samples is left out."""
    lines = []
    for one in gauges:
        if one.samples:
            lines.append(f"# HELP {one.name} {_help(one.help)}")
            lines.append(f"# TYPE {one.name} gauge")
            lines += [f"{one.name}{_labels(labels)} {value:.17g}" for labels, value in one.samples]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_value(text)}"' for name, text in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _value(text: str) -> str:
    return _help(text).replace('"', '\\"')
