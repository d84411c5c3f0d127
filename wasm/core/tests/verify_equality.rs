//! Random answers, rewritten without and with a change of value: the verifier has to say which.

use noregret_core::verify::{options::Options, verify, Verdict};

/// SplitMix64: the same answers on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % n
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// An answer that is known by construction.
#[derive(Clone)]
enum Answer {
    Int(i64),
    Symbol(char),
    Pi,
    Add(Box<Answer>, Box<Answer>),
    Sub(Box<Answer>, Box<Answer>),
    Mul(Box<Answer>, Box<Answer>),
    Div(Box<Answer>, Box<Answer>),
    Power(Box<Answer>, i64),
    Root(Box<Answer>),
    Sine(Box<Answer>),
    Exp(Box<Answer>),
}

use Answer::*;

fn boxed(a: Answer) -> Box<Answer> {
    Box::new(a)
}

impl Answer {
    /// A random answer; with `symbols`, one with x and y in it.
    fn random(r: &mut Random, depth: u32, symbols: bool) -> Answer {
        if depth == 0 || r.below(6) == 0 {
            return match r.below(if symbols { 6 } else { 3 }) {
                0 | 1 => Int(1 + r.below(20) as i64),
                2 => {
                    if r.below(3) == 0 {
                        Pi
                    } else {
                        Root(boxed(Int(2 + r.below(12) as i64)))
                    }
                }
                3 | 4 => Symbol('x'),
                _ => Symbol('y'),
            };
        }
        let part = |r: &mut Random| boxed(Answer::random(r, depth - 1, symbols));
        match r.below(12) {
            0..=2 => Add(part(r), part(r)),
            3 | 4 => Sub(part(r), part(r)),
            5..=7 => Mul(part(r), part(r)),
            8 | 9 => Div(part(r), part(r)),
            10 => Power(part(r), 2 + r.below(2) as i64),
            _ => match r.below(3) {
                0 => Sine(part(r)),
                1 => Exp(part(r)),
                _ => Root(part(r)),
            },
        }
    }

    fn latex(&self) -> String {
        match self {
            Int(n) => n.to_string(),
            Symbol(s) => s.to_string(),
            Pi => r"\pi".into(),
            Add(a, b) => format!("({} + {})", a.latex(), b.latex()),
            Sub(a, b) => format!("({} - ({}))", a.latex(), b.latex()),
            Mul(a, b) => format!(r"({}) \cdot ({})", a.latex(), b.latex()),
            Div(a, b) => format!(r"\frac{{{}}}{{{}}}", a.latex(), b.latex()),
            Power(a, n) => format!("({})^{{{n}}}", a.latex()),
            Root(a) => format!(r"\sqrt{{{}}}", a.latex()),
            Sine(a) => format!(r"\sin({})", a.latex()),
            Exp(a) => format!("e^{{{}}}", a.latex()),
        }
    }

    fn value(&self, x: f64, y: f64) -> f64 {
        let v = |a: &Answer| a.value(x, y);
        match self {
            Int(n) => *n as f64,
            Symbol('x') => x,
            Symbol(_) => y,
            Pi => std::f64::consts::PI,
            Add(a, b) => v(a) + v(b),
            Sub(a, b) => v(a) - v(b),
            Mul(a, b) => v(a) * v(b),
            Div(a, b) => v(a) / v(b),
            Power(a, n) => v(a).powi(*n as i32),
            Root(a) => v(a).sqrt(),
            // Doubles miss the zeros.
            Sine(a) => Some(v(a).sin()).filter(|s| s.abs() > 1e-9).unwrap_or(0.0),
            Exp(a) => v(a).exp(),
        }
    }

    fn children(&mut self) -> Vec<&mut Answer> {
        match self {
            Int(_) | Symbol(_) | Pi => vec![],
            Add(a, b) | Sub(a, b) | Mul(a, b) | Div(a, b) => vec![a, b],
            Power(a, _) | Root(a) | Sine(a) | Exp(a) => vec![a],
        }
    }

    fn size(&self) -> u64 {
        1 + self
            .clone()
            .children()
            .iter()
            .map(|c| c.size())
            .sum::<u64>()
    }

    /// Replaces one random node by what `f` makes of it.
    fn change(&mut self, r: &mut Random, f: &mut dyn FnMut(&mut Random, &Answer) -> Answer) {
        let mut at = r.below(self.size());
        self.change_at(&mut at, r, f);
    }

    fn change_at(
        &mut self,
        at: &mut u64,
        r: &mut Random,
        f: &mut dyn FnMut(&mut Random, &Answer) -> Answer,
    ) -> bool {
        if *at == 0 {
            *self = f(r, self);
            return true;
        }
        *at -= 1;
        self.children().into_iter().any(|c| c.change_at(at, r, f))
    }
}

/// Another way to write the same.
fn rewritten(r: &mut Random, a: &Answer) -> Answer {
    let k = 2 + r.below(5) as i64;
    match (a, r.below(4)) {
        (Add(a, b), 0) => Add(b.clone(), a.clone()),
        (Mul(a, b), 0) => Mul(b.clone(), a.clone()),
        (Mul(a, b), 1) => match &**b {
            Add(c, d) => Add(
                boxed(Mul(a.clone(), c.clone())),
                boxed(Mul(a.clone(), d.clone())),
            ),
            _ => Mul(b.clone(), a.clone()),
        },
        (Power(a, 2), _) => Mul(a.clone(), a.clone()),
        (Power(a, 3), _) => Mul(a.clone(), boxed(Power(a.clone(), 2))),
        (Int(n), 0) => Sub(boxed(Int(n + k)), boxed(Int(k))),
        (Int(n), 1) => Div(boxed(Int(n * k)), boxed(Int(k))),
        (Root(a), 0) => Div(
            boxed(Root(boxed(Mul(boxed(Int(k * k)), a.clone())))),
            boxed(Int(k)),
        ),
        (a, 0 | 1) => Div(boxed(Mul(boxed(a.clone()), boxed(Int(k)))), boxed(Int(k))),
        (a, 2) => Sub(
            boxed(Add(boxed(a.clone()), boxed(Root(boxed(Int(k)))))),
            boxed(Root(boxed(Int(k)))),
        ),
        (a, _) => Add(
            boxed(Div(boxed(a.clone()), boxed(Int(2)))),
            boxed(Div(boxed(a.clone()), boxed(Int(2)))),
        ),
    }
}

/// A slip: a number off by one or in one digit, another sign, symbol, operation or exponent.
fn mistaken(r: &mut Random, a: &Answer) -> Answer {
    match a {
        Int(n) => Int(match r.below(4) {
            0 => n + 1,
            1 => n - 1,
            2 => -n,
            _ => n * 10,
        }),
        Symbol(s) => Symbol(if *s == 'x' { 'y' } else { 'x' }),
        Pi => Int(3),
        Add(a, b) => Sub(a.clone(), b.clone()),
        Sub(a, b) => r
            .pick(&[true, false])
            .then(|| Sub(b.clone(), a.clone()))
            .unwrap_or(Add(a.clone(), b.clone())),
        Mul(a, b) => Add(a.clone(), b.clone()),
        Div(a, b) => Div(b.clone(), a.clone()),
        Power(a, n) => Power(a.clone(), n + 1),
        Root(a) => (**a).clone(),
        Sine(a) => Exp(a.clone()),
        Exp(a) => Sine(a.clone()),
    }
}

/// Points that tell answers apart; both positive, so that roots have values.
const POINTS: [(f64, f64); 5] = [(0.7, 1.3), (1.9, 0.4), (2.6, 3.1), (0.2, 2.2), (4.1, 1.7)];

/// Whether two answers differ clearly at a point where both have a value.
fn differ(a: &Answer, b: &Answer) -> bool {
    POINTS.iter().any(|(x, y)| {
        let (u, v) = (a.value(*x, *y), b.value(*x, *y));
        u.is_finite() && v.is_finite() && (u - v).abs() > 1e-6 * u.abs().max(v.abs())
    })
}

fn judge(gold: &str, prediction: &str) -> Verdict {
    verify(
        &format!("${gold}$"),
        &format!("So the answer is $\\boxed{{{prediction}}}$."),
        &Options::default(),
    )
}

/// Whether doubles can tell what an answer is worth: it has values, and nothing nearly cancelled.
fn clear(a: &Answer) -> bool {
    POINTS
        .iter()
        .filter(|(x, y)| (1e-6..1e6).contains(&a.value(*x, *y).abs()))
        .count()
        >= 3
}

#[test]
fn a_changed_answer_is_never_called_equal() {
    let mut r = Random(1);
    let mut judged = 0;
    for k in 0..6000 {
        let answer = Answer::random(&mut r, 1 + k % 4, k % 3 != 0);
        let mut other = answer.clone();
        other.change(&mut r, &mut mistaken);
        // Some are rewritten as well, so that the change is not all that differs.
        for _ in 0..k % 3 {
            other.change(&mut r, &mut rewritten);
        }
        if !clear(&answer) || !differ(&answer, &other) {
            continue;
        }
        judged += 1;
        let (gold, prediction) = (answer.latex(), other.latex());
        let verdict = judge(&gold, &prediction);
        assert!(!verdict.equal, "{gold} | {prediction}: {:?}", verdict.rule);
    }
    assert!(judged > 4000, "{judged}");
}

#[test]
fn a_tiny_multiple_is_told_from_another() {
    let mut r = Random(2);
    for k in 0..1500 {
        let answer = Answer::random(&mut r, 1 + k % 3, k % 2 == 0);
        if !clear(&answer) {
            continue;
        }
        let n = 20 + r.below(180);
        let gold = format!(r"\frac{{{}}}{{2^{{{n}}}}}", answer.latex());
        let other = format!(r"\frac{{{}}}{{2^{{{}}}}}", answer.latex(), n + 1);
        let verdict = judge(&gold, &other);
        assert!(!verdict.equal, "{gold} | {other}: {:?}", verdict.rule);
        let shifted = format!(r"{} + \frac{{1}}{{2^{{{n}}}}}", answer.latex());
        let verdict = judge(&answer.latex(), &shifted);
        // Past the last digit of evaluation only algebra can tell.
        assert!(
            !verdict.equal || n > 60,
            "{} | {shifted}: {:?}",
            answer.latex(),
            verdict.rule
        );
    }
}

#[test]
fn a_rewritten_answer_stays_equal() {
    let mut r = Random(3);
    let (mut judged, mut missed) = (0, vec![]);
    for k in 0..3000 {
        let answer = Answer::random(&mut r, 1 + k % 3, k % 3 != 0);
        let mut other = answer.clone();
        for _ in 0..1 + k % 3 {
            other.change(&mut r, &mut rewritten);
        }
        if !clear(&answer) {
            continue;
        }
        judged += 1;
        let (gold, prediction) = (answer.latex(), other.latex());
        if !judge(&gold, &prediction).equal {
            missed.push(format!("{gold} | {prediction}"));
        }
    }
    assert!(judged > 1500, "{judged}");
    assert!(missed.len() * 200 <= judged, "{}", missed.join("\n"));
}

#[test]
fn exact_rules_decide_where_they_can() {
    for (gold, prediction, rule) in [
        ("0.5", r"\frac12", "exact"),
        (r"\sqrt{8}", r"2\sqrt2", "exact"),
        (r"\frac{1}{\sqrt2}", r"\frac{\sqrt2}{2}", "exact"),
        (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2", "exact"),
        (r"\sqrt[3]{7+5\sqrt2}", r"1+\sqrt2", "exact"),
        (r"\sqrt{3-4i}", "2-i", "exact"),
        (r"\frac{1+2i}{3-4i}", r"\frac{-1+2i}{5}", "exact"),
        (r"\cos\frac{\pi}{12}", r"\frac{\sqrt6+\sqrt2}{4}", "exact"),
        (r"\ln\sqrt 8", r"\frac{3\ln 2}{2}", "exact"),
        (r"\frac{x^2-1}{x-1}", "x+1", "canonical"),
        ("a+b-a", "b", "canonical"),
        (r"\tan^2 x+1", r"\sec^2 x", "canonical"),
        (r"\sin 2x", r"2\sin x\cos x", "canonical"),
        (r"\binom{n}{2}", r"\frac{n^2-n}{2}", "canonical"),
        (r"\int_0^1 x^2\,dx", r"\frac13", "numeric"),
    ] {
        let verdict = judge(gold, prediction);
        let name = verdict.rule.map(|r| r.name());
        assert_eq!(name, Some(rule), "{gold} | {prediction}");
    }
}

#[test]
fn algebra_tells_apart_what_no_evaluation_can() {
    for (gold, prediction) in [
        (r"\sqrt2+10^{-40}", r"\sqrt2"),
        (r"\pi+10^{-60}", r"\pi"),
        (r"e^{\pi\sqrt{163}}", "262537412640768744"),
        (r"e^{10^{-50}}", "1"),
        (r"\cos(10^{-40})", "1"),
        (r"\sqrt{1+10^{-60}}", "1"),
        (r"x^2+10^{-60}", "x^2"),
        (r"\frac{\sqrt2}{2^{99}}", r"\frac{\sqrt2}{2^{98}}"),
    ] {
        assert!(!judge(gold, prediction).equal, "{gold} | {prediction}");
    }
}
