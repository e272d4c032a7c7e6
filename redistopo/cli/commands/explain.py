import sys

import click

from redistopo.cli import complete, options
from redistopo.cli.run_verb import run_and_show


@click.command("explain")
@click.argument("topic", required=False, default="", shell_complete=complete.topics)
@options.output
def command(topic: str) -> None:
    """Explain a topic, such as failover or slots.

    What it is, how it works, what it guarantees, and what to try. Without TOPIC, lists the
    topics. In a pipe it is plain markdown.
    """
    from redistopo.cli.views.explain import draw_topic, list_topics
    from redistopo.ops.explain import TopicResult, explain_topic

    def show(result: TopicResult) -> None:
        if not topic:
            list_topics({one.name: one.summary for one in result.topics})
            click.echo("\nOne of them: redistopo explain cluster")
        elif sys.stdout.isatty():
            draw_topic(result.topics[0].text)
        else:
            click.echo(result.topics[0].text, nl=False)

    run_and_show(lambda _progress: explain_topic(topic), show, value=True)
