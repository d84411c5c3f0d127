//! Sums to infinity and integrals over a half line, with an error estimate.

use super::ball::Ball;
use super::numeric::{eval, Point};
use crate::verify::tree::Expr;
use std::f64::consts::FRAC_PI_2;

/// Terms added one by one; a geometric series has converged by then.
const DIRECT: usize = 120;
/// Order of the transformation that slower series need.
const ORDER: usize = 18;

fn at(var: &str, x: Ball, body: &Expr, p: &mut Point) -> Option<Ball> {
    p.values.push((var.to_string(), x));
    let y = eval(body, p);
    p.values.pop();
    y
}

/// Σ body for var = lo, lo + 1, …; `None` if it does not seem to converge.
pub fn sum(var: &str, lo: i64, body: &Expr, p: &mut Point) -> Option<Ball> {
    let mut terms: Vec<Ball> = vec![];
    let mut partial: Vec<Ball> = vec![];
    let mut total = Ball::from_f64(0.0);
    let mut small = 0;
    for k in 0..DIRECT {
        p.budget.spend(4)?;
        let Some(term) = at(var, Ball::from_f64((lo + k as i64) as f64), body, p) else {
            // A factorial out of range: the series has converged long before, or never will.
            break;
        };
        total = total.add(term);
        terms.push(term);
        partial.push(total);
        small = if term.magnitude() <= 1e-27 * total.magnitude() {
            small + 1
        } else {
            0
        };
        if small >= 3 {
            return Some(total);
        }
        // Growing terms have no sum.
        if k >= 40 && term.magnitude() > 2.0 * terms[k / 2].magnitude() {
            return None;
        }
    }
    levin(&terms, &partial)
}

/// Levin's u-transformation (Levin 1973), at two orders that must agree.
fn levin(terms: &[Ball], partial: &[Ball]) -> Option<Ball> {
    if terms.len() <= ORDER + 1 || terms.iter().take(ORDER + 1).any(|t| t.magnitude() == 0.0) {
        return None;
    }
    let alternating = terms[ORDER].re.hi * terms[ORDER - 1].re.hi < 0.0;
    let weight = |k: usize| {
        if alternating {
            terms[k].magnitude()
        } else {
            (k + 1) as f64 * terms[k].magnitude()
        }
    };
    // 1/k and slower do not converge.
    if weight(ORDER) > 0.97 * weight(ORDER / 2) {
        return None;
    }
    let (a, b) = (
        transform(terms, partial, ORDER - 2)?,
        transform(terms, partial, ORDER)?,
    );
    let gap = b.sub(a).magnitude();
    Some(Ball {
        err: b.err + gap,
        ..b
    })
}

fn transform(terms: &[Ball], partial: &[Ball], n: usize) -> Option<Ball> {
    let (mut above, mut below) = (Ball::from_f64(0.0), Ball::from_f64(0.0));
    let mut choose = 1.0;
    for j in 0..=n {
        let base = Ball::from_f64((j + 1) as f64).div(Ball::from_f64((n + 1) as f64))?;
        let c =
            base.powi(n as i64 - 1)?
                .mul(Ball::from_f64(if j % 2 == 0 { choose } else { -choose }));
        let w = c.div(terms[j].mul(Ball::from_f64((j + 1) as f64)))?;
        above = above.add(w.mul(partial[j]));
        below = below.add(w);
        choose = choose * (n - j) as f64 / (j + 1) as f64;
    }
    above.div(below)
}

/// ∫ body over `from + sign·(0, ∞)`, by the exp-sinh rule (Takahasi & Mori 1974) at two widths.
pub fn half_line(var: &str, from: Ball, sign: f64, body: &Expr, p: &mut Point) -> Option<Ball> {
    let coarse = exp_sinh(var, from, sign, body, 1.0 / 16.0, p)?;
    let fine = exp_sinh(var, from, sign, body, 1.0 / 32.0, p)?;
    let gap = fine.sub(coarse).magnitude();
    let ball = Ball {
        err: fine.err + gap + 1e-13 * fine.magnitude(),
        ..fine
    };
    (ball.err <= 1e-9 * ball.magnitude()).then_some(ball)
}

fn exp_sinh(var: &str, from: Ball, sign: f64, body: &Expr, h: f64, p: &mut Point) -> Option<Ball> {
    let mut total = Ball::from_f64(0.0);
    for direction in [1.0, -1.0] {
        let mut last = f64::INFINITY;
        let steps = (4.5 / h) as usize;
        for k in usize::from(direction < 0.0)..=steps {
            let t = direction * h * k as f64;
            let x = (FRAC_PI_2 * t.sinh()).exp();
            let weight = FRAC_PI_2 * t.cosh() * x * h;
            let Some(y) = at(var, from.add(Ball::from_f64(sign * x)), body, p)
                .filter(|y| y.magnitude().is_finite())
            else {
                // Out of range: fine where what came before was negligible already.
                if last <= 1e-16 * total.magnitude() {
                    break;
                }
                return None;
            };
            let term = y.mul(Ball::from_f64(weight));
            total = total.add(term);
            let size = term.magnitude();
            if size <= 1e-18 * total.magnitude() && last <= 1e-18 * total.magnitude() {
                break;
            }
            last = size;
        }
        // The tail must have died out.
        if last > 1e-12 * total.magnitude() {
            return None;
        }
    }
    Some(total)
}

/// The limit of body for var → ±∞: values at 2⁸ … 2¹⁵, extrapolated in powers of 1/var.
pub fn limit(var: &str, sign: f64, body: &Expr, p: &mut Point) -> Option<Ball> {
    const ROWS: usize = 8;
    let mut row: Vec<Ball> = vec![];
    let mut previous: Option<Ball> = None;
    for k in 0..ROWS {
        let mut next = vec![at(
            var,
            Ball::from_f64(sign * (256u32 << k) as f64),
            body,
            p,
        )?];
        for (j, old) in row.iter().enumerate() {
            let factor = (2u32 << j) as f64;
            let step = next[j].sub(*old).div(Ball::from_f64(factor - 1.0))?;
            next.push(next[j].add(step));
        }
        if k == ROWS - 2 {
            previous = next.last().copied();
        }
        row = next;
    }
    let (value, before) = (*row.last()?, previous?);
    let gap = value.sub(before).magnitude();
    let size = value.magnitude();
    // The plain values must come closer too, or there is no limit.
    (gap <= 1e-12 * size.max(1e-6)).then_some(Ball {
        err: value.err + 4.0 * gap,
        ..value
    })
}

/// ∫ over a finite interval whose ends may be singular, by the tanh-sinh rule.
pub fn singular(var: &str, a: Ball, b: Ball, body: &Expr, p: &mut Point) -> Option<Ball> {
    let coarse = tanh_sinh(var, a, b, body, 1.0 / 8.0, p)?;
    let fine = tanh_sinh(var, a, b, body, 1.0 / 16.0, p)?;
    let gap = fine.sub(coarse).magnitude();
    let ball = Ball {
        err: fine.err + gap + 1e-13 * fine.magnitude(),
        ..fine
    };
    (ball.err <= 1e-9 * ball.magnitude()).then_some(ball)
}

fn tanh_sinh(var: &str, a: Ball, b: Ball, body: &Expr, h: f64, p: &mut Point) -> Option<Ball> {
    let width = b.sub(a);
    let mut total = Ball::from_f64(0.0);
    for (near, sign) in [(a, 1.0), (b, -1.0)] {
        let mut last = f64::INFINITY;
        for k in usize::from(sign < 0.0)..=(4.2 / h) as usize {
            let t = h * k as f64;
            let s = (-2.0 * FRAC_PI_2 * t.sinh()).exp();
            // The distance to the nearer end keeps its digits.
            let away = width.mul(Ball::from_f64(sign * s / (1.0 + s)));
            let weight = 2.0 * FRAC_PI_2 * t.cosh() * s / ((1.0 + s) * (1.0 + s)) * h;
            let Some(y) = at(var, near.add(away), body, p).filter(|y| y.magnitude().is_finite())
            else {
                break;
            };
            let term = y.mul(Ball::from_f64(weight));
            total = total.add(term);
            last = term.magnitude();
        }
        if last > 1e-11 * total.magnitude() {
            return None;
        }
    }
    Some(total.mul(width))
}
