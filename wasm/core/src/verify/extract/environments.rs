//! `$…$`, `$$…$$`, `\(…\)`, `\[…\]`.

use super::{starts, Candidate, Kind, Part, Source};

struct Environment {
    start: usize,
    end: usize,
    inner_start: usize,
    inner_end: usize,
}

/// More formulas side by side are no list.
const MAX_JOINED: usize = 6;

/// Environments as candidates; those that hold a box are left to it.
pub fn find(source: &Source, boxes: &[Candidate], out: &mut Vec<Candidate>) {
    let found: Vec<Environment> = all(&source.chars)
        .into_iter()
        .filter(|e| {
            source.chars[e.inner_start..e.inner_end]
                .iter()
                .any(|c| !c.is_whitespace())
        })
        .collect();
    // Only the first formula after each word for "answer" is announced by it.
    let mut announced = vec![false; source.anchors.len()];
    let mut k = 0;
    while k < found.len() {
        let mut last = k;
        while last + 1 < found.len()
            && last - k + 1 < MAX_JOINED
            && joins(source, found[last].end, found[last + 1].start)
        {
            last += 1;
        }
        let (start, end) = (found[k].start, found[last].end);
        if !holds(boxes, start, end) {
            let parts = found[k..=last]
                .iter()
                .map(|e| Part {
                    text: source.text(e.inner_start, e.inner_end),
                    percent: source.percent(e.end),
                })
                .collect();
            out.push(Candidate {
                priority: source.announce(start, end, &mut announced),
                start,
                end,
                kind: Kind::Latex,
                parts,
            });
        }
        k = last + 1;
    }
}

/// Whether a box lies between; boxes are in order.
fn holds(boxes: &[Candidate], start: usize, end: usize) -> bool {
    let first = boxes.partition_point(|b| b.start < start);
    boxes.get(first).is_some_and(|b| b.end <= end)
}

/// `$1$, $2$ and $3$`.
fn joins(source: &Source, from: usize, to: usize) -> bool {
    if to - from > 12 {
        return false;
    }
    let between = source.text(from, to).to_lowercase();
    matches!(
        between.split_whitespace().collect::<String>().as_str(),
        "and" | "or" | "," | ",and" | ",or"
    )
}

fn all(chars: &[char]) -> Vec<Environment> {
    let mut out = vec![];
    let mut i = 0;
    let at = |k: usize| chars.get(k).copied().unwrap_or('\0');
    // Up to where a closing delimiter is known to be missing.
    let mut missing = [0usize; 4];
    while i < chars.len() {
        let (kind, width) = match (at(i), at(i + 1)) {
            ('\\', '(') => (0, 2),
            ('\\', '[') => (1, 2),
            ('\\', 'b') if named(chars, i).is_some() => {
                let (inner, end, after) = named(chars, i).expect("just found");
                out.push(Environment {
                    start: i,
                    end: after,
                    inner_start: inner,
                    inner_end: end,
                });
                i = after;
                continue;
            }
            ('\\', _) => {
                i += 2;
                continue;
            }
            ('$', '$') => (2, 2),
            ('$', _) => (3, 1),
            _ => {
                i += 1;
                continue;
            }
        };
        let inner = i + width;
        let end = if inner < missing[kind] {
            None
        } else {
            find_close(chars, inner, kind)
                .map_err(|to| missing[kind] = to)
                .ok()
        };
        match end {
            Some(end) => {
                let close = if kind == 3 { 1 } else { 2 };
                out.push(Environment {
                    start: i,
                    end: end + close,
                    inner_start: inner,
                    inner_end: end,
                });
                i = end + close;
            }
            None => {
                i = inner;
            }
        }
    }
    out
}

/// `\begin{equation} … \end{equation}` and the like: where its inside starts and ends, and what follows.
fn named(chars: &[char], at: usize) -> Option<(usize, usize, usize)> {
    const LONGEST: usize = 2000;
    let name = |from: usize, word: &str| -> Option<(String, usize)> {
        let inner = from + word.len();
        starts(chars, from, word).then_some(())?;
        let length = chars[inner..].iter().take(16).position(|c| *c == '}')?;
        Some((
            chars[inner..inner + length].iter().collect(),
            inner + length + 1,
        ))
    };
    let (env, inner) = name(at, "\\begin{")?;
    if !matches!(
        env.trim_end_matches('*'),
        "equation" | "align" | "gather" | "multline" | "displaymath" | "math" | "eqnarray"
    ) {
        return None;
    }
    (inner..chars.len().min(inner + LONGEST))
        .filter(|k| chars[*k] == '\\')
        .find_map(|k| {
            let (other, after) = name(k, "\\end{")?;
            (other == env).then_some((inner, k, after))
        })
}

/// Where the environment closes, or up to where it does not.
fn find_close(chars: &[char], from: usize, kind: usize) -> Result<usize, usize> {
    let mut i = from;
    while i < chars.len() {
        match (kind, chars[i], chars.get(i + 1)) {
            (0, '\\', Some(')')) | (1, '\\', Some(']')) | (2, '$', Some('$')) => return Ok(i),
            (3, '$', _) => return if i > from { Ok(i) } else { Err(from) },
            // Inline formulas end with their line.
            (0 | 3, '\n', _) => return Err(i),
            (_, '\\', Some(_)) => i += 2,
            _ => i += 1,
        }
    }
    Err(chars.len())
}
