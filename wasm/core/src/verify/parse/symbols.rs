//! Tables: command names, Greek letters, words, units.

use super::token::{Delim, Tok};
use crate::verify::tree::{Constant, Func, NamedSet, RelOp};

const GREEK: &[&str] = &[
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "omicron", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
    "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Sigma", "Upsilon", "Phi", "Psi", "Omega",
    "ell", "hbar", "aleph", "nabla", "partial",
];

/// The function a name stands for.
pub fn function(name: &str) -> Option<Func> {
    use Func::*;
    Some(match name {
        "sin" => Sin,
        "cos" => Cos,
        "tan" | "tg" => Tan,
        "cot" | "ctg" | "cotg" => Cot,
        "sec" => Sec,
        "csc" | "cosec" => Csc,
        "arcsin" | "asin" => Asin,
        "arccos" | "acos" => Acos,
        "arctan" | "atan" | "arctg" => Atan,
        "arccot" | "acot" | "arcctg" => Acot,
        "arcsec" | "asec" => Asec,
        "arccsc" | "acsc" => Acsc,
        "sinh" | "sh" => Sinh,
        "cosh" | "ch" => Cosh,
        "tanh" | "th" => Tanh,
        "coth" => Coth,
        "sech" => Sech,
        "csch" => Csch,
        "arsinh" | "arcsinh" | "asinh" => Asinh,
        "arcosh" | "arccosh" | "acosh" => Acosh,
        "artanh" | "arctanh" | "atanh" => Atanh,
        "exp" => Exp,
        "ln" => Ln,
        "abs" => Abs,
        "floor" => Floor,
        "ceil" | "ceiling" => Ceil,
        "gcd" | "GCD" | "gcf" => Gcd,
        "lcm" | "LCM" => Lcm,
        "min" => Min,
        "max" => Max,
        "Re" => Re,
        "Im" => Im,
        "arg" | "Arg" => Arg,
        "sgn" | "sign" | "signum" => Sign,
        "det" => Det,
        "tr" | "Tr" | "trace" => Trace,
        "binomial" => Binomial,
        "factorial" => Factorial,
        "conjugate" => Conjugate,
        _ => return None,
    })
}

/// Function names a plain run of letters may also start with: `sinx`.
pub const GLUED: &[&str] = &[
    "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "sqrt", "sin", "cos", "tan", "cot",
    "sec", "csc", "log", "ln", "pi",
];

/// What a command (without its backslash) stands for; `None` if it is unknown.
pub fn command(name: &str) -> Option<Tok> {
    if let Some(f) = function(name) {
        // `\th`, `\sh`, `\ch` are seen only as function names.
        return Some(Tok::Func(f));
    }
    if GREEK.contains(&name) {
        return Some(Tok::Sym(name.into()));
    }
    Some(match name {
        "varepsilon" | "straightepsilon" => Tok::Sym("epsilon".into()),
        "vartheta" => Tok::Sym("theta".into()),
        "varphi" => Tok::Sym("phi".into()),
        "varrho" => Tok::Sym("rho".into()),
        "varsigma" => Tok::Sym("sigma".into()),
        "pi" | "Pi" | "uppi" => Tok::Const(Constant::Pi),
        "infty" | "infinity" | "inf" => Tok::Const(Constant::Infinity),
        "exponentialE" => Tok::Const(Constant::E),
        "imath" | "imaginaryI" | "imaginaryJ" | "imaginaryunit" => Tok::Const(Constant::I),
        "jmath" => Tok::Sym("j".into()),
        "ldots" | "dots" | "cdots" | "dotsc" | "dotsb" | "dotsm" | "vdots" | "ddots" | "hdots" => {
            Tok::Const(Constant::Ellipsis)
        }
        "log" => Tok::Log,
        "lg" => Tok::Log,
        "frac" | "dfrac" | "tfrac" | "cfrac" | "sfrac" | "nicefrac" => Tok::Frac,
        "sqrt" => Tok::Sqrt,
        "binom" | "dbinom" | "tbinom" => Tok::Binom,
        "choose" => Tok::Choose,
        "over" => Tok::Over,
        "sum" => Tok::Sum,
        "prod" => Tok::Product,
        "int" | "smallint" => Tok::Integral,
        "lim" => Tok::Lim,
        "pm" => Tok::PlusMinus(false),
        "mp" => Tok::PlusMinus(true),
        "cup" | "bigcup" => Tok::Cup,
        "cap" | "bigcap" => Tok::Cap,
        "setminus" | "backslash" | "smallsetminus" => Tok::SetMinus,
        "to" | "rightarrow" | "longrightarrow" | "Rightarrow" | "Longrightarrow" | "implies"
        | "mapsto" | "longmapsto" => Tok::Arrow,
        "bmod" | "mod" => Tok::Mod,
        "pmod" => Tok::PMod,
        "circ" | "degree" | "deg" | "degrees" => Tok::Degree,
        "overline" | "bar" | "widebar" => Tok::Overline,
        "cdot" | "times" | "ast" | "star" | "bullet" => Tok::Op('*'),
        "div" => Tok::Op('/'),
        "slash" => Tok::Op('/'),
        "colon" => Tok::Op(':'),
        "comma" => Tok::Op(','),
        "prime" => Tok::Op('\''),
        "percent" | "percentage" | "pct" => Tok::Op('%'),
        "lt" => Tok::Rel(RelOp::Lt),
        "gt" => Tok::Rel(RelOp::Gt),
        "le" | "leq" | "leqslant" | "leqq" => Tok::Rel(RelOp::Le),
        "ge" | "geq" | "geqslant" | "geqq" => Tok::Rel(RelOp::Ge),
        "ne" | "neq" => Tok::Rel(RelOp::Ne),
        "approx" | "approxeq" | "simeq" | "thickapprox" | "doteq" => Tok::Rel(RelOp::Approx),
        "in" => Tok::Rel(RelOp::In),
        "notin" => Tok::Rel(RelOp::NotIn),
        "equiv" => Tok::Rel(RelOp::Equiv),
        "cong" | "sim" => Tok::Rel(RelOp::Equiv),
        "subset" | "subseteq" => Tok::Rel(RelOp::Subset),
        "lbrace" => Tok::Open(Delim::SetBrace),
        "rbrace" => Tok::Close(Delim::SetBrace),
        "lbrack" => Tok::Open(Delim::Bracket),
        "rbrack" => Tok::Close(Delim::Bracket),
        "lparen" | "lgroup" => Tok::Open(Delim::Paren),
        "rparen" | "rgroup" => Tok::Close(Delim::Paren),
        "langle" => Tok::Open(Delim::Angle),
        "rangle" => Tok::Close(Delim::Angle),
        "lfloor" | "llcorner" => Tok::Open(Delim::Floor),
        "rfloor" | "lrcorner" => Tok::Close(Delim::Floor),
        "lceil" | "ulcorner" => Tok::Open(Delim::Ceil),
        "rceil" | "urcorner" => Tok::Close(Delim::Ceil),
        "lvert" => Tok::Open(Delim::Bar),
        "rvert" => Tok::Close(Delim::Bar),
        "lVert" => Tok::Open(Delim::Norm),
        "rVert" => Tok::Close(Delim::Norm),
        "vert" => Tok::Bar,
        "mid" => Tok::Mid,
        "emptyset" | "varnothing" => Tok::Named(NamedSet::Empty),
        "land" | "wedge" | "lor" | "vee" => Tok::And,
        "hat" | "vec" | "tilde" | "widehat" | "overrightarrow" | "boldsymbol" | "pmb" | "bm"
        | "boxed" | "fbox" | "underline" | "mathop" | "mathsf" | "mathtt" | "mathcal"
        | "mathscr" | "mathfrak" | "ensuremath" | "limits" | "nolimits" => Tok::Transparent,
        _ => return None,
    })
}

/// Commands that leave no trace.
pub fn is_invisible(name: &str) -> bool {
    matches!(
        name,
        "left"
            | "right"
            | "mleft"
            | "mright"
            | "middle"
            | "big"
            | "Big"
            | "bigg"
            | "Bigg"
            | "bigl"
            | "bigr"
            | "Bigl"
            | "Bigr"
            | "biggl"
            | "biggr"
            | "Biggl"
            | "Biggr"
            | "quad"
            | "qquad"
            | "displaystyle"
            | "textstyle"
            | "scriptstyle"
            | "scriptscriptstyle"
            | "limits"
            | "nolimits"
            | "negthickspace"
            | "negthinspace"
            | "negmedspace"
            | "thinspace"
            | "thickspace"
            | "medspace"
            | "enspace"
            | "hfill"
            | "allowbreak"
            | "nobreak"
            | "rm"
            | "bf"
            | "it"
            | "nonumber"
            | "notag"
            | "displaylimits"
            | "hline"
            | "forall"
            | "exists"
            | "angle"
            | "triangle"
            | "therefore"
            | "because"
            | "strut"
            | "left."
            | "right."
            | "small"
            | "large"
            | "Large"
            | "normalsize"
            | "centering"
            | "par"
            | "newline"
            | "noindent"
            | "square"
            | "blacksquare"
            | "Box"
            | "qed"
            | "checkmark"
            | "pounds"
            | "euro"
            | "yen"
            | "texteuro"
            | "textdollar"
    )
}

/// Blackboard letters.
pub fn blackboard(letter: &str) -> Option<NamedSet> {
    Some(match letter {
        "R" => NamedSet::Reals,
        "N" => NamedSet::Naturals,
        "Z" => NamedSet::Integers,
        "Q" => NamedSet::Rationals,
        "C" => NamedSet::Complexes,
        _ => return None,
    })
}

/// A character outside ASCII.
pub fn unicode(c: char) -> Option<Tok> {
    Some(match c {
        '×' | '·' | '⋅' | '∙' | '∗' | '•' => Tok::Op('*'),
        '÷' | '∕' | '⁄' => Tok::Op('/'),
        '−' | '–' | '—' | '﹣' | '－' => Tok::Op('-'),
        '＋' => Tok::Op('+'),
        '±' => Tok::PlusMinus(false),
        '∓' => Tok::PlusMinus(true),
        '≤' | '⩽' | '≦' => Tok::Rel(RelOp::Le),
        '≥' | '⩾' | '≧' => Tok::Rel(RelOp::Ge),
        '≠' => Tok::Rel(RelOp::Ne),
        '≈' => Tok::Rel(RelOp::Approx),
        '≡' => Tok::Rel(RelOp::Equiv),
        '＝' => Tok::Rel(RelOp::Eq),
        '∈' => Tok::Rel(RelOp::In),
        '∉' => Tok::Rel(RelOp::NotIn),
        '⊂' | '⊆' => Tok::Rel(RelOp::Subset),
        '∪' => Tok::Cup,
        '∩' => Tok::Cap,
        '∖' => Tok::SetMinus,
        '→' | '⇒' | '⟶' => Tok::Arrow,
        '∞' => Tok::Const(Constant::Infinity),
        '…' | '⋯' => Tok::Const(Constant::Ellipsis),
        'π' => Tok::Const(Constant::Pi),
        '∅' | 'Ø' => Tok::Named(NamedSet::Empty),
        'ℝ' => Tok::Named(NamedSet::Reals),
        'ℤ' => Tok::Named(NamedSet::Integers),
        'ℚ' => Tok::Named(NamedSet::Rationals),
        'ℕ' => Tok::Named(NamedSet::Naturals),
        'ℂ' => Tok::Named(NamedSet::Complexes),
        '√' => Tok::Sqrt,
        '∑' => Tok::Sum,
        '∏' => Tok::Product,
        '∫' => Tok::Integral,
        '°' | 'º' | '˚' => Tok::Degree,
        '％' => Tok::Op('%'),
        '′' | '’' => Tok::Op('\''),
        '，' | '、' => Tok::Op(','),
        '；' => Tok::Op(';'),
        '：' | '∶' => Tok::Op(':'),
        '（' => Tok::Open(Delim::Paren),
        '）' => Tok::Close(Delim::Paren),
        '⟨' | '〈' => Tok::Open(Delim::Angle),
        '⟩' | '〉' => Tok::Close(Delim::Angle),
        '⌊' => Tok::Open(Delim::Floor),
        '⌋' => Tok::Close(Delim::Floor),
        '⌈' => Tok::Open(Delim::Ceil),
        '⌉' => Tok::Close(Delim::Ceil),
        '‖' => Tok::Open(Delim::Norm),
        'α' => sym("alpha"),
        'β' => sym("beta"),
        'γ' => sym("gamma"),
        'δ' => sym("delta"),
        'ε' | 'ϵ' | 'Ɛ' => sym("epsilon"),
        'θ' | 'ϑ' => sym("theta"),
        'λ' => sym("lambda"),
        'μ' | 'µ' => sym("mu"),
        'ρ' => sym("rho"),
        'σ' => sym("sigma"),
        'τ' => sym("tau"),
        'φ' | 'ϕ' => sym("phi"),
        'ψ' => sym("psi"),
        'ω' => sym("omega"),
        'Δ' => sym("Delta"),
        'Ω' => sym("Omega"),
        _ => return None,
    })
}

fn sym(name: &str) -> Tok {
    Tok::Sym(name.into())
}

/// A superscript digit or sign as plain text.
pub fn superscript(c: char) -> Option<char> {
    Some(match c {
        '⁰' => '0',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁴' => '4',
        '⁵' => '5',
        '⁶' => '6',
        '⁷' => '7',
        '⁸' => '8',
        '⁹' => '9',
        '⁻' => '-',
        _ => return None,
    })
}

/// A subscript digit as plain text.
pub fn subscript(c: char) -> Option<char> {
    let k = (c as u32).checked_sub('₀' as u32)?;
    char::from_digit(k, 10)
}

/// Fractions that are one character.
pub fn vulgar(c: char) -> Option<(i64, i64)> {
    Some(match c {
        '½' => (1, 2),
        '⅓' => (1, 3),
        '⅔' => (2, 3),
        '¼' => (1, 4),
        '¾' => (3, 4),
        '⅕' => (1, 5),
        '⅖' => (2, 5),
        '⅗' => (3, 5),
        '⅘' => (4, 5),
        '⅙' => (1, 6),
        '⅚' => (5, 6),
        '⅛' => (1, 8),
        '⅜' => (3, 8),
        '⅝' => (5, 8),
        '⅞' => (7, 8),
        _ => return None,
    })
}

/// Units that may follow a number without `\text`. Single letters are not here: they could be symbols.
pub fn is_unit(word: &str) -> bool {
    let w = word.trim_end_matches('.');
    const UNITS: &[&str] = &[
        "cm",
        "mm",
        "km",
        "dm",
        "nm",
        "kg",
        "mg",
        "lb",
        "lbs",
        "oz",
        "ft",
        "yd",
        "mi",
        "mph",
        "kmh",
        "kmph",
        "kph",
        "hr",
        "hrs",
        "min",
        "mins",
        "sec",
        "secs",
        "ms",
        "ml",
        "mL",
        "cl",
        "dl",
        "cc",
        "gal",
        "gm",
        "gms",
        "sq",
        "cu",
        "rs",
        "Rs",
        "usd",
        "USD",
        "EUR",
        "GBP",
        "dollar",
        "cent",
        "pound",
        "euro",
        "inch",
        "in",
        "feet",
        "foot",
        "yard",
        "mile",
        "meter",
        "metre",
        "liter",
        "litre",
        "gallon",
        "gram",
        "kilogram",
        "second",
        "minute",
        "hour",
        "day",
        "week",
        "month",
        "year",
        "degree",
        "deg",
        "rad",
        "radian",
        "unit",
        "square",
        "cubic",
        "acre",
        "hectare",
        "cm2",
        "cm3",
        "m2",
        "m3",
        "km2",
        "kJ",
        "kW",
        "kWh",
        "Hz",
        "kHz",
        "Pa",
        "kPa",
        "mol",
        "ohm",
        "cal",
        "kcal",
        "way",
        "men",
        "man",
        "women",
        "people",
        "student",
        "coin",
        "apple",
        "point",
        "digit",
        "edge",
        "tile",
        "toy",
        "pie",
        "meal",
        "monkey",
        "mark",
        "rupee",
        "volt",
        "watt",
        "joule",
        "newton",
        "amp",
        "kelvin",
        "kilometer",
        "centimeter",
        "millimeter",
        "time",
        "units",
        "sqft",
    ];
    let singular = w
        .strip_suffix("es")
        .filter(|s| UNITS.contains(s))
        .or(w.strip_suffix('s'))
        .unwrap_or(w);
    UNITS.contains(&w) || UNITS.contains(&singular)
}

/// Single letters that are units after a space: `5 m`.
pub fn is_letter_unit(letter: &str) -> bool {
    matches!(
        letter,
        "Omega" | "m" | "g" | "s" | "h" | "L" | "l" | "N" | "J" | "W" | "V" | "K" | "F" | "C" | "A"
    )
}

/// Small numbers in words.
pub fn number_word(word: &str) -> Option<i64> {
    const WORDS: &[&str] = &[
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty",
    ];
    let lower = word.to_lowercase();
    WORDS.iter().position(|w| *w == lower).map(|i| i as i64)
}
