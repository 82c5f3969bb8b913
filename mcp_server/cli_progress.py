"""What somebody at a terminal sees while the work goes on, and is told when they stop it."""

import math
from collections.abc import Generator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column

from agents.escaping import one_line
from agents.schema import OnProgress
from agents.schema import Progress as Reached

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells count it: 128 and the signal's number."""
FINISHED_PARTS = (
    "Documents that were opened and parts that were read are kept: run the same command again to go on from there."
)


@contextmanager
def shown_progress(kept: str = FINISHED_PARTS) -> Generator[OnProgress]:
    """Yield a callback that shows on stderr how far the work has come, and how long it will take.

    Where stderr is no terminal nothing is shown. Ctrl-C says how far it had come, and what is kept.

    Args:
        kept: What stays of work that was stopped, and how to go on.

    Raises:
        typer.Exit: The work was stopped by Ctrl-C.
    """
    console = Console(stderr=True)
    reached = Reached(fraction=0.0, message="Starting")
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    # The pace since the beginning: parts are finished several at once, and a short look would see none or many.
    with Progress(
        *columns,
        console=console,
        transient=True,
        expand=True,
        disable=not console.is_terminal,
        speed_estimate_period=math.inf,
    ) as bar:
        task = bar.add_task(reached.message, total=1.0)

        def show(progress: Reached) -> None:
            nonlocal reached
            reached = progress
            bar.update(task, completed=progress.fraction, description=one_line(progress.message))

        try:
            yield show
        except KeyboardInterrupt as interrupt:
            bar.stop()
            said = f"Stopped: {one_line(reached.message)} ({reached.fraction:.0%}). {kept}"
            Console(stderr=True, highlight=False).print(said, markup=False, soft_wrap=True)
            raise typer.Exit(INTERRUPTED) from interrupt
