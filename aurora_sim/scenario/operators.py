"""How fast the people are who answer: response times by severity, and how long each action takes."""

from typing import Literal, Self

from pydantic import model_validator

from aurora_sim.scenario.actions import ACTIONS
from aurora_sim.scenario.errors import did_you_mean
from aurora_sim.scenario.quantities import NonNegative, PositiveSeconds, Seconds
from aurora_sim.scenario.strict import Strict, wrong

Severity = Literal["SEV1", "SEV2", "SEV3", "SEV4"]


class ResponseLaw(Strict):
    """Response times are log-normal; `escalate_after` a second responder is called, with a draw of its own, or never (null)."""

    target: PositiveSeconds
    median: PositiveSeconds
    sigma: NonNegative
    escalate_after: Seconds | None


class OperatorsConfig(Strict):
    """The runbook's response targets and recovery objectives, and guesses at how people keep to them."""

    response: dict[Severity, ResponseLaw]
    takes: dict[str, Seconds]
    rto: PositiveSeconds
    rpo: PositiveSeconds

    @model_validator(mode="after")
    def _everything(self) -> Self:
        for action in self.takes:
            if action not in ACTIONS:
                raise wrong(f"there is no action {action!r}", did_you_mean(action, ACTIONS), "takes")
        for action in ACTIONS:
            if action not in self.takes:
                raise wrong(f"it does not say how long {action} takes", f"Add {action}: 2m", "takes")
        for severity in ("SEV1", "SEV2", "SEV3", "SEV4"):
            if severity not in self.response:
                raise wrong(f"there is no law for {severity}", f"Add {severity} to response", "response")
        return self
