"""The demo's page and its static files."""

from redistopo.render.jinja_templates import plain_file, render_template


def page(token: str, *, own: str = "") -> str:
    """Render the page with the token that its buttons need; `own`: see `render_template`."""
    return render_template("demo/page.html.j2", {"token": token}, own=own, markup=True)


def asset(name: str, *, own: str = "") -> str | None:
    """Return a static file of the page, or None if there is none with that name."""
    return plain_file(f"demo/{name}", own=own)
