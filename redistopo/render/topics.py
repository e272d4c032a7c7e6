"""What `redistopo explain` has to tell: a markdown file a topic, shipped with the templates."""

from dataclasses import dataclass

from redistopo.render.templates import shipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic by the name of its file; `summary` is the line below its title, `text` all of it,
    as markdown."""

    name: str
    title: str
    summary: str
    text: str


def list_topics() -> tuple[Topic, ...]:
    """All topics, by name."""
    return tuple(
        _topic(path.stem, path.read_text(encoding="utf-8"))
        for path in sorted((shipped() / "explain").glob("*.md"))
    )


def _topic(name: str, text: str) -> Topic:
    title, _, rest = text.partition("\n\n")
    summary = rest.partition("\n\n")[0].replace("\n", " ")
    return Topic(name=name, title=title.removeprefix("# "), summary=summary, text=text)
