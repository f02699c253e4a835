"""The self-check: the engine, pared down to cases whose answer is known exactly, against that answer."""
