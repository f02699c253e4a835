"""The war game: playbooks played on seeds in three arms, judged, scored, and compared with the last time."""
