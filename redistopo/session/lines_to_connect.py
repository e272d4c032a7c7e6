"""The lines by which clients connect, with the paths of the secrets that there are."""

from redistopo.model.planning.plan import Plan
from redistopo.project.passwords import absent_secrets, password_path
from redistopo.render.connect import ConnectLines, connect_lines


def lines_to_connect(plan: Plan) -> ConnectLines:
    """Return the lines for the plan's topology; a password that the user gave is in no file."""
    topology, layout = plan.topology, plan.layout
    kept = str(password_path(topology, layout) or "")
    return connect_lines(plan, kept, absent_secrets(topology, layout))
