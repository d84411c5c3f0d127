//! Tokens of the two notations, LaTeX and plain; both lex to the same ones.

use crate::verify::tree::{Constant, Func, NamedSet, Number, RelOp};

/// What brackets a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delim {
    Paren,
    Bracket,
    /// `{`: groups, or a set when it holds commas and a set is wanted.
    Brace,
    /// `\{`.
    SetBrace,
    Angle,
    Floor,
    Ceil,
    /// `\left|` and `\right|`.
    Bar,
    Norm,
}

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub enum Tok {
    Num(Number, String),
    Sym(String),
    /// A run of letters that is no product of symbols: a unit or prose.
    Word(String),
    /// `\text{…}`.
    Text(String),
    Func(Func),
    Const(Constant),
    Named(NamedSet),
    /// `+ - * / ^ _ ! ' % : ; , & .`
    Op(char),
    Rel(RelOp),
    Open(Delim),
    Close(Delim),
    /// `|`, which opens or closes.
    Bar,
    /// `\mid` or `\,|\,`: "such that".
    Mid,
    Frac,
    Sqrt,
    Binom,
    Choose,
    Over,
    Sum,
    Product,
    Integral,
    Lim,
    Begin(String),
    End(String),
    /// `\\`.
    Row,
    /// `±`, or `∓` when true.
    PlusMinus(bool),
    Cup,
    Cap,
    SetMinus,
    Arrow,
    Mod,
    /// `\pmod`.
    PMod,
    Degree,
    /// `∠` after a length: polar form.
    Angle,
    Overline,
    /// `\log`, whose base may follow.
    Log,
    /// An accent or font whose argument stands for itself.
    Transparent,
    And,
    If,
}

/// A token and what stood before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub tok: Tok,
    /// White space before it.
    pub space: bool,
}
