"""The production alert rules over simulated time.

`load_rules` reads the file that Prometheus loads. `AlertEngine` evaluates it once a simulated minute, with Prometheus's own
semantics. `write_rule_test` lets promtool check that it did.
"""

from aurora_sim.observe.alerts.alerting import FIRING, PENDING, RESOLVED, Alert, AlertEngine
from aurora_sim.observe.alerts.promtool import write_rule_test
from aurora_sim.observe.alerts.rules import Rule, RuleFile, alerts_of, load_rules

__all__ = [
    "FIRING",
    "PENDING",
    "RESOLVED",
    "Alert",
    "AlertEngine",
    "Rule",
    "RuleFile",
    "alerts_of",
    "load_rules",
    "write_rule_test",
]
