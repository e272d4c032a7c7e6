"""The demo's page, and the files that it loads."""

from redistopo.render.templates import plain_file, render_template


def page(token: str, *, own: str = "") -> str:
    """The page, with the token that its buttons need; `own`: see `fill`."""
    return render_template("demo/page.html.j2", {"token": token}, own=own, markup=True)


def asset(name: str, *, own: str = "") -> str | None:
    """A file that the page loads, as it is; None where there is none of that name."""
    return plain_file(f"demo/{name}", own=own)
