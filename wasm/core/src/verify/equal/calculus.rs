//! Limits, integrals and derivatives at a point, each with an error estimate.

use super::ball::Ball;
use super::infinite;
use super::numeric::{eval, Point};
use crate::verify::tree::{Constant, Expr};

/// Extrapolates from both sides of a point where the body itself has no value.
pub fn limit(var: &str, x: Ball, body: &Expr, p: &mut Point) -> Option<Ball> {
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
pub fn integral(var: &str, lower: &Expr, upper: &Expr, body: &Expr, p: &mut Point) -> Option<Ball> {
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

/// Differences at three widths, extrapolated: double-doubles leave 12 digits or more.
pub fn derivative(var: &str, order: u32, body: &Expr, p: &mut Point) -> Option<Ball> {
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
