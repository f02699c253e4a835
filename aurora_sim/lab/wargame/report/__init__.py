"""The report: one HTML file that needs no network and no script, in the order in which it is read."""

from aurora_sim.lab.wargame.report.page import report_html

__all__ = ["report_html"]
