"""Which rows of orders a run keeps, from its options: `--format`, `--sample`, `--no-orders`."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import click

from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.observe.run_files import RowFormat

Command = TypeVar("Command", bound=Callable[..., Any])


class Rows(NamedTuple):
    """What the rows are written as, and the share of the orders that have one."""

    format: RowFormat
    share: float

    @property
    def words(self) -> str:
        """What to say of them, where not every order has a row."""
        if self.format == "none":
            return "; no order has a row"
        return f"; a share of {self.share:g} of the orders has a row" if self.share < 1.0 else ""


def row_options(command: Command) -> Command:
    """Give a command the three options, as `row_format`, `sample` and `no_orders`."""
    for option in (
        click.option("--no-orders", is_flag=True, help="Write no order's row; all else is as ever."),
        click.option(
            "--sample",
            type=float,
            metavar="SHARE",
            help="Share of the orders that have a row; all else is of all orders.",
        ),
        click.option(
            "--format", "row_format", type=click.Choice(["csv", "parquet"]), help="Of the orders' rows  [default: csv]."
        ),
    ):
        command = option(command)
    return command


def rows_chosen(row_format: Literal["csv", "parquet"] | None, sample: float | None, no_orders: bool) -> Rows:
    """What the options say together. Raises InputError where they contradict, or pyarrow is wanted and not installed."""
    if no_orders:
        for option, given in (("--format", row_format), ("--sample", sample)):
            if given is not None:
                raise InputError(
                    f"--no-orders, {option} {given}",
                    "where there are no rows, there is nothing to say of them",
                    "Give one",
                )
        return Rows("none", 1.0)
    if sample is not None and not 0.0 < sample <= 1.0:  # NaN too
        mend = (
            "Leave the rows away with --no-orders"
            if sample == 0.0
            else "Give a share above 0 and up to 1, such as 0.01"
        )
        raise InputError(f"--sample {sample:g}", "this is no share of the orders", mend)
    if row_format == "parquet" and importlib.util.find_spec("pyarrow") is None:
        raise InputError(
            "--format parquet",
            "pyarrow, which writes it, is not installed",
            'Install the extra: pip install ".[parquet]", or write CSV',
        )
    return Rows(row_format or "csv", 1.0 if sample is None else sample)
