"""The verbs: the line of each in `redistopo --help`, and its module, imported when it is used."""

from importlib import import_module

import click

VERBS = {
    "init": "Write redistopo.toml for a topology.",
    "up": "Start the topology, form it, and verify that it works.",
    "verify": "Prove that the topology works: every check, with its evidence.",
    "status": "Show every node: role, state, slots, memory, clients, lag.",
    "down": "Stop the topology; data is kept.",
    "drill": "Break the topology on purpose, measure what users notice, and mend it.",
    "demo": "Serve a web application that uses the topology as a cache, and shows what happens.",
    "stop": "Stop some nodes, their data saved; the others go on.",
    "start": "Start nodes that don't run, with their data; the others go on.",
    "restart": "Restart nodes with today's configuration; data is kept.",
    "kill": "Send a signal to nodes; the usual one kills them, and nothing is saved.",
    "pause": "Let nodes stand still (SIGSTOP): connections stay open, nobody answers.",
    "resume": "Let paused nodes go on (SIGCONT), and wait until they answer.",
    "failover": "Hand a shard over to a replica; no acknowledged write is lost.",
    "set": "Set a directive on running servers and in redistopo.toml.",
    "reset": "Take a node out of its cluster, empty (CLUSTER RESET); `up` takes it back.",
    "wait": (
        "Wait until a topology is healthy, whoever starts it: exit code 0, "
        "or 3 if it isn't in time."
    ),
    "watch": "Show roles, slots, load, lag and links live, and what happened last; q quits.",
    "events": "Tell role changes and faults as they happen, a line each.",
    "logs": "Show what the servers wrote, all nodes in the order of time.",
    "cli": "Open redis-cli or valkey-cli on a node, with everything it needs to come in.",
    "call": "Give all nodes a command, at once; each one's reply is shown.",
    "doctor": "Check this machine and the topology, and say what to type about each fault.",
    "install": "Put a Redis or Valkey server on this machine, and prove that it works.",
    "engines": "List the servers on this machine, or how to get one.",
    "explain": "Explain a topic: what it is, how it works, what it promises, what to try.",
    "plan": "Show what `up` would do now, and why; starts nothing.",
    "render": "Write every node's redis.conf, and nothing else.",
    "ps": "List your topologies on this machine, and orphans.",
    "bundle": "Collect logs, state and limits for a report, without secrets.",
    "secret": "Show the password, or change it on a running topology.",
    "certs": "Renew the certificates of a topology with TLS.",
    "templates": "Export the templates of redis.conf, to edit and use your own.",
    "schema": "Print the JSON schema of redistopo.toml, for editors.",
}
"""In the order of their use; the lines are the first ones of the commands' own help."""


class Verbs(click.Group):
    """Imports one verb's module to run it, and none to list them all."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Name every verb."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the verb's command; None where there is no such verb."""
        if cmd_name not in VERBS:
            return None
        module = import_module(f"redistopo.cli.commands.{cmd_name}")
        # `set` is a type of Python's
        found: click.Command = getattr(module, "set_" if cmd_name == "set" else cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs as click does, from the lines above."""
        limit = formatter.width - 6 - max(map(len, VERBS))
        lines = [
            (name, click.Command(name, help=line).get_short_help_str(limit))
            for name, line in VERBS.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(lines)
