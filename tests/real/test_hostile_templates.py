"""Templates from another person: what they render is judged before a server starts."""

import pytest
from support.editing import own_templates
from support.engines import BUNDLED
from support.project import Project

SECURITY = {
    "another user only": ("user bob on >secret ~* +@all", "no password for the user default"),
    "a default user without a password": (
        'requirepass "{{ password }}"\nuser default on nopass ~* &* +@all',
        "no password for the user default",
    ),
    "a log elsewhere": (
        'requirepass "{{ password }}"\nlogfile "{{ folder }}/../elsewhere"',
        "redistopo sets it to",
    ),
    "the password in the process list": (
        'requirepass "{{ password }}"\nproc-title-template "{title} {{ password }}"',
        "its value contains the password",
    ),
    "another file": ('requirepass "{{ password }}"\ninclude /etc/hosts', "include /etc/hosts"),
}


@pytest.mark.fault(
    "a template opens a server to clients without a password, writes elsewhere, shows the "
    "password in the process list, or doesn't end",
    "refused before a server starts (exit 2)",
)
def test_what_a_template_renders_is_judged_before_the_start(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    folder = own_templates(project)
    security = folder / "security.conf.j2"
    for case, (text, told) in SECURITY.items():
        security.write_text(text + "\n")
        done = project.run("up", check=2)
        assert told in done.err, case
        assert project.servers() == [], case
    assert not (project.root / ".redistopo" / "nodes" / "elsewhere").exists()
    loop = "{% for a in range(99999) %}" * 4 + "{% endfor %}" * 4
    security.write_text(loop)
    assert "takes longer than 5 s" in project.run("up", check=2, seconds=40).err
