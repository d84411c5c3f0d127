//! Sums of products of atoms with fractions before them.

use crate::verify::equal::fraction::Fraction;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// An atom's place in the table.
pub type Atom = u16;

/// The exponent one: exponents are counted in 2520ths, so that roots up to the tenth are exact.
pub const UNIT: i32 = 2520;

/// A product of powers of atoms, in order of atom; no exponent is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Monomial(pub Vec<(Atom, i32)>);

impl Monomial {
    /// One atom to a power.
    pub fn power(atom: Atom, exponent: i32) -> Self {
        Monomial(if exponent == 0 {
            vec![]
        } else {
            vec![(atom, exponent)]
        })
    }

    pub fn is_one(&self) -> bool {
        self.0.is_empty()
    }

    /// The exponent of an atom.
    pub fn exponent(&self, atom: Atom) -> i32 {
        self.0
            .iter()
            .find(|(a, _)| *a == atom)
            .map_or(0, |(_, e)| *e)
    }

    /// Without one atom.
    pub fn without(&self, atom: Atom) -> Self {
        Monomial(self.0.iter().filter(|(a, _)| *a != atom).copied().collect())
    }

    /// The product, before any relation between atoms; `None` if an exponent grows too large.
    pub fn times(&self, other: &Self) -> Option<Self> {
        let (a, b) = (&self.0, &other.0);
        let mut out = Vec::with_capacity(a.len() + b.len());
        let (mut i, mut j) = (0, 0);
        while i < a.len() || j < b.len() {
            match (a.get(i), b.get(j)) {
                (Some(x), Some(y)) if x.0 == y.0 => {
                    let e = x.1.checked_add(y.1)?;
                    if e != 0 {
                        out.push((x.0, e));
                    }
                    (i, j) = (i + 1, j + 1);
                }
                (Some(x), y) if y.is_none_or(|y| x.0 < y.0) => {
                    out.push(*x);
                    i += 1;
                }
                (_, Some(y)) => {
                    out.push(*y);
                    j += 1;
                }
                _ => unreachable!("one of the two has a factor left"),
            }
        }
        Some(Monomial(out))
    }

    /// 1/self.
    pub fn inverse(&self) -> Self {
        Monomial(self.0.iter().map(|(a, e)| (*a, -e)).collect())
    }
}

/// Lexicographic in the exponents, so that multiplication keeps the order.
impl Ord for Monomial {
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut i, mut j) = (0, 0);
        loop {
            let (x, y) = (self.0.get(i), other.0.get(j));
            let ((atom, e), (other_atom, f)) = match (x, y) {
                (None, None) => return Ordering::Equal,
                (Some(x), None) => (*x, (Atom::MAX, 0)),
                (None, Some(y)) => ((Atom::MAX, 0), *y),
                (Some(x), Some(y)) => (*x, *y),
            };
            match atom.cmp(&other_atom) {
                Ordering::Less => return e.cmp(&0),
                Ordering::Greater => return 0.cmp(&f),
                Ordering::Equal if e != f => return e.cmp(&f),
                Ordering::Equal => (i, j) = (i + 1, j + 1),
            }
        }
    }
}

impl PartialOrd for Monomial {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Terms in order of monomial; no coefficient is zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Polynomial(pub BTreeMap<Monomial, Fraction>);

impl Polynomial {
    pub fn constant(c: Fraction) -> Self {
        Self::term(Monomial::default(), c)
    }

    pub fn term(m: Monomial, c: Fraction) -> Self {
        let mut out = Self::default();
        out.insert(m, &c);
        out
    }

    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_one(&self) -> bool {
        self.as_constant().is_some_and(|c| c.is_one())
    }

    /// The value if no atom is left.
    pub fn as_constant(&self) -> Option<Fraction> {
        match self.0.len() {
            0 => Some(Fraction::ZERO),
            1 => self
                .single()
                .filter(|(m, _)| m.is_one())
                .map(|(_, c)| c.clone()),
            _ => None,
        }
    }

    /// The only term.
    pub fn single(&self) -> Option<(&Monomial, &Fraction)> {
        self.0.iter().next().filter(|_| self.0.len() == 1)
    }

    /// The highest term.
    pub fn leading(&self) -> Option<(&Monomial, &Fraction)> {
        self.0.iter().next_back()
    }

    /// Adds a term.
    pub fn insert(&mut self, m: Monomial, c: &Fraction) {
        if c.is_zero() {
            return;
        }
        match self.0.entry(m) {
            std::collections::btree_map::Entry::Vacant(v) => {
                v.insert(c.clone());
            }
            std::collections::btree_map::Entry::Occupied(mut o) => {
                let sum = o.get().add(c);
                if sum.is_zero() {
                    o.remove();
                } else {
                    o.insert(sum);
                }
            }
        }
    }

    pub fn add(&self, other: &Self) -> Self {
        let mut out = self.clone();
        for (m, c) in &other.0 {
            out.insert(m.clone(), c);
        }
        out
    }

    pub fn scaled(&self, by: &Fraction) -> Self {
        if by.is_zero() {
            return Self::default();
        }
        Polynomial(self.0.iter().map(|(m, c)| (m.clone(), c.mul(by))).collect())
    }

    pub fn neg(&self) -> Self {
        self.scaled(&Fraction::int(-1))
    }

    /// The positive fraction that leaves whole coefficients without a common factor.
    pub fn content(&self) -> Fraction {
        self.0.values().fold(Fraction::ZERO, |g, c| g.gcd(&c.abs()))
    }

    /// Every atom in it.
    pub fn atoms(&self) -> impl Iterator<Item = Atom> + '_ {
        self.0.keys().flat_map(|m| m.0.iter().map(|(a, _)| *a))
    }

    /// (terms without the atom, terms with its first power, divided by it), if no other power is in.
    pub fn split(&self, atom: Atom, unit: i32) -> Option<(Self, Self)> {
        let (mut without, mut with) = (Self::default(), Self::default());
        for (m, c) in &self.0 {
            match m.exponent(atom) {
                0 => without.insert(m.clone(), c),
                e if e == unit => with.insert(m.without(atom), c),
                _ => return None,
            }
        }
        Some((without, with))
    }
}
