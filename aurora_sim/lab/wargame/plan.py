"""A playbook's plan: what would happen when, and what would be judged, with nothing run."""

from __future__ import annotations

from aurora_sim.lab.wargame.judge import clock
from aurora_sim.lab.wargame.play import Game
from aurora_sim.lab.wargame.wording import expectation_text, target_text
from aurora_sim.scenario.playbook import Condition, Step


def plan_text(game: Game) -> str:
    """The resolved timeline, then the response, the rollbacks and the expectations."""
    playbook, operators = game.playbook, game.loaded.world.operators
    law = operators.response[playbook.severity]
    end_s = playbook.steps * 60.0
    second = "" if law.escalate_after is None else f", a second responder after {clock(law.escalate_after)}"
    lines = [
        f"{game.id}: {playbook.title}",
        f"runbook    {playbook.runbook}",
        f"severity   {playbook.severity}: somebody is on it within {clock(law.target)}; median {clock(law.median)}{second}",
        f"runs       {playbook.steps} minutes from {playbook.start:%Y-%m-%d %H:%M} UTC, after {clock(playbook.warm_up)} of warm-up",
        f"steady     {', '.join(playbook.steady_state)}",
        "",
        "method",
    ]
    moments = sorted(
        [(fault.at, f"{name} begins") for name, fault in game.loaded.faults]
        + [(fault.end, f"{name} ends") for name, fault in game.loaded.faults if fault.end < end_s]
    )
    lines += [f"  {clock(at):>6}  {what}" for at, what in moments]
    for title, steps in (("response", playbook.response), ("rollbacks", playbook.rollbacks)):
        lines += ["", title] + ([_step(step, operators.takes) for step in steps] or ["  none"])
    if playbook.stop_when is not None:
        lines += ["", f"stops when {_condition(playbook.stop_when)}"]
    lines += ["", "expect"] + [
        f"  {expectation_text(e)}, {target_text(e)} (weight {e.weight:g})" for e in playbook.expect
    ]
    return "\n".join(lines)


def _step(step: Step, takes: dict[str, float]) -> str:
    if step.at is not None:
        due = f"at {clock(step.at)}"
    elif step.when is not None:
        due = f"when {_condition(step.when)}"
    else:
        due = "then"
    after = step.after if isinstance(step.after, str) else clock(step.after)
    delay = f", after {after}" if step.after else ""
    lasts = clock(step.takes if step.takes is not None else takes.get(step.do, 0.0))
    given = ", ".join(f"{key} {value}" for key, value in step.with_.items())
    return f"  {due}{delay}: {step.do}" + (f" ({given})" if given else "") + f", takes {lasts}"


def _condition(when: Condition) -> str:
    if when.alert is not None:
        return f"{when.alert} fires"
    if when.active_for is not None:
        return f"{when.provider} has been active for {clock(when.active_for)}"
    bound = f"below {when.below:g}" if when.below is not None else f"above {when.above:g}"
    whose = f" of {when.tenant or when.provider}" if when.tenant or when.provider else ""
    return f"{when.metric}{whose} is {bound}" + (f" for {clock(when.for_s)}" if when.for_s else "")
