//! Named functions of values with an error bound.

use super::ball::Ball;
use super::dd::Dd;
use super::numeric::{eval, whole, Point};
use crate::verify::tree::{Expr, Func};

/// The value of a function.
pub fn call(f: Func, args: &[Expr], p: &mut Point) -> Option<Ball> {
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
