//! Equality by algebra: roots, complex numbers, polynomials and rational functions, exactly.
//!
//! Both sides become fractions of polynomials over a common table of atoms (`field`); they are
//! equal if the cross product vanishes, and different if it does not and the atoms are known to be
//! independent. Anything else is left to evaluation.

mod angles;
mod approximate;
mod canonical;
mod field;
mod independent;
mod polynomial;
mod read;
mod roots;

use crate::verify::budget::Budget;
use crate::verify::tree::Expr;
use field::Field;

/// Units a comparison may spend here, of its whole allowance.
const UNITS: u64 = 30_000;

/// Whether two expressions are equal; `None` if algebra alone cannot tell.
pub fn equal(g: &Expr, p: &Expr, budget: &Budget) -> Option<bool> {
    budget.within(UNITS, |budget| {
        let mut field = Field::new(budget);
        let (a, b) = (field.read(g)?, field.read(p)?);
        let same = field.same(&a, &b)?;
        let proved = if same {
            !field.doubtful
        } else {
            !field.doubtful && field.independent(&[&a, &b])
        };
        proved.then_some(same)
    })
}

/// The sign of c where f = c·g for a number c; `Some(None)` if there is none, `None` if algebra
/// alone cannot tell.
pub fn proportional(f: &Expr, g: &Expr, budget: &Budget) -> Option<Option<f64>> {
    budget.within(UNITS, |budget| {
        let mut field = Field::new(budget);
        let (a, b) = (field.read(f)?, field.read(g)?);
        if field.doubtful || a.num.is_zero() || b.num.is_zero() {
            return None;
        }
        let (left, right) = (
            field.product(&a.num, &b.den)?,
            field.product(&b.num, &a.den)?,
        );
        let c = left.leading()?.1.div(right.leading()?.1)?;
        if left == right.scaled(&c) {
            return Some(Some(if c.is_negative() { -1.0 } else { 1.0 }));
        }
        None
    })
}
