"""Topics of `redistopo explain`: one markdown file each, shipped with the templates."""

from redistopo.quick_dataclass import dataclass
from redistopo.render.jinja_templates import shipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic, named after its file; `summary` is the paragraph below the title, `text` the
    whole markdown."""

    name: str
    title: str
    summary: str
    text: str


def list_topics() -> tuple[Topic, ...]:
    """Return all topics, sorted by name."""
    return tuple(
        _topic(path.stem, path.read_text(encoding="utf-8"))
        for path in sorted((shipped() / "explain").glob("*.md"))
    )


def _topic(name: str, text: str) -> Topic:
    title, _, rest = text.partition("\n\n")
    summary = rest.partition("\n\n")[0].replace("\n", " ")
    return Topic(name=name, title=title.removeprefix("# "), summary=summary, text=text)
