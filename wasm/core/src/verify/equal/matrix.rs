//! Matrices: arithmetic first, then entry by entry.

use super::{Context, Rule};
use crate::verify::tree::{Expr, Func};

type Rows = Vec<Vec<Expr>>;

/// `None` if neither side has a matrix in it.
pub fn equal(g: &Expr, p: &Expr, cx: &Context) -> Option<Option<Rule>> {
    let has = |e: &Expr| e.any(&|x| matches!(x, Expr::Matrix(_)));
    if !has(g) && !has(p) {
        return None;
    }
    let (Some(a), Some(b)) = (value(g, cx), value(p, cx)) else {
        return Some(None);
    };
    Some(match (a, b) {
        (Value::Matrix(a), Value::Matrix(b)) => {
            let same = a.len() == b.len()
                && a.iter().zip(&b).all(|(r, s)| {
                    r.len() == s.len()
                        && r.iter()
                            .zip(s)
                            .all(|(x, y)| super::equal(x, y, cx).is_some())
                });
            same.then_some(Rule::Matrix)
        }
        (Value::Scalar(a), Value::Scalar(b)) => super::scalar::equal(&a, &b, cx),
        _ => None,
    })
}

enum Value {
    Matrix(Rows),
    Scalar(Expr),
}

fn value(e: &Expr, cx: &Context) -> Option<Value> {
    cx.budget.spend(5)?;
    use Value::*;
    Some(match e {
        Expr::Matrix(rows) => Matrix(rows.clone()),
        Expr::Neg(a) => match value(a, cx)? {
            Matrix(m) => Matrix(each(&m, &|x| x.clone().negated())),
            Scalar(x) => Scalar(x.negated()),
        },
        Expr::Add(v) => {
            let mut out = value(v.first()?, cx)?;
            for x in &v[1..] {
                out = match (out, value(x, cx)?) {
                    (Matrix(a), Matrix(b)) => Matrix(add(&a, &b)?),
                    (Scalar(a), Scalar(b)) => Scalar(Expr::Add(vec![a, b])),
                    _ => return None,
                };
            }
            out
        }
        Expr::Mul(v) => {
            let mut out = value(v.first()?, cx)?;
            for x in &v[1..] {
                out = match (out, value(x, cx)?) {
                    (Matrix(a), Matrix(b)) => Matrix(multiply(&a, &b, cx)?),
                    (Scalar(s), Matrix(m)) | (Matrix(m), Scalar(s)) => {
                        Matrix(each(&m, &|x| Expr::Mul(vec![s.clone(), x.clone()])))
                    }
                    (Scalar(a), Scalar(b)) => Scalar(Expr::Mul(vec![a, b])),
                };
            }
            out
        }
        Expr::Div(a, b) => match (value(a, cx)?, value(b, cx)?) {
            (Matrix(m), Scalar(s)) => Matrix(each(&m, &|x| {
                Expr::Div(Box::new(x.clone()), Box::new(s.clone()))
            })),
            (Scalar(a), Scalar(b)) => Scalar(Expr::Div(Box::new(a), Box::new(b))),
            _ => return None,
        },
        Expr::Pow(a, b) => match value(a, cx)? {
            Matrix(m) => {
                if matches!(&**b, Expr::Sym(t) if t == "T") {
                    return Some(Matrix(transpose(&m)));
                }
                let n = super::exact::fraction(b, cx.budget)?
                    .whole()
                    .filter(|n| *n != 0 && n.abs() <= 16)?;
                let m = if n < 0 { inverse(&m, cx)? } else { m };
                let n = n.unsigned_abs();
                let mut out = m.clone();
                for _ in 1..n {
                    out = multiply(&out, &m, cx)?;
                }
                Matrix(out)
            }
            Scalar(a) => Scalar(Expr::Pow(Box::new(a), b.clone())),
        },
        Expr::Call(Func::Transpose, v) => match value(v.first()?, cx)? {
            Matrix(m) => Matrix(transpose(&m)),
            s => s,
        },
        Expr::Call(Func::Det, v) => match value(v.first()?, cx)? {
            Matrix(m) => Scalar(determinant(&m, cx)?),
            s => s,
        },
        Expr::Call(Func::Trace, v) => match value(v.first()?, cx)? {
            Matrix(m) => Scalar(Expr::Add(
                (0..m.len())
                    .map(|k| m[k].get(k).cloned())
                    .collect::<Option<_>>()?,
            )),
            s => s,
        },
        other => Scalar(other.clone()),
    })
}

fn each(m: &Rows, f: &dyn Fn(&Expr) -> Expr) -> Rows {
    m.iter().map(|r| r.iter().map(f).collect()).collect()
}

fn transpose(m: &Rows) -> Rows {
    (0..m[0].len())
        .map(|j| m.iter().map(|r| r[j].clone()).collect())
        .collect()
}

fn add(a: &Rows, b: &Rows) -> Option<Rows> {
    if a.len() != b.len() || a[0].len() != b[0].len() {
        return None;
    }
    Some(
        a.iter()
            .zip(b)
            .map(|(r, s)| {
                r.iter()
                    .zip(s)
                    .map(|(x, y)| Expr::Add(vec![x.clone(), y.clone()]))
                    .collect()
            })
            .collect(),
    )
}

fn multiply(a: &Rows, b: &Rows, cx: &Context) -> Option<Rows> {
    if a[0].len() != b.len() {
        return None;
    }
    cx.budget
        .spend((a.len() * b.len() * b[0].len()) as u64 * 20)?;
    let entry = |i: usize, j: usize| {
        let sum = Expr::Add(
            (0..b.len())
                .map(|k| Expr::Mul(vec![a[i][k].clone(), b[k][j].clone()]))
                .collect(),
        );
        // Numbers are folded, so that powers do not grow trees.
        super::exact::rational(&sum, cx.budget).map_or(sum, Expr::rational)
    };
    Some(
        (0..a.len())
            .map(|i| (0..b[0].len()).map(|j| entry(i, j)).collect())
            .collect(),
    )
}

/// By cofactors, for matrices up to 5 × 5.
fn determinant(m: &Rows, cx: &Context) -> Option<Expr> {
    let n = m.len();
    if n != m[0].len() || n > 5 {
        return None;
    }
    cx.budget.spend(10)?;
    if n == 1 {
        return Some(m[0][0].clone());
    }
    let terms = (0..n).map(|j| Some(Expr::Mul(vec![m[0][j].clone(), cofactor(m, 0, j, cx)?])));
    Some(Expr::Add(terms.collect::<Option<_>>()?))
}

/// The determinant without a row and a column, with its sign.
fn cofactor(m: &Rows, row: usize, column: usize, cx: &Context) -> Option<Expr> {
    if m.len() == 1 {
        return Some(Expr::int(1));
    }
    let mut minor = m.clone();
    minor.remove(row);
    for r in &mut minor {
        r.remove(column);
    }
    let value = determinant(&minor, cx)?;
    Some(if (row + column) % 2 == 0 {
        value
    } else {
        value.negated()
    })
}

/// The transposed cofactors over the determinant, for matrices up to 4 × 4.
fn inverse(m: &Rows, cx: &Context) -> Option<Rows> {
    let n = m.len();
    if n > 4 {
        return None;
    }
    let below = determinant(m, cx)?;
    if super::scalar::equal(&Expr::int(0), &below, cx).is_some() {
        return None;
    }
    let entry = |i: usize, j: usize| {
        let above = cofactor(m, j, i, cx)?;
        Some(Expr::Div(Box::new(above), Box::new(below.clone())))
    };
    (0..n)
        .map(|i| (0..n).map(|j| entry(i, j)).collect())
        .collect()
}
