//! Four floats at a time. `madd` fuses where the processor can.

pub use core::arch::wasm32::{
    f32x4_add as add, f32x4_div as div, f32x4_extract_lane, f32x4_mul as mul,
    f32x4_relaxed_madd as madd, f32x4_relaxed_max as max, f32x4_relaxed_nmadd as nmadd,
    f32x4_splat as splat, f32x4_sqrt as sqrt, f32x4_sub as sub, i32x4_shuffle as shuffle, v128,
};
use core::arch::wasm32::{
    u32x4_load_extend_u16x4, u32x4_shl, v128_load, v128_load32_splat, v128_store,
};

#[inline(always)]
pub unsafe fn load(p: *const f32) -> v128 {
    v128_load(p as *const v128)
}
#[inline(always)]
pub unsafe fn load_splat(p: *const f32) -> v128 {
    v128_load32_splat(p as *const u32)
}
#[inline(always)]
pub unsafe fn store(p: *mut f32, value: v128) {
    v128_store(p as *mut v128, value)
}
#[inline(always)]
pub fn zero() -> v128 {
    splat(0.0)
}

/// Widens four packed bf16 values.
#[inline(always)]
pub unsafe fn load_bf16(p: *const u16) -> v128 {
    u32x4_shl(u32x4_load_extend_u16x4(p as *const u16), 16)
}

/// The first `count` floats, zeros behind them.
#[inline(always)]
pub unsafe fn load_part(p: *const f32, count: usize) -> v128 {
    let mut lanes = [0f32; 4];
    for (i, lane) in lanes.iter_mut().enumerate().take(count) {
        *lane = *p.add(i);
    }
    load(lanes.as_ptr())
}
#[inline(always)]
pub unsafe fn store_part(p: *mut f32, value: v128, count: usize) {
    let mut lanes = [0f32; 4];
    store(lanes.as_mut_ptr(), value);
    for (i, lane) in lanes.iter().enumerate().take(count) {
        *p.add(i) = *lane;
    }
}

/// Sum of the lanes, always in the same order.
#[inline(always)]
pub fn sum(v: v128) -> f32 {
    let pairs = add(v, shuffle::<2, 3, 0, 1>(v, v));
    f32x4_extract_lane::<0>(pairs) + f32x4_extract_lane::<1>(pairs)
}
#[inline(always)]
pub fn largest(v: v128) -> f32 {
    let pairs = max(v, shuffle::<2, 3, 0, 1>(v, v));
    let (a, b) = (
        f32x4_extract_lane::<0>(pairs),
        f32x4_extract_lane::<1>(pairs),
    );
    if a > b {
        a
    } else {
        b
    }
}

/// Rows become columns.
#[inline(always)]
pub fn transpose(r: [v128; 4]) -> [v128; 4] {
    let a = shuffle::<0, 4, 1, 5>(r[0], r[1]);
    let b = shuffle::<2, 6, 3, 7>(r[0], r[1]);
    let c = shuffle::<0, 4, 1, 5>(r[2], r[3]);
    let d = shuffle::<2, 6, 3, 7>(r[2], r[3]);
    [
        shuffle::<0, 1, 4, 5>(a, c),
        shuffle::<2, 3, 6, 7>(a, c),
        shuffle::<0, 1, 4, 5>(b, d),
        shuffle::<2, 3, 6, 7>(b, d),
    ]
}

/// Calls `body(index, count)` for 4 floats at a time over `from..to`; the last count may be 1 to 3.
#[inline(always)]
pub fn each4(from: usize, to: usize, mut body: impl FnMut(usize, usize)) {
    let mut i = from;
    while i + 4 <= to {
        body(i, 4);
        i += 4;
    }
    if i < to {
        body(i, to - i);
    }
}

/// [`load`] or [`load_part`].
#[inline(always)]
pub unsafe fn load_up_to(p: *const f32, count: usize) -> v128 {
    if count == 4 {
        load(p)
    } else {
        load_part(p, count)
    }
}
#[inline(always)]
pub unsafe fn store_up_to(p: *mut f32, value: v128, count: usize) {
    if count == 4 {
        store(p, value)
    } else {
        store_part(p, value, count)
    }
}
