"""Real traces: read, described, imported from their publishers' formats, and fitted by demand models."""
