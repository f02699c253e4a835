//! A bad release for the war game: somebody shortened the list of regions, and eu-west-1 fell out of it.
//!
//! The host numbers the regions as the treaty lists them, and eu-west-1 is the first. Everything else is decided by the law.

#![no_std]

include!("abi.rs");

const EU_WEST_1: u32 = 0;

#[inline(always)]
fn decide(treaty: &Treaty, order: &Order) -> i32 {
    match law(treaty, order) {
        ALLOW if order.region_index == EU_WEST_1 => REGION_NOT_ALLOWED,
        code => code,
    }
}
