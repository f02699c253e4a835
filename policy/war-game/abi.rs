// The frame of the war game's releases: policy ABI, version 1, around a `decide` that each of them brings. The law itself, and why
// everything here is as it is, stands in ../vault-law-akash-policy.rs; a release differs from it in what its own file says.

use core::cell::UnsafeCell;
use core::panic::PanicInfo;

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
    1
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

/// The law as the treaty has it.
#[inline(always)]
fn law(treaty: &Treaty, order: &Order) -> i32 {
    let asked = order.gpu_hours;
    if !(asked.is_finite() && asked > 0.0) {
        return MALFORMED_ORDER;
    }
    if treaty.halted != 0 {
        return TREATY_HALTED;
    }
    if order.region_index >= REGIONS || treaty.region_mask >> order.region_index & 1 == 0 {
        return REGION_NOT_ALLOWED;
    }
    if order.nonce_seen != 0 {
        return REPLAYED_NONCE;
    }
    if order.tenant_reputation < treaty.min_reputation {
        return LOW_REPUTATION;
    }
    if !(order.tenant_used_today + asked <= treaty.quota_gpu_hours_daily_per_tenant) {
        return TENANT_DAILY_QUOTA;
    }
    if !(order.treaty_used_total + asked <= treaty.quota_gpu_hours_total) {
        return TREATY_TOTAL_QUOTA;
    }
    ALLOW
}

fn halt() -> ! {
    core::arch::wasm32::unreachable()
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    halt()
}
