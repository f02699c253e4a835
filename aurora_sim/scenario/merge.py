"""One document laid over another: a check of the result still names the file and line that each value came from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aurora_sim.scenario.composer import Keys, dotted
from aurora_sim.scenario.document import Document, copied_data
from aurora_sim.scenario.errors import InputError


def merge(base: Document, over: Document, *, take: Keys = (), into: Keys = ()) -> Document:
    """A new document: `base`, with what `over` has at `take` merged into it at `into`, key by key.

    Mappings merge; lists and single values replace. Where `over` has nothing at `take`, base stays as it is. Mappings
    on the way to `into` are made. Raises InputError if what is taken, or what is on the way, is no mapping.
    """
    taken: Any = over.data
    for key in take:
        taken = taken.get(key) if isinstance(taken, dict) else None
    if taken is None:
        return base
    result = replace(base.copied(), overrides=(*base.overrides, *over.overrides))
    holder: Any = result.data
    for length, key in enumerate(into, start=1):
        holder = holder.setdefault(key, {})
        if not isinstance(holder, dict):
            raise InputError(base.where(into[:length]), f"{dotted(into[:length])} is no mapping", "Make it one")
    if not isinstance(taken, dict):
        raise InputError(over.where(take), "a mapping is due here", "Write `key: value` lines under it")
    _merge(result, holder, into, over, taken, take)
    return result


def _merge(
    result: Document, below: dict[str, Any], into: Keys, over: Document, above: dict[str, Any], take: Keys
) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _merge(result, below[key], (*into, key), over, value, (*take, key))
        else:
            here, origin = (*into, key), (over, (*take, key))
            if key in below:
                result.note_origin(here, origin)  # looks at every mark: only where there may be one to forget
            else:
                result.origins[here] = origin
            below[key] = copied_data(value)
