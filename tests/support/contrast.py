"""The contrast of the demo page's colours, as WCAG 2.2 defines it."""

from playwright.sync_api import Page

_COLORS = """() => {
  const style = getComputedStyle(document.body);
  const probe = document.createElement("i");
  document.body.append(probe);
  const color = (name) => {
    probe.style.color = style.getPropertyValue(name);
    return getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map(Number);
  };
  const pairs = ["--surface", "--raised", "--ground"].flatMap((ground) =>
    ["--ink", "--faint", "--cache", "--database", "--bad", "--good", "--changed"].map((ink) =>
      [color(ink), color(ground)]));
  const washes = [["--bad", "--bad-wash"], ["--faint", "--bad-wash"], ["--good", "--bad-wash"],
    ["--on-cache", "--cache"]].map((pair) => pair.map(color));
  const found = [color("--ground"), ...pairs, ...washes];
  probe.remove();
  return found;
}"""


def lightness(page: Page) -> float:
    """The relative luminance of the page's background."""
    return _light(page.evaluate(_COLORS)[0])


def least_contrast(page: Page) -> float:
    """The least contrast of a text colour with what it is shown on."""
    return min(_contrast(*pair) for pair in page.evaluate(_COLORS)[1:])


def _light(rgb: list[float]) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _unit(rgb)]
    return sum(share * c for share, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _unit(rgb: list[float]) -> list[float]:
    return [c / 255 for c in rgb]


def _contrast(one: list[float], other: list[float]) -> float:
    dark, light = sorted((_light(one), _light(other)))
    return (light + 0.05) / (dark + 0.05)
