//! The Vault Law policy of the Akash treaty: decides whether an order may use the treaty at all.
//!
//! Policy ABI, version 1 (policy/README.md has the tables). The host writes the treaty block and an order into this
//! module's memory, calls `authorize`, and reads the decision code. Nothing is imported, nothing is allocated, and
//! nothing is kept from one call to the next: the decision is a function of the treaty block and the order alone.
//!
//! Every comparison that guards a limit is written so that NaN denies: `!(used + asked <= limit)` is true for NaN,
//! `used + asked > limit` is not.

#![no_std]

use core::cell::UnsafeCell;
use core::panic::PanicInfo;

const ABI_VERSION: i32 = 1;
/// 512 slots of 64 bytes, the treaty block and the stack share the one 64 KiB page that the module may have.
const ORDER_CAPACITY: usize = 512;
const REGIONS: u32 = u64::BITS;

const ALLOW: i32 = 0;
const TREATY_HALTED: i32 = 1;
const REGION_NOT_ALLOWED: i32 = 2;
const REPLAYED_NONCE: i32 = 3;
const LOW_REPUTATION: i32 = 4;
const TENANT_DAILY_QUOTA: i32 = 5;
const TREATY_TOTAL_QUOTA: i32 = 6;
const MALFORMED_ORDER: i32 = 7;

#[repr(C, align(64))]
struct Treaty {
    region_mask: u64,
    quota_gpu_hours_total: f64,
    quota_gpu_hours_daily_per_tenant: f64,
    min_reputation: u32,
    halted: u32,
    reserved: [u8; 32],
}

#[repr(C, align(64))]
struct Order {
    gpu_hours: f64,
    tenant_used_today: f64,
    treaty_used_total: f64,
    region_index: u32,
    tenant_reputation: u32,
    nonce_seen: u32,
    decision: i32,
    reserved: [u8; 24],
}

/// Memory that the host writes between calls. `UnsafeCell` tells the compiler so: without it, it may fold the zeros
/// that these statics start with into the code.
#[repr(transparent)]
struct HostWritten<T>(UnsafeCell<T>);

/// Sound because a module without threads is called by one host thread at a time.
unsafe impl<T> Sync for HostWritten<T> {}

const EMPTY_ORDER: Order = Order {
    gpu_hours: 0.0,
    tenant_used_today: 0.0,
    treaty_used_total: 0.0,
    region_index: 0,
    tenant_reputation: 0,
    nonce_seen: 0,
    decision: 0,
    reserved: [0; 24],
};

static TREATY: HostWritten<Treaty> = HostWritten(UnsafeCell::new(Treaty {
    region_mask: 0,
    quota_gpu_hours_total: 0.0,
    quota_gpu_hours_daily_per_tenant: 0.0,
    min_reputation: 0,
    halted: 0,
    reserved: [0; 32],
}));

static ORDERS: HostWritten<[Order; ORDER_CAPACITY]> = HostWritten(UnsafeCell::new([EMPTY_ORDER; ORDER_CAPACITY]));

#[no_mangle]
pub extern "C" fn abi_version() -> i32 {
    ABI_VERSION
}

#[no_mangle]
pub extern "C" fn treaty_ptr() -> i32 {
    TREATY.0.get() as usize as i32
}

#[no_mangle]
pub extern "C" fn order_ptr() -> i32 {
    ORDERS.0.get() as usize as i32
}

#[no_mangle]
pub extern "C" fn order_capacity() -> i32 {
    ORDER_CAPACITY as i32
}

/// Decides the order at `order_address`, which must be the address of one of the slots: any other is malformed.
#[no_mangle]
pub extern "C" fn authorize(order_address: i32) -> i32 {
    let offset = (order_address as u32 as usize).wrapping_sub(ORDERS.0.get() as usize);
    let size = core::mem::size_of::<Order>();
    if offset % size != 0 || offset / size >= ORDER_CAPACITY {
        return MALFORMED_ORDER;
    }
    // SAFETY: the offset was just checked to be that of a slot; the host does not write while a call runs.
    unsafe { decide(&*TREATY.0.get(), &(*ORDERS.0.get())[offset / size]) }
}

/// Decides slots 0..count independently and writes each code into its slot. A count that is not 0..=512 traps.
#[no_mangle]
pub extern "C" fn authorize_batch(count: i32) {
    if count < 0 || count as usize > ORDER_CAPACITY {
        halt();
    }
    // SAFETY: one thread, and the host does not touch the slots while a call runs.
    unsafe {
        let treaty = &*TREATY.0.get();
        for order in (*ORDERS.0.get()).iter_mut().take(count as usize) {
            order.decision = decide(treaty, order);
        }
    }
}

/// The law itself. The order of the checks is part of the ABI: an order that breaks several rules gets the first code.
#[inline(always)]
fn decide(treaty: &Treaty, order: &Order) -> i32 {
    let asked = order.gpu_hours;
    if !(asked.is_finite() && asked > 0.0) {
        return MALFORMED_ORDER;
    }
    if treaty.halted != 0 {
        return TREATY_HALTED;
    }
    // The range first: wasm takes a shift's count modulo 64, so region 64 would pass for region 0.
    if order.region_index >= REGIONS || treaty.region_mask >> order.region_index & 1 == 0 {
        return REGION_NOT_ALLOWED;
    }
    if order.nonce_seen != 0 {
        return REPLAYED_NONCE;
    }
    if order.tenant_reputation < treaty.min_reputation {
        return LOW_REPUTATION;
    }
    if !within(order.tenant_used_today, asked, treaty.quota_gpu_hours_daily_per_tenant) {
        return TENANT_DAILY_QUOTA;
    }
    if !within(order.treaty_used_total, asked, treaty.quota_gpu_hours_total) {
        return TREATY_TOTAL_QUOTA;
    }
    ALLOW
}

/// Whether `used + asked` stays at or below `quota`; exactly at the quota is allowed. False where any of them is NaN.
#[inline(always)]
fn within(used: f64, asked: f64, quota: f64) -> bool {
    used + asked <= quota
}

fn halt() -> ! {
    core::arch::wasm32::unreachable()
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    halt()
}
