"""A scenario's `method`: its entries checked against the world, and made into the faults that strike."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from aurora_sim.scenario.config import World
from aurora_sim.scenario.document import Document
from aurora_sim.scenario.errors import InputError, did_you_mean
from aurora_sim.scenario.faults import BadRequests, DemandChange, Fault, Outage, OutageHistory, named
from aurora_sim.scenario.named_files import file_sha256, find_trace
from aurora_sim.scenario.outage_history import outages
from aurora_sim.scenario.treaty_faults import PolicyRelease


def faults_of(
    method: Sequence[Fault | OutageHistory], document: Document, world: World
) -> tuple[tuple[tuple[str, Fault], ...], dict[str, str]]:
    """The faults of a method with their names, and the digests of the files that it names.

    Raises InputError for an entry that strikes what does not exist, and for what is wrong in a file.
    """
    _check(method, document, world)
    faults, sha256 = _expanded(method, document)
    return tuple(named(faults)), sha256


def _check(method: Sequence[Fault | OutageHistory], document: Document, world: World) -> None:
    """Raise an InputError for the first fault on something that does not exist."""
    regions = {region for provider in world.providers.values() for region in provider.regions}
    regions |= {tenant.region for tenant in world.tenants.values()}
    known: dict[str, Collection[str]] = {
        "provider": world.providers,
        "bridge": world.bridges,
        "tenant": world.tenants,
        "region": regions,
    }
    for number, fault in enumerate(method):
        for key, names in known.items():
            given = getattr(fault, key, None)
            if given is not None and given not in names:
                where = document.where(("method", number, key))
                raise InputError(where, f"there is no {key} {given!r}", did_you_mean(given, names))
        if isinstance(fault, Outage) and fault.provider is not None and fault.region is not None:
            regions_of = world.providers[fault.provider].regions
            if fault.region not in regions_of:
                where = document.where(("method", number, "region"))
                what = f"{fault.provider} has no nodes in {fault.region!r}"
                raise InputError(where, what, did_you_mean(fault.region, regions_of))
        gpu_type = getattr(fault, "gpu_type", None)
        if gpu_type is not None:
            offered = world.providers[str(fault.provider)].gpus  # type: ignore[union-attr]
            if gpu_type not in offered:
                where = document.where(("method", number, "gpu_type"))
                raise InputError(where, f"{fault.target} has no {gpu_type!r}", did_you_mean(gpu_type, offered))
        if world.demand.replay is not None and isinstance(fault, DemandChange | BadRequests):
            where = document.where(("method", number))
            raise InputError(
                where, f"a {fault.fault} fault changes the tenants' own demand, and this scenario replays a trace",
                "Take the fault out, or use demand.replay.time_scale",
            )  # fmt: skip


def _expanded(method: Sequence[Fault | OutageHistory], document: Document) -> tuple[list[Fault], dict[str, str]]:
    """The faults of a method, those of its recorded histories in their places; and the digests of the files they name."""
    faults: list[Fault] = []
    sha256: dict[str, str] = {}
    for number, entry in enumerate(method):
        if isinstance(entry, OutageHistory):
            path = find_trace(entry.file, document.path)
            faults += outages(entry, path)
            sha256[entry.file] = file_sha256(path)
        elif isinstance(entry, PolicyRelease):
            path = find_trace(entry.module, document.path)
            if not path.is_file():
                beside = [str(Path(entry.module).with_name(file.name)) for file in path.parent.glob("*.wasm")]
                where = document.where(("method", number, "module"))
                mend = did_you_mean(entry.module, beside) if beside else "Give the path of a .wasm file"
                raise InputError(where, f"there is no module {entry.module!r}", mend)
            faults.append(entry.model_copy(update={"module": str(path)}))
            sha256[entry.module] = file_sha256(path)
        else:
            faults.append(entry)
    return faults, sha256
