"""The orders database and what acts on it: one transaction that takes orders in, exact under concurrency and crashes."""
