"""What a process that runs many times reads once: the policy is compiled and the rules are parsed for all its runs and games.

A file that was changed since is read anew.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from aurora_sim.observe.alerts.rules import RuleFile, load_rules
from aurora_sim.treaty.policy.abi import TreatyTerms
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.policy.probe import PROBE_TERMS


def policy_host(policy: Path, terms: TreatyTerms) -> PolicyHost:
    """A host of its own for whoever asks, as from `PolicyHost.load`. Raises InputError as that does."""
    return _loaded_host(policy, *_version(policy)).fresh(terms)


def rule_file(rules: Path) -> RuleFile:
    """The rules, as from `load_rules`. Raises InputError as that does."""
    return _loaded_rules(rules, *_version(rules))


def _version(path: Path) -> tuple[int, int]:
    """Tells a file that was changed from the one that was read; (0, 0) where there is none, and its reader will say so."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=8)
def _loaded_host(policy: Path, modified_ns: int, size: int) -> PolicyHost:
    return PolicyHost.load(policy, PROBE_TERMS)


@lru_cache(maxsize=4)
def _loaded_rules(rules: Path, modified_ns: int, size: int) -> RuleFile:
    return load_rules(rules)
