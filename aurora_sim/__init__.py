"""A discrete-event routing simulator and war-game lab for the operators of the Aurora Treaty System."""

__version__ = "0.1.0"

from aurora_sim import compiled

compiled.use()
