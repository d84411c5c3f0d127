//! Trees as readable text, for `gold_parsed` and `prediction_parsed`.

use crate::verify::tree::{Constant, Expr, Number, RelOp, SetOp};

/// Longest text shown.
const MAX_SHOWN: usize = 2000;

/// `expr` in plain notation.
pub fn print(expr: &Expr) -> String {
    let mut out = String::new();
    write(expr, &mut out);
    if out.len() > MAX_SHOWN {
        let mut end = MAX_SHOWN;
        while !out.is_char_boundary(end) {
            end -= 1;
        }
        out.truncate(end);
        out.push('…');
    }
    out
}

fn number(n: &Number) -> String {
    if n.value.is_integer() {
        return n.value.numer().to_string();
    }
    format!("{}/{}", n.value.numer(), n.value.denom())
}

fn join(items: &[Expr], sep: &str, out: &mut String) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(sep);
        }
        if out.len() > MAX_SHOWN {
            return;
        }
        write(item, out);
    }
}

fn wrapped(open: &str, items: &[Expr], close: &str, out: &mut String) {
    out.push_str(open);
    join(items, ", ", out);
    out.push_str(close);
}

fn factor(e: &Expr, out: &mut String) {
    let bare = matches!(
        e,
        Expr::Sym(_)
            | Expr::Const(_)
            | Expr::Call(..)
            | Expr::Apply(..)
            | Expr::Tuple(_)
            | Expr::Matrix(_)
            | Expr::Text(_)
    ) || matches!(e, Expr::Num(n) if n.value.is_integer() && n.value.numer().sign() != num_bigint::Sign::Minus);
    if bare {
        return write(e, out);
    }
    out.push('(');
    write(e, out);
    out.push(')');
}

fn factors(items: &[Expr], sep: &str, out: &mut String) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(sep);
        }
        factor(item, out);
    }
}

/// The sign of a relation.
pub fn relation(op: RelOp) -> &'static str {
    match op {
        RelOp::Eq => "=",
        RelOp::Ne => "!=",
        RelOp::Lt => "<",
        RelOp::Le => "<=",
        RelOp::Gt => ">",
        RelOp::Ge => ">=",
        RelOp::Approx => "~",
        RelOp::In => "in",
        RelOp::NotIn => "not in",
        RelOp::Equiv => "==",
        RelOp::Subset => "subset",
    }
}

fn write(e: &Expr, out: &mut String) {
    if out.len() > MAX_SHOWN {
        return;
    }
    match e {
        Expr::Num(n) => out.push_str(&number(n)),
        Expr::BaseNum { digits, base, .. } => out.push_str(&format!("{digits}_{base}")),
        Expr::Sym(s) => out.push_str(s),
        Expr::Const(c) => out.push_str(match c {
            Constant::Pi => "pi",
            Constant::E => "e",
            Constant::I => "i",
            Constant::Infinity => "oo",
            Constant::Ellipsis => "...",
        }),
        Expr::Add(v) => join(v, " + ", out),
        Expr::Mul(v) => factors(v, "*", out),
        Expr::Div(a, b) => {
            factor(a, out);
            out.push('/');
            factor(b, out);
        }
        Expr::Neg(a) => {
            out.push('-');
            factor(a, out);
        }
        Expr::Pow(a, b) => {
            factor(a, out);
            out.push('^');
            factor(b, out);
        }
        Expr::Call(f, v) => wrapped(
            &format!("{}(", format!("{f:?}").to_lowercase()),
            v,
            ")",
            out,
        ),
        Expr::Apply(f, v) => wrapped(&format!("{f}("), v, ")", out),
        Expr::Percent(a) => {
            factor(a, out);
            out.push('%');
        }
        Expr::Degree(a) => write(a, out),
        Expr::PlusMinus {
            left,
            right,
            flipped,
        } => {
            if let Some(left) = left {
                write(left, out);
            }
            out.push_str(if *flipped { " -+ " } else { " +- " });
            factor(right, out);
        }
        Expr::Big {
            op,
            var,
            lower,
            upper,
            body,
        } => {
            out.push_str(&format!("{op:?}(").to_lowercase());
            write(body, out);
            out.push_str(&format!(", {var}"));
            for bound in [lower, upper].into_iter().flatten() {
                out.push_str(", ");
                write(bound, out);
            }
            out.push(')');
        }
        Expr::Derivative { var, order, body } => {
            out.push_str(&format!("d{order}/d{var} "));
            factor(body, out);
        }
        Expr::Differential(v) => out.push_str(&format!("d{v}")),
        Expr::Rel { items, ops } => {
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(&format!(" {} ", relation(ops[i - 1])));
                }
                write(item, out);
            }
        }
        Expr::Residue { value, modulus } => {
            write(value, out);
            out.push_str(" (mod ");
            write(modulus, out);
            out.push(')');
        }
        Expr::Tuple(v) => wrapped("(", v, ")", out),
        Expr::Set(v) => wrapped("{", v, "}", out),
        Expr::List(v) => join(v, ", ", out),
        Expr::Interval {
            lo,
            hi,
            lo_open,
            hi_open,
        } => {
            out.push(if *lo_open { '(' } else { '[' });
            write(lo, out);
            out.push_str(", ");
            write(hi, out);
            out.push(if *hi_open { ')' } else { ']' });
        }
        Expr::SetOp(op, a, b) => {
            write(a, out);
            out.push_str(match op {
                SetOp::Union => " U ",
                SetOp::Intersection => " & ",
                SetOp::Minus => " \\ ",
            });
            write(b, out);
        }
        Expr::NamedSet(s) => out.push_str(&format!("{s:?}")),
        Expr::Builder {
            element,
            conditions,
        } => {
            out.push('{');
            write(element, out);
            wrapped(" : ", conditions, "}", out);
        }
        Expr::Matrix(rows) => {
            out.push('[');
            for (i, row) in rows.iter().enumerate() {
                if i > 0 {
                    out.push_str("; ");
                }
                join(row, ", ", out);
            }
            out.push(']');
        }
        Expr::Cases(rows) => {
            out.push_str("cases(");
            for (i, (value, condition)) in rows.iter().enumerate() {
                if i > 0 {
                    out.push_str("; ");
                }
                write(value, out);
                if let Some(c) = condition {
                    out.push_str(" if ");
                    write(c, out);
                }
            }
            out.push(')');
        }
        Expr::Ratio(v) => factors(v, ":", out),
        Expr::Text(s) => out.push_str(&format!("\"{s}\"")),
        Expr::WithUnit { value, unit } => {
            write(value, out);
            out.push_str(&format!(" {unit}"));
        }
    }
}
