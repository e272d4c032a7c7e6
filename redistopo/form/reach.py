"""Which nodes can't reach each other."""

from redistopo.model.observed import Observed


def first_unreachable(seen: Observed) -> str:
    """The first pair without a bus link, or the first node that doesn't answer us; "" for none."""
    for node in seen.nodes:
        if not node.answers:
            return f"{node.name} ({node.address}) doesn't answer: {node.error}"
    for node in seen.nodes:
        for member in node.members:
            if not member.myself and not (member.linked and member.pong):
                other = seen.at(member.address)
                name = other.name if other else member.address
                where = f"{name}, bus port {member.bus_port}"
                return f"{node.name} ({node.address}) has no link to {where}"
        if len(node.members) < len(seen.nodes):
            known = {member.address for member in node.members}
            missing = next((one.name for one in seen.nodes if one.address not in known), "others")
            return f"{node.name} ({node.address}) doesn't know {missing} yet"
    return ""
