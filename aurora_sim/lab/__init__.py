"""Many runs: war games, replications, comparisons, sweeps. Nothing is here yet."""
