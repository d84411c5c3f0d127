//! `\boxed{…}` and `\fbox{…}`, nested braces included.

use super::{starts, Candidate, Kind, Part, Source};

/// Boxes this near are one answer, whatever stands between.
const NEAR: usize = 10;
/// And this near if "and", "or", a comma or a semicolon does.
const JOINED: usize = 70;
/// What is kept of a box that does not close.
const LONGEST_CUT: usize = 400;

struct Boxed {
    start: usize,
    end: usize,
    inner: String,
    percent: bool,
}

/// Groups of neighbouring boxes.
pub fn find(source: &Source, priority: i32) -> Vec<Candidate> {
    if priority < 0 {
        return vec![];
    }
    let boxes = all(source);
    let mut groups: Vec<Vec<Boxed>> = vec![];
    for b in boxes {
        match groups.last_mut() {
            Some(group) if joins(source, group.last().expect("no empty group").end, b.start) => {
                // Said twice is said once.
                if group.iter().any(|g| g.inner == b.inner) {
                    let last = group.last_mut().expect("no empty group");
                    last.end = b.end;
                } else {
                    group.push(b);
                }
            }
            _ => groups.push(vec![b]),
        }
    }
    let group = |boxes: Vec<Boxed>| Candidate {
        priority,
        start: boxes[0].start,
        end: boxes[boxes.len() - 1].end,
        kind: Kind::Latex,
        parts: boxes
            .into_iter()
            .map(|b| Part {
                text: b.inner,
                percent: b.percent,
            })
            .collect(),
    };
    groups.into_iter().map(group).collect()
}

fn joins(source: &Source, from: usize, to: usize) -> bool {
    let Some(between) = source.chars.get(from..to) else {
        return false;
    };
    if between.len() > JOINED {
        return false;
    }
    let text: String = between.iter().collect::<String>().to_lowercase();
    if text.contains("\n\n") || text.contains(". ") || text.contains('=') {
        return between.len() > 0
            && text.contains('=')
            && (text.contains("and") || text.contains(" or "))
            && !text.contains("\n\n")
            && !text.contains(". ");
    }
    between.len() < NEAR
        || text.contains("and")
        || text.contains(" or ")
        || text.contains("{or}")
        || text.contains([',', ';'])
}

fn all(source: &Source) -> Vec<Boxed> {
    let chars = &source.chars;
    let closing = braces(chars);
    let starts: Vec<(usize, usize)> = (0..chars.len())
        .filter(|i| chars[*i] == '\\')
        .filter_map(|i| {
            let word = ["boxed", "fbox"]
                .into_iter()
                .find(|w| starts(chars, i + 1, w))?;
            Some((i, i + 1 + word.len()))
        })
        .collect();
    let mut out = vec![];
    for (k, (start, after)) in starts.iter().enumerate() {
        let mut open = *after;
        while chars.get(open) == Some(&' ') {
            open += 1;
        }
        let stop = |test: fn(char) -> bool| {
            (open..chars.len().min(open + LONGEST_CUT))
                .find(|k| test(chars[*k]))
                .unwrap_or(chars.len().min(open + LONGEST_CUT))
        };
        let (from, to, end) = if chars.get(open) == Some(&'{') {
            match closing[open] {
                0 => {
                    // Cut off: what is there, up to the end of the line or formula.
                    let stop = stop(|c| matches!(c, '\n' | '$'));
                    (open + 1, stop, stop)
                }
                close => (open + 1, close, close + 1),
            }
        } else if open > *after {
            // `\boxed 2`
            let stop = stop(|c| c.is_whitespace() || matches!(c, '$' | '}'));
            (open, stop, stop)
        } else {
            continue;
        };
        // A box in a box says the same.
        let holds_another = starts.get(k + 1).is_some_and(|(next, _)| *next < end);
        if !holds_another && chars[from.min(to)..to].iter().any(|c| !c.is_whitespace()) {
            out.push(Boxed {
                start: *start,
                end,
                inner: source.text(from, to),
                percent: source.percent(end),
            });
        }
    }
    out
}

/// For each `{` the place of the `}` that closes it, else 0.
fn braces(chars: &[char]) -> Vec<usize> {
    let mut closing = vec![0; chars.len()];
    let mut open = vec![];
    let mut i = 0;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 1,
            '{' => open.push(i),
            '}' => {
                if let Some(at) = open.pop() {
                    closing[at] = i;
                }
            }
            _ => {}
        }
        i += 1;
    }
    closing
}
