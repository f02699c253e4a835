"""Receipts: what proves that a job ran.

A receipt is made of four things, each in its own file and each of use alone: the Merkle root over a job's artefacts
(`artefacts`, `merkle`), a time stamp over it by an authority that others trust (`authority`, `stamps`, `sources`), a
name for the list of artefacts under which it is pinned (`cid`, `pins`), and the treaty's signature (`receipt`).
"""
