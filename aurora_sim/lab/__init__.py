"""Many runs: replications, and what else is made of them."""
