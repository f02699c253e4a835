"""Alert rules as a subject of their own: a run handed to Prometheus to judge, and the rules judged over every game."""
