"""The proofs of the serving path in benchmarks/ are importable: the tests run their short forms, and use their parts."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
