"""`python -m aurora_sim`: the same as `aurora-sim`; alone, it runs the baseline."""

from aurora_sim.cli import main

if __name__ == "__main__":
    main()
