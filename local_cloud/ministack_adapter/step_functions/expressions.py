"""JSONata expressions: read once, and a second of their own, whatever else this machine does meanwhile.

ministack reads one anew each time, and gives it a second by the clock, which 50 executions at once on two
cores use up by waiting.
"""

import time
from functools import lru_cache
from typing import Any

from jsonata import timebox
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.parser import Parser

from local_cloud.ministack_adapter import patch_points

# Several times what the two state machines have.
EXPRESSIONS_KEPT = 4096


class ThreadTimebox(timebox.Timebox):  # type: ignore[misc]
    """Counts the processor time of the thread that evaluates."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._began_s = time.thread_time()

    def check_runaway(self) -> None:
        """Raises JException for an expression that nests too deep or runs too long."""
        if self.max_depth is not None and self.depth > self.max_depth:
            raise JException("D1011", -1)
        if self.timeout is not None and (time.thread_time() - self._began_s) * 1000 > self.timeout:
            raise JException("D1012", -1, self.timeout)


def install() -> None:
    """Bounds every expression that is evaluated from now on, and keeps what it was read as.

    Nothing writes to a syntax tree once it is read, so that threads share it.
    """
    patch_points.take(timebox.Timebox, "check_runaway", "self")
    patch_points.replace(timebox, "Timebox", ThreadTimebox, "expr", "timeout", "max_depth")
    parse = patch_points.take(Parser, "parse", "self", "jsonata", "regex_engine")

    @lru_cache(EXPRESSIONS_KEPT)
    def parse_once(expression: str, regex_engine: Any) -> Any:
        return parse(Jsonata.get_parser(), expression, regex_engine)

    patch_points.replace(Parser, "parse", lambda _, *arguments: parse_once(*arguments))
