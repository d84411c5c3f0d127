//! Eight floats at a time, as two vectors side by side: an engine that joins neighbouring vectors
//! runs them as one. The names are those of [`crate::simd`], and so is each lane's result.

use crate::simd as four;
use core::arch::wasm32::v128;

/// Eight floats.
pub type Pair = [v128; 2];

macro_rules! lanewise {
    ($($name:ident($($x:ident),*));* $(;)?) => {
        $(#[inline(always)]
        pub fn $name($($x: Pair),*) -> Pair {
            [four::$name($($x[0]),*), four::$name($($x[1]),*)]
        })*
    };
}

lanewise! {
    add(a, b);
    sub(a, b);
    mul(a, b);
    div(a, b);
    max(a, b);
    madd(a, b, c);
    nmadd(a, b, c);
    sqrt(a);
}

/// `function` of each half.
#[inline(always)]
pub fn each(x: Pair, function: impl Fn(v128) -> v128) -> Pair {
    [function(x[0]), function(x[1])]
}
#[inline(always)]
pub fn splat(value: f32) -> Pair {
    [four::splat(value); 2]
}
#[inline(always)]
pub unsafe fn load_splat(p: *const f32) -> Pair {
    [four::load_splat(p); 2]
}
#[inline(always)]
pub fn zero() -> Pair {
    splat(0.0)
}
#[inline(always)]
pub unsafe fn load(p: *const f32) -> Pair {
    [four::load(p), four::load(p.add(4))]
}
#[inline(always)]
pub unsafe fn store(p: *mut f32, value: Pair) {
    four::store(p, value[0]);
    four::store(p.add(4), value[1]);
}

/// The first `count` floats, zeros behind them.
#[inline(always)]
pub unsafe fn load_up_to(p: *const f32, count: usize) -> Pair {
    if count == 8 {
        return load(p);
    }
    let mut lanes = [0f32; 8];
    for (i, lane) in lanes.iter_mut().enumerate().take(count) {
        *lane = *p.add(i);
    }
    load(lanes.as_ptr())
}
#[inline(always)]
pub unsafe fn store_up_to(p: *mut f32, value: Pair, count: usize) {
    if count == 8 {
        return store(p, value);
    }
    let mut lanes = [0f32; 8];
    store(lanes.as_mut_ptr(), value);
    for (i, lane) in lanes.iter().enumerate().take(count) {
        *p.add(i) = *lane;
    }
}

/// Sum of the lanes, always in the same order. It goes through memory because neighbouring stores are
/// what an engine joins first, and then what led to them.
#[inline(always)]
pub unsafe fn sum(value: Pair) -> f32 {
    let mut lanes = [0f32; 8];
    store(lanes.as_mut_ptr(), value);
    let lanes = lanes.as_ptr();
    four::sum(four::add(four::load(lanes), four::load(lanes.add(4))))
}
#[inline(always)]
pub unsafe fn largest(value: Pair) -> f32 {
    let mut lanes = [0f32; 8];
    store(lanes.as_mut_ptr(), value);
    let lanes = lanes.as_ptr();
    four::largest(four::max(four::load(lanes), four::load(lanes.add(4))))
}

/// Calls `body(index, count)` for 8 floats at a time over `from..to`; the last count may be 1 to 7.
#[inline(always)]
pub fn each8(from: usize, to: usize, mut body: impl FnMut(usize, usize)) {
    let mut i = from;
    while i + 8 <= to {
        body(i, 8);
        i += 8;
    }
    if i < to {
        body(i, to - i);
    }
}
