//! The expression tree: what the parser builds and the comparison reads.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};

/// An exact rational as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// The value, always exact: `0.1` is 1/10.
    pub value: BigRational,
    /// Digits after the point if it was written as a decimal; such a number is compared by rounding.
    pub decimals: Option<u32>,
}

impl Number {
    /// A whole number.
    pub fn int(value: impl Into<BigInt>) -> Self {
        Self {
            value: BigRational::from_integer(value.into()),
            decimals: None,
        }
    }

    /// An exact fraction.
    pub fn exact(value: BigRational) -> Self {
        Self {
            value,
            decimals: None,
        }
    }
}

/// Named values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Constant {
    Pi,
    E,
    I,
    Infinity,
    /// `\ldots` standing for terms left out.
    Ellipsis,
}

/// Named sets of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NamedSet {
    Naturals,
    Integers,
    Rationals,
    Reals,
    Complexes,
    Primes,
    Empty,
}

/// Functions with a meaning of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Func {
    Sin,
    Cos,
    Tan,
    Cot,
    Sec,
    Csc,
    Asin,
    Acos,
    Atan,
    Acot,
    Asec,
    Acsc,
    Sinh,
    Cosh,
    Tanh,
    Coth,
    Sech,
    Csch,
    Asinh,
    Acosh,
    Atanh,
    Exp,
    Ln,
    /// `[x, base]`.
    Log,
    /// `[x, n]`: the real root where there is one.
    Root,
    Abs,
    Floor,
    Ceil,
    Gcd,
    Lcm,
    Min,
    Max,
    Factorial,
    DoubleFactorial,
    /// `[n, k]`.
    Binomial,
    Re,
    Im,
    Arg,
    Conjugate,
    Sign,
    Det,
    Trace,
    Transpose,
    /// `[a, b]`: the remainder with the sign of b.
    Mod,
    /// A matrix or vector's Euclidean length.
    Norm,
}

/// Operators with bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BigOp {
    Sum,
    Product,
    Integral,
    /// `lower` holds the point.
    Limit,
}

/// Relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Approx,
    In,
    NotIn,
    Equiv,
    Subset,
}

/// Operations on sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOp {
    Union,
    Intersection,
    Minus,
}

/// A parsed answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Num(Number),
    /// A numeral with its base: the digits as written, and the value.
    BaseNum {
        digits: String,
        base: u32,
        value: BigInt,
    },
    Sym(String),
    Const(Constant),
    Add(Vec<Expr>),
    Mul(Vec<Expr>),
    Div(Box<Expr>, Box<Expr>),
    Neg(Box<Expr>),
    Pow(Box<Expr>, Box<Expr>),
    Call(Func, Vec<Expr>),
    /// An unknown function.
    Apply(String, Vec<Expr>),
    Percent(Box<Expr>),
    Degree(Box<Expr>),
    /// `a ± b`; `flipped` for `∓`.
    PlusMinus {
        left: Option<Box<Expr>>,
        right: Box<Expr>,
        flipped: bool,
    },
    Big {
        op: BigOp,
        var: String,
        lower: Option<Box<Expr>>,
        upper: Option<Box<Expr>>,
        body: Box<Expr>,
    },
    Derivative {
        var: String,
        order: u32,
        body: Box<Expr>,
    },
    /// `dx`, until the integral around it takes it.
    Differential(String),
    /// `items[i] ops[i] items[i + 1]`.
    Rel {
        items: Vec<Expr>,
        ops: Vec<RelOp>,
    },
    /// `x ≡ r (mod m)` on the right side.
    Residue {
        value: Box<Expr>,
        modulus: Box<Expr>,
    },
    Tuple(Vec<Expr>),
    /// Written with braces.
    Set(Vec<Expr>),
    /// Written bare: `1, 2`.
    List(Vec<Expr>),
    Interval {
        lo: Box<Expr>,
        hi: Box<Expr>,
        lo_open: bool,
        hi_open: bool,
    },
    SetOp(SetOp, Box<Expr>, Box<Expr>),
    NamedSet(NamedSet),
    Builder {
        element: Box<Expr>,
        conditions: Vec<Expr>,
    },
    Matrix(Vec<Vec<Expr>>),
    /// Value and condition.
    Cases(Vec<(Expr, Option<Expr>)>),
    Ratio(Vec<Expr>),
    Text(String),
    /// A value followed by a unit that could also be a symbol: `5 m`.
    WithUnit {
        value: Box<Expr>,
        unit: String,
    },
}

impl Expr {
    /// A whole number.
    pub fn int(value: i64) -> Self {
        Expr::Num(Number::int(value))
    }

    /// An exact fraction.
    pub fn rational(value: BigRational) -> Self {
        Expr::Num(Number::exact(value))
    }

    /// `-self`, folded into a literal so that `-5` stays a plain number.
    pub fn negated(self) -> Self {
        match self {
            Expr::Num(n) => Expr::Num(Number {
                value: -n.value,
                decimals: n.decimals,
            }),
            other => Expr::Neg(Box::new(other)),
        }
    }

    /// The literal number this is, through a sign.
    pub fn literal(&self) -> Option<Number> {
        match self {
            Expr::Num(n) => Some(n.clone()),
            Expr::Neg(x) => x.literal().map(|n| Number {
                value: -n.value,
                decimals: n.decimals,
            }),
            _ => None,
        }
    }

    /// Whether the literal is a whole number at or above zero.
    pub fn natural(&self) -> Option<BigInt> {
        match self {
            Expr::Num(n)
                if n.decimals.is_none() && n.value.is_integer() && !n.value.is_negative() =>
            {
                Some(n.value.to_integer())
            }
            _ => None,
        }
    }

    /// Whether it is the number one.
    pub fn is_one(&self) -> bool {
        matches!(self, Expr::Num(n) if n.value.is_one())
    }

    /// Whether it is the number zero.
    pub fn is_zero(&self) -> bool {
        matches!(self, Expr::Num(n) if n.value.is_zero())
    }

    /// The direct parts, in order.
    pub fn children(&self) -> Vec<&Expr> {
        match self {
            Expr::Num(_)
            | Expr::BaseNum { .. }
            | Expr::Sym(_)
            | Expr::Const(_)
            | Expr::NamedSet(_)
            | Expr::Text(_)
            | Expr::Differential(_) => vec![],
            Expr::Add(v)
            | Expr::Mul(v)
            | Expr::Call(_, v)
            | Expr::Apply(_, v)
            | Expr::Tuple(v)
            | Expr::Set(v)
            | Expr::List(v)
            | Expr::Ratio(v) => v.iter().collect(),
            Expr::Div(a, b) | Expr::Pow(a, b) | Expr::SetOp(_, a, b) => vec![a, b],
            Expr::Neg(a) | Expr::Percent(a) | Expr::Degree(a) => vec![a],
            Expr::PlusMinus { left, right, .. } => {
                left.iter().map(|x| &**x).chain([&**right]).collect()
            }
            Expr::Big {
                lower, upper, body, ..
            } => lower
                .iter()
                .chain(upper.iter())
                .map(|x| &**x)
                .chain([&**body])
                .collect(),
            Expr::Derivative { body, .. } => vec![body],
            Expr::Rel { items, .. } => items.iter().collect(),
            Expr::Residue { value, modulus } => vec![value, modulus],
            Expr::Interval { lo, hi, .. } => vec![lo, hi],
            Expr::Builder {
                element,
                conditions,
            } => [&**element].into_iter().chain(conditions).collect(),
            Expr::Matrix(rows) => rows.iter().flatten().collect(),
            Expr::Cases(rows) => rows
                .iter()
                .flat_map(|(v, c)| [Some(v), c.as_ref()])
                .flatten()
                .collect(),
            Expr::WithUnit { value, .. } => vec![value],
        }
    }

    /// The same node with each direct part replaced by `f(part)`.
    pub fn map(&self, f: &mut dyn FnMut(&Expr) -> Expr) -> Expr {
        let mut boxed = |x: &Expr| Box::new(f(x));
        match self {
            Expr::Num(_)
            | Expr::BaseNum { .. }
            | Expr::Sym(_)
            | Expr::Const(_)
            | Expr::NamedSet(_)
            | Expr::Text(_)
            | Expr::Differential(_) => self.clone(),
            Expr::Add(v) => Expr::Add(v.iter().map(f).collect()),
            Expr::Mul(v) => Expr::Mul(v.iter().map(f).collect()),
            Expr::Call(name, v) => Expr::Call(*name, v.iter().map(f).collect()),
            Expr::Apply(name, v) => Expr::Apply(name.clone(), v.iter().map(f).collect()),
            Expr::Tuple(v) => Expr::Tuple(v.iter().map(f).collect()),
            Expr::Set(v) => Expr::Set(v.iter().map(f).collect()),
            Expr::List(v) => Expr::List(v.iter().map(f).collect()),
            Expr::Ratio(v) => Expr::Ratio(v.iter().map(f).collect()),
            Expr::Div(a, b) => Expr::Div(boxed(a), boxed(b)),
            Expr::Pow(a, b) => Expr::Pow(boxed(a), boxed(b)),
            Expr::SetOp(op, a, b) => Expr::SetOp(*op, boxed(a), boxed(b)),
            Expr::Neg(a) => Expr::Neg(boxed(a)),
            Expr::Percent(a) => Expr::Percent(boxed(a)),
            Expr::Degree(a) => Expr::Degree(boxed(a)),
            Expr::PlusMinus {
                left,
                right,
                flipped,
            } => Expr::PlusMinus {
                left: left.as_ref().map(|x| boxed(x)),
                right: boxed(right),
                flipped: *flipped,
            },
            Expr::Big {
                op,
                var,
                lower,
                upper,
                body,
            } => Expr::Big {
                op: *op,
                var: var.clone(),
                lower: lower.as_ref().map(|x| boxed(x)),
                upper: upper.as_ref().map(|x| boxed(x)),
                body: boxed(body),
            },
            Expr::Derivative { var, order, body } => Expr::Derivative {
                var: var.clone(),
                order: *order,
                body: boxed(body),
            },
            Expr::Rel { items, ops } => Expr::Rel {
                items: items.iter().map(f).collect(),
                ops: ops.clone(),
            },
            Expr::Residue { value, modulus } => Expr::Residue {
                value: boxed(value),
                modulus: boxed(modulus),
            },
            Expr::Interval {
                lo,
                hi,
                lo_open,
                hi_open,
            } => Expr::Interval {
                lo: boxed(lo),
                hi: boxed(hi),
                lo_open: *lo_open,
                hi_open: *hi_open,
            },
            Expr::Builder {
                element,
                conditions,
            } => Expr::Builder {
                element: boxed(element),
                conditions: conditions.iter().map(f).collect(),
            },
            Expr::Matrix(rows) => Expr::Matrix(
                rows.iter()
                    .map(|r| r.iter().map(&mut *f).collect())
                    .collect(),
            ),
            Expr::Cases(rows) => Expr::Cases(
                rows.iter()
                    .map(|(v, c)| (f(v), c.as_ref().map(&mut *f)))
                    .collect(),
            ),
            Expr::WithUnit { value, unit } => Expr::WithUnit {
                value: boxed(value),
                unit: unit.clone(),
            },
        }
    }

    /// Whether `test` holds anywhere in the tree.
    pub fn any(&self, test: &dyn Fn(&Expr) -> bool) -> bool {
        test(self) || self.children().into_iter().any(|c| c.any(test))
    }
}
