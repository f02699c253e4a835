"""What the policy's tests share: the committed module, terms and an order for it, and modules written as text."""

from __future__ import annotations

from pathlib import Path

from aurora_sim.treaty.policy import TreatyTerms

ROOT = Path(__file__).resolve().parents[2]
COMMITTED_MODULE = ROOT / "policy" / "wasm" / "vault-law-akash-policy.wasm"
TERMS = TreatyTerms(
    region_mask=0b111, quota_gpu_hours_total=1000.0, quota_gpu_hours_daily_per_tenant=100.0, min_reputation=50
)
GOOD_ORDER = (1.0, 0.0, 0.0, 0, 78, 0)
"""An order that the committed policy allows under `TERMS`."""


def policy_text(
    authorize: str = "i32.const 1",
    *,
    memory: str = '(memory (export "memory") 1 1)',
    abi_version: str = '(func (export "abi_version") (result i32) i32.const 1)',
    treaty_ptr: str = "i32.const 1024",
    order_ptr: str = "i32.const 2048",
    order_capacity: str = "i32.const 4",
    authorize_export: str | None = None,
    batch: str | None = None,
    more: str = "",
    first: str = "",
) -> str:
    """A module that keeps to the ABI, with any part of it replaced. As it stands it denies every order, with code 1.

    `authorize` is the body of a function of the order's address `$a`; the batch function calls it slot by slot.
    """
    one = authorize_export or f'(func $authorize (export "authorize") (param $a i32) (result i32) {authorize})'
    many = (
        batch
        or """
      (func (export "authorize_batch") (param $n i32) (local $i i32) (local $s i32)
        (block $done (loop $next
          (br_if $done (i32.ge_s (local.get $i) (local.get $n)))
          (local.set $s (i32.add (i32.const 2048) (i32.mul (local.get $i) (i32.const 64))))
          (i32.store offset=36 (local.get $s) (call $authorize (local.get $s)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $next))))"""
    )
    return f"""(module {first} {memory} {abi_version}
      (func (export "treaty_ptr") (result i32) {treaty_ptr})
      (func (export "order_ptr") (result i32) {order_ptr})
      (func (export "order_capacity") (result i32) {order_capacity})
      {one} {many} {more})"""
