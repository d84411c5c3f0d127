//! Values for what has none: the same for parts that agree, and otherwise as good as random.

use super::ball::Ball;
use super::numeric::{eval, Point};
use crate::verify::parse::print::print;
use crate::verify::tree::{Constant, Expr};

/// FNV-1a.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ *b as u64).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// SplitMix64's finaliser.
pub fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The leading bits of a value, fewer than it is known to, so that equal values that differ in
/// rounding have the same.
pub fn digest(b: Ball) -> u64 {
    let size = b.magnitude();
    let bits = |x: f64| {
        if x.abs() <= 2.0 * b.err + 1e-25 * size {
            return 0;
        }
        let dropped = if b.err <= 1e-20 * size { 12 } else { 22 };
        (x.to_bits() + (1 << (dropped - 1))) >> dropped
    };
    mix(bits(b.re.hi)) ^ bits(b.im.hi)
}

/// A double in [0, 1).
pub fn unit(x: u64) -> f64 {
    (x >> 11) as f64 / (1u64 << 53) as f64
}

/// A stand-in for an operator that has no value here: the same for bodies and bounds that agree.
pub fn opaque(
    e: &Expr,
    name: &str,
    var: &str,
    bounds: &[&Expr],
    body: &Expr,
    p: &mut Point,
) -> Option<Ball> {
    p.stands_in = true;
    let mut state = p.seed ^ hash(name.as_bytes());
    for bound in bounds {
        state = match bound {
            Expr::Const(Constant::Infinity) => mix(state ^ 1),
            other => match eval(other, p) {
                Some(b) => mix(state ^ digest(b)),
                None => mix(state ^ hash(print(other).as_bytes())),
            },
        };
    }
    // Without bounds the variable is free, so its name counts.
    let own = if bounds.is_empty() {
        hash(var.as_bytes())
    } else {
        3
    };
    for k in 0..2u64 {
        let x = Ball::from_f64(0.5 + 3.0 * unit(mix(own + k)));
        p.values.push((var.to_string(), x));
        let y = eval(body, p);
        p.values.pop();
        state = match y {
            Some(b) => mix(state ^ digest(b)),
            None => {
                return Some(Ball::from_f64(unit(
                    mix(p.seed ^ hash(print(e).as_bytes())),
                )))
            }
        };
    }
    Some(Ball::from_f64(unit(state)))
}
