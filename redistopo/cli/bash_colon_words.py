"""Completion in bash of words with a colon: bash splits `shard:2` into three words."""

import os

from click.shell_completion import BashComplete, CompletionItem, add_completion_class
from click.shell_completion import split_arg_string as split


def register() -> None:
    """Use this instead of click's own completion for bash."""
    add_completion_class(_BashComplete)


class _BashComplete(BashComplete):
    _typed = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        words, at = split(os.environ["COMP_WORDS"]), int(os.environ["COMP_CWORD"])
        joined: list[str] = []
        for word in [*words[1:at], words[at] if at < len(words) else ""]:
            if joined and (word == ":" or joined[-1].endswith(":")):
                joined[-1] += word
            else:
                joined.append(word)
        self._typed = joined.pop()
        return joined, self._typed

    def format_completion(self, item: CompletionItem) -> str:
        # bash replaces only what follows the colon
        head = self._typed[: self._typed.rfind(":") + 1]
        return f"{item.type},{str(item.value).removeprefix(head)}"
