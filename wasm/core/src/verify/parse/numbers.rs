//! Numerals: thousands separators, decimals of two locales, exponents.

use super::lexer::Lexer;
use crate::verify::tree::Number;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow};

/// A longer numeral is cut off from exact arithmetic by its caller's budget; this is only a guard.
const MAX_EXPONENT: i64 = 4000;

/// The numeral at the lexer: its value, its digits as written, and the characters it takes.
pub fn lex_number(lexer: &Lexer) -> (Number, String, usize) {
    let at = |i: usize| lexer.peek(i);
    let run = |mut i: usize| {
        let start = i;
        while at(i).is_ascii_digit() {
            i += 1;
        }
        i - start
    };
    let mut digits = String::new();
    let mut i = run(0);
    (0..i).for_each(|k| digits.push(at(k)));

    // `1,234,567`, `1{,}234`, `1,\!234`, `1\,234`, `1 234`.
    if (1..=3).contains(&i) && lexer.options.thousands && at(0) != '0' {
        let mut end = i;
        let mut grouped = String::new();
        while let Some(width) = separator(lexer, end) {
            if run(end + width) != 3 {
                break;
            }
            (0..3).for_each(|k| grouped.push(at(end + width + k)));
            end += width + 3;
        }
        if end > i {
            digits.push_str(&grouped);
            i = end;
        }
    }
    // `1.000.000`: two points or more can only separate thousands.
    if (1..=3).contains(&i)
        && lexer.options.thousands
        && at(i) == '.'
        && run(i + 1) == 3
        && at(i + 4) == '.'
        && run(i + 5) == 3
    {
        while at(i) == '.' && run(i + 1) == 3 {
            (1..=3).for_each(|k| digits.push(at(i + k)));
            i += 4;
        }
    }
    // `1.234,56`: a point every three digits and then a comma.
    if (1..=3).contains(&i) && lexer.options.thousands && lexer.outside() && at(0) != '0' {
        let mut end = i;
        while at(end) == '.' && run(end + 1) == 3 {
            end += 4;
        }
        let after = run(end + 1);
        if end > i && at(end) == ',' && (1..=2).contains(&after) && at(end + 1 + after) != ',' {
            let written: String = (i..end + 1 + after)
                .map(at)
                .filter(char::is_ascii_digit)
                .collect();
            digits.push_str(&written);
            let value = BigRational::new(
                digits.parse().unwrap_or_default(),
                BigInt::from(10).pow(after as u32),
            );
            return (
                Number {
                    value,
                    decimals: Some(after as u32),
                },
                digits,
                end + 1 + after,
            );
        }
    }
    let mut decimals = None;
    let point = match at(i) {
        '.' => {
            run(i + 1) > 0
                || (i > 0
                    && !at(i + 1).is_alphanumeric()
                    && at(i + 1) != '.'
                    && at(i + 1) != '\\'
                    && at(i + 1) != '\0'
                    && at(i + 1) != ' '
                    && false)
        }
        ',' => lexer.options.decimal_comma && run(i + 1) > 0,
        '{' => at(i + 1) == ',' && at(i + 2) == '}' && run(i + 3) > 0,
        _ => false,
    };
    if point {
        let skip = if at(i) == '{' { 3 } else { 1 };
        let n = run(i + skip);
        (0..n).for_each(|k| digits.push(at(i + skip + k)));
        decimals = Some(n as u32);
        i += skip + n;
    }
    let mut value = BigRational::from_integer(digits.parse::<BigInt>().unwrap_or_default());
    if let Some(n) = decimals {
        value /= BigRational::from_integer(BigInt::from(10).pow(n));
    }
    // `1.5E-3`
    if matches!(at(i), 'e' | 'E') {
        let sign = matches!(at(i + 1), '+' | '-') as usize;
        let n = run(i + 1 + sign);
        if n > 0 && n < 5 && !at(i + 1 + sign + n).is_ascii_alphabetic() {
            let text: String = (0..n).map(|k| at(i + 1 + sign + k)).collect();
            let mut exponent: i64 = text.parse().unwrap_or(0);
            if at(i + 1) == '-' {
                exponent = -exponent;
            }
            if exponent.abs() <= MAX_EXPONENT {
                let scale = BigRational::from_integer(BigInt::from(10)).pow(exponent as i32);
                value *= scale;
                let shown = decimals.unwrap_or(0) as i64 - exponent;
                decimals = Some(shown.max(0) as u32);
                i += 1 + sign + n;
            }
        }
    }
    (Number { value, decimals }, digits, i.max(1))
}

/// The width of the thousands separator at `i`, if one stands there.
fn separator(lexer: &Lexer, i: usize) -> Option<usize> {
    let at = |k: usize| lexer.peek(i + k);
    match at(0) {
        ',' if lexer.outside() => {
            // `32,\! 349`
            if at(1) == '\\' && at(2) == '!' {
                return Some(if at(3) == ' ' { 4 } else { 3 });
            }
            Some(1)
        }
        '{' if at(1) == ',' && at(2) == '}' => Some(3),
        '\\' if matches!(at(1), ',' | ';' | ':' | ' ') => Some(2),
        ',' if at(1) == '\\' && at(2) == '!' => Some(if at(3) == ' ' { 4 } else { 3 }),
        ' ' | '~' | '\u{a0}' | '\u{202f}' | '_' | '\'' => Some(1),
        _ => None,
    }
}

/// 10ⁿ.
pub fn ten_to(n: u32) -> BigRational {
    let mut value = BigRational::one();
    value *= BigRational::from_integer(BigInt::from(10).pow(n));
    value
}
