"""What every fault says: when it begins, how long it lasts, how it comes on, and whether it comes again."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from aurora_sim.scenario.quantities import PositiveSeconds, Seconds
from aurora_sim.scenario.strict import Strict, wrong

REPEATS_MAX = 10_000
FaultId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Repeat(Strict):
    """The fault comes `times` times in all, each `every` so long after the one before it began."""

    every: PositiveSeconds
    times: Annotated[int, Field(ge=1, le=REPEATS_MAX)]


class FaultBase(Strict):
    at: Seconds
    for_s: Seconds = Field(alias="for")
    ramp: Seconds = 0.0
    id: FaultId | None = None
    repeat: Repeat | None = None

    @property
    def end(self) -> float:
        return self.at + self.for_s

    @property
    def target(self) -> str:
        """What it strikes, for its name and for messages."""
        for field in ("provider", "region", "bridge", "tenant", "kind", "service"):
            value = getattr(self, field, None)
            if value is not None:
                return str(value)
        return "all"

    @model_validator(mode="after")
    def _ramp_inside(self) -> Self:
        if self.ramp > self.for_s:
            raise wrong(
                f"ramp ({self.ramp:g} s) is longer than for ({self.for_s:g} s)",
                "A fault comes on within its own time",
                "ramp",
            )
        return self

    @model_validator(mode="after")
    def _over_before_it_repeats(self) -> Self:
        if self.repeat is not None and self.repeat.times > 1 and self.repeat.every < self.for_s:
            raise wrong(
                f"it repeats every {self.repeat.every:g} s and lasts {self.for_s:g} s, so it would strike on top of itself",
                "Give every at least for",
                "repeat",
            )
        return self


def exactly_one(fault: FaultBase, *names: str) -> None:
    """Raise for a fault that has none of these fields, or several."""
    given = [name for name in names if getattr(fault, name) is not None]
    if len(given) != 1:
        found = "none" if not given else " and ".join(given)
        raise wrong(f"it needs exactly one of {', '.join(names)}; it has {found}", "Name one")
