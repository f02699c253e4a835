"""From a document to a model: whatever pydantic finds becomes one InputError with file, line, key and mend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from aurora_sim.scenario.composer import Keys
from aurora_sim.scenario.document import Document
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.shape import Place, locate
from aurora_sim.scenario.wording import not_any_of, noun_of, worded

M = TypeVar("M", bound=BaseModel)


class _Finding(NamedTuple):
    """One thing that is wrong. `keys` end in a key that the document may lack: then its mapping's place is named."""

    keys: Keys
    error: ErrorDetails
    place: Place
    what: str
    mend: str


def validate(document: Document, model: type[M], *, context: Mapping[str, Any] | None = None) -> M:
    """The model that the document describes. Raises one InputError: the first finding by line, and how many more.

    `context` is what the model's validators see as `info.context`. A validator may raise `wrong(what, mend)`, or a
    ValueError whose text is "what. mend"; an InputError that it raises passes through as it is.
    """
    try:
        return model.model_validate(document.data, context=dict(context) if context is not None else None)
    except ValidationError as error:
        found = [_finding(document, model, details) for details in error.errors(include_url=False)]
    # The sort is stable: findings on one line stay in the order of the model's fields.
    findings = sorted(_one_for_each_mistake(found), key=lambda finding: document.position(finding.keys))
    first, others = findings[0], len(findings) - 1
    more = f" (and {others} more error{'s' if others > 1 else ''})" if others else ""
    raise InputError(document.where(first.keys), first.what, first.mend + more)


def _finding(document: Document, model: type[BaseModel], error: ErrorDetails) -> _Finding:
    place = locate(model, error["loc"], document.data)
    keys = place.keys
    what, mend = worded(error, place)
    context = error.get("ctx", {})
    if error["type"] == "missing":
        keys = keys[:-1]
    elif error["type"] == "union_tag_invalid":
        keys = (*keys, str(context["discriminator"]).strip("'"))
    elif error["type"] == "wrong" and "key" in context:
        keys = (*keys, context["key"])
    return _Finding(keys, error, place, what, mend)


def _one_for_each_mistake(findings: list[_Finding]) -> Iterable[_Finding]:
    """The findings without those that say the same thing a second time.

    1. A plain union gives one error for each of its members: they become one, which names all the kinds that would do.
    2. A misspelt key is both an unknown key and a missing one: only the first is kept, which has the better mend.
    """
    grouped: dict[Keys | tuple[Keys, str], list[_Finding]] = {}
    for finding in findings:
        missing = finding.error["type"] == "missing"
        grouped.setdefault((finding.place.keys, "missing") if missing else finding.keys, []).append(finding)
    unknown = [f.place.keys for f in findings if f.error["type"] == "extra_forbidden"]
    for first, *others in grouped.values():
        if first.error["type"] == "missing" and _misspelt(first.place.keys, unknown):
            continue
        nouns = [noun_of(finding.error) for finding in (first, *others)]
        if others and all(nouns):
            what, mend = not_any_of(first.error["input"], [noun for noun in nouns if noun])
            yield first._replace(what=what, mend=mend)
        else:
            yield first


def _misspelt(missing: Keys, unknown: list[Keys]) -> bool:
    import difflib

    neighbours = [str(keys[-1]) for keys in unknown if keys[:-1] == missing[:-1]]
    return bool(difflib.get_close_matches(str(missing[-1]), neighbours, n=1, cutoff=0.6)) if missing else False
