//! Evaluation with an error bound, at given values of the symbols.

use super::ball::Ball;
use super::dd::Dd;
use super::infinite;
use crate::verify::budget::Budget;
use crate::verify::parse::print::print;
use crate::verify::tree::{BigOp, Constant, Expr, Func};
use num_traits::ToPrimitive;

/// Values of the symbols, and what evaluation may spend.
pub struct Point<'a> {
    pub values: Vec<(String, Ball)>,
    pub budget: &'a Budget,
    /// Mixes into the values of unknown functions.
    pub seed: u64,
}

/// The value of `e`, if every part of it has one.
pub fn eval(e: &Expr, p: &mut Point) -> Option<Ball> {
    p.budget.spend(2)?;
    match e {
        Expr::Num(n) => Ball::rational(&n.value),
        Expr::BaseNum { value, .. } => {
            Ball::rational(&num_rational::BigRational::from_integer(value.clone()))
        }
        Expr::Sym(s) => p.values.iter().rev().find(|(n, _)| n == s).map(|(_, v)| *v),
        Expr::Const(Constant::Pi) => Some(Ball::real(Dd::PI)),
        Expr::Const(Constant::E) => Some(Ball::real(Dd::E)),
        Expr::Const(Constant::I) => Some(
            p.values
                .iter()
                .rev()
                .find(|(n, _)| n == "i")
                .map_or(Ball::i(), |(_, v)| *v),
        ),
        Expr::Add(v) => v
            .iter()
            .try_fold(Ball::from_f64(0.0), |s, x| Some(s.add(eval(x, p)?))),
        Expr::Mul(v) => v
            .iter()
            .try_fold(Ball::from_f64(1.0), |s, x| Some(s.mul(eval(x, p)?))),
        Expr::Div(a, b) => eval(a, p)?.div(eval(b, p)?),
        Expr::Ratio(v) if v.len() == 2 => eval(&v[0], p)?.div(eval(&v[1], p)?),
        Expr::Neg(a) => Some(eval(a, p)?.neg()),
        Expr::Percent(a) => eval(a, p)?.div(Ball::from_f64(100.0)),
        Expr::Degree(a) | Expr::WithUnit { value: a, .. } => eval(a, p),
        Expr::Pow(a, b) => eval(a, p)?.pow(eval(b, p)?),
        Expr::Call(f, args) => call(*f, args, p),
        Expr::Apply(name, args) => {
            let mut state = p.seed ^ hash(name.as_bytes());
            for a in args {
                let v = eval(a, p)?;
                // Twelve digits: equal arguments that differ in rounding stay equal.
                state = mix(state ^ (v.re.hi * 1e9).round().to_bits())
                    ^ (v.im.hi * 1e9).round().to_bits();
            }
            Some(Ball::from_f64(unit(mix(state)) * 4.0 - 2.0))
        }
        Expr::Big {
            op: op @ (BigOp::Sum | BigOp::Product),
            var,
            lower: Some(lower),
            upper: Some(upper),
            body,
        } => {
            let lo = whole(eval(lower, p)?)?;
            if matches!(**upper, Expr::Const(Constant::Infinity)) {
                let value = if *op == BigOp::Sum {
                    infinite::sum(var, lo, body, p)
                } else {
                    None
                };
                return value.or_else(|| {
                    opaque(e, &format!("{op:?}"), var, &[&**lower, &**upper], body, p)
                });
            }
            let hi = whole(eval(upper, p)?)?;
            let mut out = Ball::from_f64(if *op == BigOp::Sum { 0.0 } else { 1.0 });
            for k in lo..=hi {
                p.budget.spend(4)?;
                p.values.push((var.clone(), Ball::from_f64(k as f64)));
                let x = eval(body, p);
                p.values.pop();
                out = if *op == BigOp::Sum {
                    out.add(x?)
                } else {
                    out.mul(x?)
                };
            }
            Some(out)
        }
        Expr::Big {
            op: BigOp::Integral,
            var,
            lower: Some(lower),
            upper: Some(upper),
            body,
        } => integral(var, lower, upper, body, p),
        Expr::Big {
            op: BigOp::Limit,
            var,
            lower: Some(at),
            body,
            ..
        } => {
            match &**at {
                Expr::Const(Constant::Infinity) => return infinite::limit(var, 1.0, body, p),
                Expr::Neg(x) if matches!(**x, Expr::Const(Constant::Infinity)) => {
                    return infinite::limit(var, -1.0, body, p)
                }
                _ => {}
            }
            let x = eval(at, p)?;
            p.values.push((var.clone(), x));
            let y = eval(body, p);
            p.values.pop();
            y.filter(Ball::usable).or_else(|| limit(var, x, body, p))
        }
        Expr::Big {
            op,
            var,
            lower,
            upper,
            body,
        } => {
            let bounds: Vec<&Expr> = lower.iter().chain(upper).map(|x| &**x).collect();
            opaque(e, &format!("{op:?}"), var, &bounds, body, p)
        }
        Expr::Derivative { var, order, body } => {
            if let Some(y) = derivative(var, *order, body, p) {
                return Some(y);
            }
            opaque(e, &format!("D{order}{var}"), var, &[], body, p)
        }
        _ => None,
    }
}

fn whole(b: Ball) -> Option<i64> {
    let n = b.re.hi.round();
    ((b.re.hi - n).abs() < 1e-12 && b.is_real() && n.abs() < 1e6)
        .then(|| n.to_i64())
        .flatten()
}

/// Extrapolates from both sides of a point where the body itself has no value.
fn limit(var: &str, x: Ball, body: &Expr, p: &mut Point) -> Option<Ball> {
    let at = |h: f64, p: &mut Point| {
        p.values.push((var.to_string(), x.add(Ball::from_f64(h))));
        let y = eval(body, p);
        p.values.pop();
        y
    };
    // Symmetric differences cancel odd powers of h; two sizes cancel h².
    let h = 1.0 / 4096.0;
    let (a, b) = (at(h, p)?, at(-h, p)?);
    let (c, d) = (at(h / 2.0, p)?, at(-h / 2.0, p)?);
    let (e, f) = (at(h / 4.0, p)?, at(-h / 4.0, p)?);
    let half = Ball::from_f64(0.5);
    let (m1, m2, m3) = (a.add(b).mul(half), c.add(d).mul(half), e.add(f).mul(half));
    // The sides must meet.
    if c.sub(d).magnitude() > 0.01 * (1.0 + m2.magnitude()) {
        return None;
    }
    let step = |fine: Ball, coarse: Ball, k: f64| {
        fine.mul(Ball::from_f64(k))
            .sub(coarse)
            .div(Ball::from_f64(k - 1.0))
    };
    let (r1, r2) = (step(m2, m1, 4.0)?, step(m3, m2, 4.0)?);
    let r = step(r2, r1, 16.0)?;
    Some(Ball {
        err: r.err + r.sub(r2).magnitude() + 1e-14,
        ..r
    })
}

/// Gauss–Legendre on a finite interval, halved until two answers meet.
fn integral(var: &str, lower: &Expr, upper: &Expr, body: &Expr, p: &mut Point) -> Option<Ball> {
    const NODES: [(f64, f64); 5] = [
        (0.148_874_338_981_631_22, 0.295_524_224_714_752_87),
        (0.433_395_394_129_247_2, 0.269_266_719_309_996_35),
        (0.679_409_568_299_024_4, 0.219_086_362_515_982_04),
        (0.865_063_366_688_984_5, 0.149_451_349_150_580_6),
        (0.973_906_528_517_171_7, 0.066_671_344_308_688_14),
    ];
    let infinite = |e: &Expr| match e {
        Expr::Const(Constant::Infinity) => 1,
        Expr::Neg(x) if matches!(**x, Expr::Const(Constant::Infinity)) => -1,
        _ => 0,
    };
    let zero = Ball::from_f64(0.0);
    match (infinite(lower), infinite(upper)) {
        (0, 0) => {}
        (0, 1) => return infinite::half_line(var, eval(lower, p)?, 1.0, body, p),
        (-1, 0) => return infinite::half_line(var, eval(upper, p)?, -1.0, body, p),
        (-1, 1) => {
            let left = infinite::half_line(var, zero, -1.0, body, p)?;
            return Some(left.add(infinite::half_line(var, zero, 1.0, body, p)?));
        }
        _ => return None,
    }
    let (a, b) = (eval(lower, p)?, eval(upper, p)?);
    let width = b.sub(a);
    let mut previous: Option<Ball> = None;
    for pieces in [2usize, 4, 8] {
        let mut sum = Ball::from_f64(0.0);
        let piece = width.div(Ball::from_f64(pieces as f64))?;
        for k in 0..pieces {
            let mid = a.add(piece.mul(Ball::from_f64(k as f64 + 0.5)));
            for (x, w) in NODES.iter().flat_map(|(x, w)| [(*x, *w), (-*x, *w)]) {
                p.values
                    .push((var.to_string(), mid.add(piece.mul(Ball::from_f64(x / 2.0)))));
                let y = eval(body, p);
                p.values.pop();
                let Some(y) = y else {
                    return infinite::singular(var, a, b, body, p);
                };
                sum = sum.add(y.mul(Ball::from_f64(w / 2.0)));
            }
        }
        let value = sum.mul(piece);
        if let Some(before) = previous {
            let gap = value.sub(before).magnitude();
            if gap <= 1e-12 * value.magnitude().max(1e-3) {
                return Some(Ball {
                    err: value.err + gap + 1e-14 * value.magnitude(),
                    ..value
                });
            }
        }
        previous = Some(value);
    }
    infinite::singular(var, a, b, body, p)
}

fn call(f: Func, args: &[Expr], p: &mut Point) -> Option<Ball> {
    use Func::*;
    if matches!(f, Det | Trace | Transpose) {
        return None;
    }
    let mut v = Vec::with_capacity(args.len());
    for a in args {
        v.push(eval(a, p)?);
    }
    let one = Ball::from_f64(1.0);
    let x = *v.first()?;
    let i = Ball::i();
    let real = |b: &Ball| b.is_real().then_some(b.re);
    Some(match f {
        Sin => x.sin_cos()?.0,
        Cos => x.sin_cos()?.1,
        Tan => x.sin_cos().and_then(|(s, c)| s.div(c))?,
        Cot => x.sin_cos().and_then(|(s, c)| c.div(s))?,
        Sec => one.div(x.sin_cos()?.1)?,
        Csc => one.div(x.sin_cos()?.0)?,
        Asin => asin(x)?,
        Acos => Ball::real(Dd::PI.scale2(-1)).sub(asin(x)?),
        Atan => atan(x)?,
        Acot => atan(one.div(x)?)?,
        Asec => Ball::real(Dd::PI.scale2(-1)).sub(asin(one.div(x)?)?),
        Acsc => asin(one.div(x)?)?,
        Sinh => x.exp()?.sub(x.neg().exp()?).mul(Ball::from_f64(0.5)),
        Cosh => x.exp()?.add(x.neg().exp()?).mul(Ball::from_f64(0.5)),
        Tanh => {
            let (a, b) = (x.exp()?, x.neg().exp()?);
            a.sub(b).div(a.add(b))?
        }
        Coth => {
            let (a, b) = (x.exp()?, x.neg().exp()?);
            a.add(b).div(a.sub(b))?
        }
        Sech => Ball::from_f64(2.0).div(x.exp()?.add(x.neg().exp()?))?,
        Csch => Ball::from_f64(2.0).div(x.exp()?.sub(x.neg().exp()?))?,
        Asinh => x.add(x.mul(x).add(one).sqrt()?).ln()?,
        Acosh => x.add(x.add(one).sqrt()?.mul(x.sub(one).sqrt()?)).ln()?,
        Atanh => one
            .add(x)
            .ln()?
            .sub(one.sub(x).ln()?)
            .mul(Ball::from_f64(0.5)),
        Exp => x.exp()?,
        Ln => x.ln()?,
        Log => x.ln()?.div(v.get(1)?.ln()?)?,
        Root => root(x, *v.get(1)?)?,
        Abs | Norm => {
            let mut sum = Dd::ZERO;
            let mut err = 0.0;
            for b in &v {
                if v.len() == 1 && b.im == Dd::ZERO {
                    return Some(Ball {
                        re: b.re.abs(),
                        ..*b
                    });
                }
                sum = sum + b.re * b.re + b.im * b.im;
                err += b.err;
            }
            let r = sum.sqrt();
            Ball {
                re: r,
                im: Dd::ZERO,
                err: err * 1.5 + 1e-29 * r.hi,
            }
        }
        Floor => rounded(x, false)?,
        Ceil => rounded(x, true)?,
        Min | Max => {
            let mut best = x;
            for b in &v {
                let (r, s) = (real(b)?, real(&best)?);
                if (r - s).hi < 0.0 && f == Min || (r - s).hi > 0.0 && f == Max {
                    best = *b;
                }
            }
            best
        }
        Sign => Ball::from_f64(if x.is_zero() {
            0.0
        } else {
            real(&x)?.hi.signum()
        }),
        Re => Ball { im: Dd::ZERO, ..x },
        Im => Ball {
            re: x.im,
            im: Dd::ZERO,
            ..x
        },
        Conjugate => Ball { im: -x.im, ..x },
        Arg => x.ln()?.mul(i.neg()).re_only(),
        Factorial => (1..=whole(x).filter(|n| (0..=150).contains(n))?)
            .fold(one, |a, k| a.mul(Ball::from_f64(k as f64))),
        DoubleFactorial => (1..=whole(x).filter(|n| (0..=150).contains(n))?)
            .rev()
            .step_by(2)
            .fold(one, |a, k| a.mul(Ball::from_f64(k as f64))),
        Binomial => {
            let k = whole(*v.get(1)?).filter(|k| (0..=60).contains(k))?;
            let mut out = one;
            for j in 0..k {
                out = out
                    .mul(x.sub(Ball::from_f64(j as f64)))
                    .div(Ball::from_f64(j as f64 + 1.0))?;
            }
            out
        }
        Mod => {
            let m = *v.get(1)?;
            let q = x.div(m)?;
            x.sub(rounded(q, false)?.mul(m))
        }
        // Symbols share no factor that is known of.
        Lcm => v.iter().skip(1).fold(x, |a, b| a.mul(*b)),
        Gcd => return None,
        Det | Trace | Transpose => return None,
    })
}

impl Ball {
    fn re_only(self) -> Self {
        Ball {
            im: Dd::ZERO,
            ..self
        }
    }
}

fn rounded(x: Ball, up: bool) -> Option<Ball> {
    if !x.is_real() || x.magnitude() > 1e15 {
        return None;
    }
    let near = x.re.hi.round();
    let gap = (x.re - Dd::new(near)).hi.abs();
    // On a whole number within the error: that number.
    if gap <= 2.0 * x.err + 1e-25 {
        return Some(Ball::from_f64(near));
    }
    let f = x.re.floor();
    Some(Ball {
        re: if up { f + Dd::ONE } else { f },
        im: Dd::ZERO,
        err: 0.0,
    })
}

/// The real root of a real number for an odd index, else the principal one.
fn root(x: Ball, n: Ball) -> Option<Ball> {
    if n.is_real() && n.re.hi == 2.0 && n.re.lo == 0.0 {
        return x.sqrt();
    }
    if x.magnitude() == 0.0 {
        return Some(x);
    }
    if let Some(k) = whole(n) {
        if k % 2 != 0 && x.is_real() && x.re.is_negative() {
            return Some(root(x.neg(), n)?.neg());
        }
    }
    x.ln()?.div(n)?.exp()
}

fn asin(x: Ball) -> Option<Ball> {
    // −i ln(ix + √(1 − x²))
    let r = Ball::from_f64(1.0).sub(x.mul(x)).sqrt()?;
    let y = x.mul(Ball::i()).add(r).ln()?.mul(Ball::i().neg());
    Some(if x.is_real() && x.re.hi.abs() <= 1.0 {
        y.re_only()
    } else {
        y
    })
}

fn atan(x: Ball) -> Option<Ball> {
    if x.is_real() {
        let re = Dd::atan2(x.re, Dd::ONE);
        return Some(Ball {
            re,
            im: Dd::ZERO,
            err: x.err + 1e-29,
        });
    }
    let ix = x.mul(Ball::i());
    let one = Ball::from_f64(1.0);
    Some(
        one.add(ix)
            .ln()?
            .sub(one.sub(ix).ln()?)
            .mul(Ball::i().neg())
            .mul(Ball::from_f64(0.5)),
    )
}

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

/// A double in [0, 1).
pub fn unit(x: u64) -> f64 {
    (x >> 11) as f64 / (1u64 << 53) as f64
}

/// A stand-in for an operator that has no value here: the same for bodies and bounds that agree.
fn opaque(
    e: &Expr,
    name: &str,
    var: &str,
    bounds: &[&Expr],
    body: &Expr,
    p: &mut Point,
) -> Option<Ball> {
    let mut state = p.seed ^ hash(name.as_bytes());
    let digest = |b: Ball| {
        (b.re.hi * 1e9).round().to_bits() ^ (b.im.hi * 1e9).round().to_bits().rotate_left(32)
    };
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

/// Differences at three widths, extrapolated: double-doubles leave 12 digits or more.
fn derivative(var: &str, order: u32, body: &Expr, p: &mut Point) -> Option<Ball> {
    if order == 0 {
        return eval(body, p);
    }
    if order > 3 {
        return None;
    }
    let x = p
        .values
        .iter()
        .rev()
        .find(|(n, _)| n == var)
        .map(|(_, v)| *v)?;
    let mut slope = |h: f64| {
        let mut at = |h: f64| {
            p.values.push((var.to_string(), x.add(Ball::from_f64(h))));
            let y = derivative(var, order - 1, body, p);
            p.values.pop();
            y
        };
        at(h)?.sub(at(-h)?).div(Ball::from_f64(2.0 * h))
    };
    let h = 1.0 / 4096.0;
    let (a, b, c) = (slope(h)?, slope(h / 2.0)?, slope(h / 4.0)?);
    let step = |fine: Ball, coarse: Ball, k: f64| {
        fine.mul(Ball::from_f64(k))
            .sub(coarse)
            .div(Ball::from_f64(k - 1.0))
    };
    let (r1, r2) = (step(b, a, 4.0)?, step(c, b, 4.0)?);
    let r = step(r2, r1, 16.0)?;
    Some(Ball {
        err: r.err + r.sub(r2).magnitude(),
        ..r
    })
}
