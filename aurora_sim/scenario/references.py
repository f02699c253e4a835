"""Names in one place that must exist in another: workloads, GPU types, bridges, providers, regions, tenants."""

from __future__ import annotations

from collections.abc import Collection

from aurora_sim.scenario.composer import Keys
from aurora_sim.scenario.config import ANYWHERE, Bridge, Provider, Tenant, Workload, World
from aurora_sim.scenario.document import Document
from aurora_sim.scenario.errors import InputError, did_you_mean
from aurora_sim.scenario.failures import PROVIDER_TABLES


def check_new_names(before: Document, after: Document) -> None:
    """Raise an InputError for a named thing that overrides brought in by halves: most likely a misspelt name.

    `before` is the configuration alone, `after` the same with the overrides. A whole new thing is welcome.
    """
    for section, model in (("providers", Provider), ("tenants", Tenant), ("bridges", Bridge), ("workloads", Workload)):
        known, found = before.data.get(section), after.data.get(section)
        if not isinstance(known, dict) or not isinstance(found, dict):
            continue
        required = {name for name, field in model.model_fields.items() if field.is_required()}
        for name, given in found.items():
            if name not in known and not (isinstance(given, dict) and required <= given.keys()):
                what = f"there is no {section[:-1]} {name!r}, and this is not all that a new one needs"
                raise InputError(after.where((section, name)), what, did_you_mean(name, known))
    check_failing_providers(after)


def check_failing_providers(document: Document) -> None:
    """Raise an InputError for the first provider in `failures` that there is not: before its entry is looked at."""
    providers, failures = document.data.get("providers"), document.data.get("failures")
    if not isinstance(providers, dict) or not isinstance(failures, dict):
        return  # whoever validates it says what it should be
    for model, table in PROVIDER_TABLES:
        found = failures.get(model)
        found = found.get(table) if isinstance(found, dict) else None
        for name in found if isinstance(found, dict) else ():
            if name not in providers:
                where = document.where(("failures", model, table, name))
                raise InputError(where, f"there is no provider {name!r}", did_you_mean(name, providers))


def check_world(document: Document, world: World) -> None:
    """Raise an InputError for the first name in the configuration that leads nowhere."""

    def known(keys: Keys, what: str, given: str, names: Collection[str]) -> None:
        if given not in names:
            raise InputError(document.where(keys), f"there is no {what} {given!r}", did_you_mean(given, names))

    for provider_id, provider in world.providers.items():
        at: Keys = ("providers", provider_id)
        known((*at, "bridge"), "bridge", provider.bridge, world.bridges)
        known(("price_profile",), f"price profile of {provider_id}", world.price_profile, provider.prices_usd_per_hour)
        prices = provider.prices_usd_per_hour[world.price_profile]
        for gpu_type in provider.gpus:
            known((*at, "prices_usd_per_hour", world.price_profile), "price there for the provider's", gpu_type, prices)
    for name, bridge in world.bridges.items():
        if bridge.failover is not None:
            known(("bridges", name, "failover"), "bridge", bridge.failover, world.bridges)
            if bridge.failover == name:
                where = document.where(("bridges", name, "failover"))
                raise InputError(where, f"{name} is its own failover bridge", "Name another bridge, or null")
    for name, workload in world.workloads.items():
        known(("workloads", name, "gpu_type"), "price limit for the GPU type", workload.gpu_type, world.price_limits)
    regions = {region for provider in world.providers.values() for region in provider.regions} - {ANYWHERE}
    regions |= set(world.treaty.regions)
    for tenant_id, tenant in world.tenants.items():
        known(("tenants", tenant_id, "region"), "region", tenant.region, regions)
        for workload_type in tenant.mix:
            known(("tenants", tenant_id, "mix", workload_type), "workload", workload_type, world.workloads)
        if tenant.durations is not None:
            known(("tenants", tenant_id, "durations"), "table of durations", tenant.durations, world.durations)
            by_gpus = world.durations[tenant.durations].by_gpus
            for gpus, share in (tenant.gpus_per_order or world.gpus_per_order).items():
                if share > 0 and gpus not in by_gpus and "*" not in by_gpus:
                    where = document.where(("tenants", tenant_id, "durations"))
                    what = f"{tenant.durations} has no durations of {gpus} GPUs, which {tenant_id} may order"
                    raise InputError(where, what, f'Give it "{gpus}", or "*" for all that are not named')
    if len(regions | set(world.treaty.regions)) > 64:
        where = document.where(("treaty", "regions"))
        raise InputError(where, "there are more than 64 regions in all", "The policy's mask has 64 bits: name fewer")
    if sum(world.gpus_per_order.values()) <= 0:
        where = document.where(("gpus_per_order",))
        raise InputError(where, "every share is 0", "Give at least one number of GPUs a share above 0")
    check_failing_providers(document)
    _check_replay(document, world)


def _check_replay(document: Document, world: World) -> None:
    replay = world.demand.replay
    if replay is None:
        return
    at: Keys = ("demand", "replay")
    checks = [((*at, "workload"), "workload", replay.workload, set(world.workloads))]
    checks += [((*at, "tenants", name), "tenant", to, set(world.tenants)) for name, to in replay.tenants.items()]
    for name, to in replay.gpu_types.items():
        kinds = [to] if isinstance(to, str) else list(to)
        checks += [
            ((*at, "gpu_types", name), "price limit for the GPU type", kind, set(world.price_limits)) for kind in kinds
        ]
        if not isinstance(to, str) and sum(to.values()) <= 0:
            where = document.where((*at, "gpu_types", name))
            raise InputError(where, "every share is 0", "Give at least one GPU type a share above 0")
    for keys, what, given, names in checks:
        if given not in names:
            raise InputError(document.where(keys), f"there is no {what} {given!r}", did_you_mean(given, names))
