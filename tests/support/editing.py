"""A user's edits of a project's own files."""

from pathlib import Path

from support.project import Project


def edit(project: Project, old: str, new: str) -> None:
    """The topology file says the new text where it said the old one."""
    path = project.root / "redistopo.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def own_templates(project: Project) -> Path:
    """The project has templates of its own; the folder of those for configuration files."""
    project.run("templates", "export", "mine", check=0)
    edit(project, '# templates = ""', 'templates = "mine"')
    return project.root / "mine" / "conf"
