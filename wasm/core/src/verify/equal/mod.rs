//! Whether a prediction equals the gold answer. Not symmetric: the gold's form decides what may be
//! left out, as in Math-Verify.

mod algebra;
mod ball;
mod calculus;
mod collections;
mod dd;
mod exact;
mod fraction;
mod functions;
mod inequality;
mod infinite;
mod matrix;
mod numeric;
mod opaque;
mod pieces;
mod relations;
mod scalar;
mod sets;
mod univariate;
pub mod words;

use super::budget::Budget;
use super::options::Options;
use super::tree::{Constant, Expr, RelOp};
use std::cell::Cell;

/// What made two answers equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Identical,
    /// The same number, by exact arithmetic.
    Exact,
    /// The same canonical form of an expression with symbols.
    Canonical,
    Rounded,
    Percent,
    /// Evaluation at constants or random points.
    Numeric,
    Relation,
    Set,
    Tuple,
    Matrix,
    Text,
}

impl Rule {
    /// The name results carry.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Identical => "identical",
            Rule::Exact => "exact",
            Rule::Canonical => "canonical",
            Rule::Rounded => "rounded",
            Rule::Percent => "percent",
            Rule::Numeric => "numeric",
            Rule::Relation => "relation",
            Rule::Set => "set",
            Rule::Tuple => "tuple",
            Rule::Matrix => "matrix",
            Rule::Text => "text",
        }
    }

    /// How sure it is: 1 for proofs, less where evaluation or wording decided.
    pub fn confidence(self) -> f64 {
        match self {
            Rule::Identical | Rule::Exact | Rule::Canonical => 1.0,
            Rule::Numeric | Rule::Relation | Rule::Set | Rule::Tuple | Rule::Matrix => 1.0 - 1e-12,
            Rule::Rounded => 0.99,
            Rule::Percent => 0.95,
            Rule::Text => 0.9,
        }
    }
}

/// What every comparison carries along.
pub struct Context<'a> {
    pub options: &'a Options,
    pub budget: &'a Budget,
    /// The largest relative error within which evaluation found two values equal; 0 before.
    pub error_bound: Cell<f64>,
}

impl<'a> Context<'a> {
    pub fn new(options: &'a Options, budget: &'a Budget) -> Self {
        Context {
            options,
            budget,
            error_bound: Cell::new(0.0),
        }
    }

    /// Notes that two values were found equal within a relative error.
    fn within(&self, bound: f64) {
        self.error_bound.set(self.error_bound.get().max(bound));
    }
}

/// Compares two parsed answers.
pub fn compare(gold: &Expr, prediction: &Expr, cx: &Context) -> Option<Rule> {
    let (g, p) = (settle(gold), settle(prediction));
    // `a + bI`: a capital I on one side alone is the imaginary unit.
    let writes_i = |e: &Expr| e.any(&|x| matches!(x, Expr::Sym(s) if s == "I"));
    let (g, p) = match (writes_i(&g), writes_i(&p)) {
        (true, false) => (imaginary(&g), p),
        (false, true) => (g, imaginary(&p)),
        _ => (g, p),
    };
    if !cx.options.strict {
        let renamed = relations::rename(&p, &g);
        if let Some(rule) = equal(&g, &renamed, cx) {
            return Some(rule);
        }
    }
    equal(&g, &p, cx)
}

fn imaginary(e: &Expr) -> Expr {
    match e {
        Expr::Sym(s) if s == "I" => Expr::Const(Constant::I),
        other => other.map(&mut imaginary),
    }
}

/// One level of [`compare`], on settled trees.
pub(crate) fn equal(g: &Expr, p: &Expr, cx: &Context) -> Option<Rule> {
    cx.budget.spend(10)?;
    if let (Expr::WithUnit { value: a, unit: u }, Expr::WithUnit { value: b, unit: v }) = (g, p) {
        return (u == v).then(|| equal(a, b, cx)).flatten();
    }
    // A time of day is not the ratio it looks like.
    let time = |u: &str| matches!(u, "am" | "pm");
    match (g, p) {
        (Expr::WithUnit { value, unit }, other) | (other, Expr::WithUnit { value, unit }) => {
            if time(unit) {
                return None;
            }
            return if std::ptr::eq(other, p) {
                equal(value, p, cx)
            } else {
                equal(g, value, cx)
            };
        }
        _ => {}
    }
    // `x ∈ [2, 3]` against `2 ≤ x ≤ 3`.
    if let (Expr::Rel { ops: a, .. }, Expr::Rel { ops: b, .. }) = (g, p) {
        if a.contains(&RelOp::In) != b.contains(&RelOp::In)
            && !a.iter().chain(b).any(|op| *op == RelOp::Eq)
        {
            return sets::equal(g, p, cx);
        }
    }
    // `[[1, 0], [0, 1]]` against a matrix.
    match (g, p) {
        (Expr::Matrix(_), other) => {
            if let Some(rows) = nested_lists(other) {
                return equal(g, &Expr::Matrix(rows), cx);
            }
        }
        (other, Expr::Matrix(_)) => {
            if let Some(rows) = nested_lists(other) {
                return equal(&Expr::Matrix(rows), p, cx);
            }
        }
        _ => {}
    }
    let (g, p) = relations::unwrap(g, p);
    let (g, p) = (&g, &p);
    if g == p && !matches!(g, Expr::Div(..) | Expr::Add(_) | Expr::Mul(_)) {
        return Some(Rule::Identical);
    }
    use Expr::*;
    match (g, p) {
        (Rel { .. }, Rel { .. }) => relations::equal(g, p, cx),
        (Residue { .. }, Rel { items, ops }) | (Rel { items, ops }, Residue { .. })
            if ops.as_slice() == [RelOp::Equiv] && only_symbols(&items[0]) =>
        {
            // `x ≡ 3 (mod 7)` against `3 (mod 7)`.
            if matches!(g, Residue { .. }) {
                equal(g, &items[1], cx)
            } else {
                equal(&items[1], p, cx)
            }
        }
        (
            Rel { .. },
            Set(_) | Interval { .. } | SetOp(..) | NamedSet(_) | Tuple(_) | Builder { .. },
        ) => sets::equal(g, p, cx),
        // `-1 < x and x < 1` against `(-1, 1)`.
        (List(v), Tuple(_))
            if v.iter()
                .all(|x| matches!(x, Rel { ops, .. } if !ops.contains(&RelOp::Eq))) =>
        {
            sets::equal(g, p, cx)
        }
        (Text(words), NamedSet(crate::verify::tree::NamedSet::Empty))
        | (NamedSet(crate::verify::tree::NamedSet::Empty), Text(words)) => {
            words::says_nothing(words).then_some(Rule::Text)
        }
        (Rel { .. }, List(_)) | (List(_), Rel { .. }) => {
            sets::equal(g, p, cx).or_else(|| collections::equal(g, p, cx))
        }
        (Set(_) | Interval { .. } | SetOp(..) | NamedSet(_) | Builder { .. }, Rel { .. })
            if cx.options.allow_set_relation_comp =>
        {
            sets::equal(g, p, cx)
        }
        (Interval { .. } | SetOp(..) | NamedSet(_) | Builder { .. }, List(v))
            if !cx.options.allow_set_relation_comp && v.iter().any(|x| matches!(x, Rel { .. })) =>
        {
            None
        }
        (Rel { .. }, _) | (_, Rel { .. }) => None,
        (Text(_), _) | (_, Text(_)) => words::equal(g, p),
        (Residue { .. }, Residue { .. }) => relations::residues(g, p, cx),
        (Cases(a), Cases(b)) => relations::cases(a, b, cx),
        (Interval { .. } | SetOp(..) | NamedSet(_) | Builder { .. }, _)
        | (_, Interval { .. } | SetOp(..) | NamedSet(_) | Builder { .. }) => sets::equal(g, p, cx),
        (Tuple(_) | Set(_) | List(_), _) | (_, Tuple(_) | Set(_) | List(_)) => {
            collections::equal(g, p, cx)
        }
        (Ratio(a), Ratio(b)) => collections::ratios(a, b, cx),
        _ => {
            if let Some(verdict) = matrix::equal(g, p, cx) {
                return verdict;
            }
            scalar::equal(g, p, cx).or_else(|| words::equal(g, p))
        }
    }
}

/// Spreads `±` into alternatives, keeps one side of `≈`, drops wrappings of one element.
fn settle(e: &Expr) -> Expr {
    match e {
        Expr::List(v) => collapse(v.iter().flat_map(spread).collect(), Expr::List),
        Expr::Set(v) => collapse(v.iter().flat_map(spread).collect(), Expr::Set),
        Expr::Tuple(v) if v.iter().all(|x| !has_sign(x)) => {
            Expr::Tuple(v.iter().map(settle).collect())
        }
        Expr::SetOp(op, a, b) => Expr::SetOp(*op, Box::new(settle(a)), Box::new(settle(b))),
        _ => collapse(spread(e), Expr::List),
    }
}

fn collapse(mut v: Vec<Expr>, wrap: fn(Vec<Expr>) -> Expr) -> Expr {
    if v.len() == 1 {
        return v.remove(0);
    }
    wrap(v)
}

fn has_sign(e: &Expr) -> bool {
    e.any(&|x| matches!(x, Expr::PlusMinus { .. }))
}

/// The one or two readings of an element.
fn spread(e: &Expr) -> Vec<Expr> {
    if has_sign(e) {
        let mut both = vec![relations::without_approximation(&pick(e, true))];
        let minus = relations::without_approximation(&pick(e, false));
        if both[0] != minus {
            both.push(minus);
        }
        return both;
    }
    match e {
        Expr::List(_) | Expr::Set(_) | Expr::Tuple(_) => vec![settle(e)],
        _ => vec![relations::without_approximation(e)],
    }
}

fn pick(e: &Expr, upper: bool) -> Expr {
    match e {
        Expr::PlusMinus {
            left,
            right,
            flipped,
        } => {
            let right = pick(right, upper);
            let right = if upper != *flipped {
                right
            } else {
                right.negated()
            };
            match left {
                Some(l) => Expr::Add(vec![pick(l, upper), right]),
                None => right,
            }
        }
        other => other.map(&mut |c| pick(c, upper)),
    }
}

/// Whether terms were left out.
pub(crate) fn elides(e: &Expr) -> bool {
    e.any(&|x| matches!(x, Expr::Const(Constant::Ellipsis)))
}

/// Whether every leaf is a symbol: the left side of an assignment.
pub(crate) fn only_symbols(e: &Expr) -> bool {
    match e {
        Expr::Sym(_) | Expr::Text(_) | Expr::Const(Constant::I | Constant::E) => true,
        // An inverse function: `f^{-1}(x)`.
        Expr::Pow(f, n)
            if matches!(&**f, Expr::Sym(s) if matches!(s.as_str(), "f" | "g" | "h"))
                && n.literal().is_some_and(|n| {
                    n.value == num_rational::BigRational::from_integer((-1).into())
                }) =>
        {
            true
        }
        Expr::Apply(..) => true,
        Expr::Num(_)
        | Expr::BaseNum { .. }
        | Expr::Const(_)
        | Expr::NamedSet(_)
        | Expr::Rel { .. } => false,
        Expr::Call(crate::verify::tree::Func::Root, _) | Expr::Pow(..) | Expr::Neg(_) => false,
        other => {
            let parts = other.children();
            !parts.is_empty() && parts.into_iter().all(only_symbols)
        }
    }
}

/// Whether `op` says that both sides are the same.
pub(crate) fn is_equality(op: RelOp) -> bool {
    matches!(op, RelOp::Eq | RelOp::In)
}

/// The rows that a list of bracketed lists writes.
fn nested_lists(e: &Expr) -> Option<Vec<Vec<Expr>>> {
    fn entries(e: &Expr) -> Option<Vec<Expr>> {
        match e {
            Expr::Tuple(v) => Some(v.clone()),
            Expr::Interval {
                lo,
                hi,
                lo_open: false,
                hi_open: false,
            } => Some(vec![(**lo).clone(), (**hi).clone()]),
            _ => None,
        }
    }
    entries(e)?.iter().map(entries).collect()
}
