//! A bad release for the war game: it traps on about 1 % of all orders, as an overflow that nobody tested would.
//!
//! Which ones follows from the order's GPU-hours alone, so that the same order traps each time. The rest is decided by the law.

#![no_std]

include!("abi.rs");

/// Of so many orders one traps.
const ONE_IN: u64 = 100;

#[inline(always)]
fn decide(treaty: &Treaty, order: &Order) -> i32 {
    // Knuth's multiplicative hash: the bits of such numbers differ in few places, and these spread them over the upper half.
    let spread = order.gpu_hours.to_bits().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    if spread % ONE_IN == 0 {
        halt();
    }
    law(treaty, order)
}
