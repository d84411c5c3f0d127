//! Running a compiled split pattern: backtracking over an explicit stack, so that no text can
//! overflow the call stack.

use super::regex::{Mode, Regex, Step};
use crate::tokenizer::char_class::{char_at, char_before};

/// A place to come back to.
enum Frame {
    Fork {
        step: usize,
        at: usize,
    },
    /// A greedy repeat that may give back characters down to `least`.
    Shrink {
        step: usize,
        least: usize,
        at: usize,
    },
    /// A lazy repeat that may take `left` more characters.
    Grow {
        step: usize,
        set: usize,
        left: u32,
        at: usize,
    },
}

/// Scratch space, kept between matches.
pub(super) struct Stack(Vec<Frame>);

impl Stack {
    pub fn new() -> Self {
        Self(Vec::new())
    }
}

/// The end of the match that starts exactly at `at`; `from` is where the text begins.
pub(super) fn find_at(
    regex: &Regex,
    bytes: &[u8],
    from: usize,
    at: usize,
    stack: &mut Stack,
) -> Option<usize> {
    run(regex, bytes, from, at, 0, stack)
}

fn run(
    regex: &Regex,
    bytes: &[u8],
    from: usize,
    mut at: usize,
    mut step: usize,
    stack: &mut Stack,
) -> Option<usize> {
    let base = stack.0.len();
    loop {
        let ok = match regex.steps[step] {
            Step::Set(set) => match take(regex, bytes, at, set) {
                Some(next) => {
                    (at, step) = (next, step + 1);
                    true
                }
                None => false,
            },
            Step::Repeat {
                set,
                min,
                max,
                mode,
            } => match repeat(regex, bytes, at, (set, min, max, mode), step + 1, stack) {
                Some(end) => {
                    (at, step) = (end, step + 1);
                    true
                }
                None => false,
            },
            Step::Fork(first, second) => {
                stack.0.push(Frame::Fork { step: second, at });
                step = first;
                true
            }
            Step::Jump(to) => {
                step = to;
                true
            }
            Step::Look { negative, next } => {
                let found = run(regex, bytes, from, at, step + 1, stack).is_some();
                step = next;
                found != negative
            }
            Step::Behind { negative, set } => {
                let found =
                    at > from && regex.sets[set].has(char_at(bytes, char_before(bytes, at)).0);
                step += 1;
                found != negative
            }
            Step::Start => {
                step += 1;
                at == from
            }
            Step::End => {
                step += 1;
                at == bytes.len()
            }
            Step::Accept => {
                stack.0.truncate(base);
                return Some(at);
            }
        };
        if !ok {
            (step, at) = back(regex, bytes, base, stack)?;
        }
    }
}

/// Resumes the last choice above `base`.
fn back(regex: &Regex, bytes: &[u8], base: usize, stack: &mut Stack) -> Option<(usize, usize)> {
    while stack.0.len() > base {
        match stack.0.pop()? {
            Frame::Fork { step, at } => return Some((step, at)),
            Frame::Shrink { step, least, at } => {
                let at = char_before(bytes, at);
                if at > least {
                    stack.0.push(Frame::Shrink { step, least, at });
                }
                return Some((step, at));
            }
            Frame::Grow {
                step,
                set,
                left,
                at,
            } => {
                if let Some(next) = take(regex, bytes, at, set) {
                    if left > 1 {
                        stack.0.push(Frame::Grow {
                            step,
                            set,
                            left: left - 1,
                            at: next,
                        });
                    }
                    return Some((step, next));
                }
            }
        }
    }
    None
}

#[inline]
fn take(regex: &Regex, bytes: &[u8], at: usize, set: usize) -> Option<usize> {
    if at >= bytes.len() {
        return None;
    }
    let (c, next) = char_at(bytes, at);
    regex.sets[set].has(c).then_some(next)
}

fn repeat(
    regex: &Regex,
    bytes: &[u8],
    mut at: usize,
    (set, min, max, mode): (usize, u32, u32, Mode),
    next: usize,
    stack: &mut Stack,
) -> Option<usize> {
    for _ in 0..min {
        at = take(regex, bytes, at, set)?;
    }
    let least = at;
    if mode == Mode::Lazy {
        if max > min {
            stack.0.push(Frame::Grow {
                step: next,
                set,
                left: max - min,
                at,
            });
        }
        return Some(at);
    }
    let mut count = min;
    while count < max {
        let Some(end) = take(regex, bytes, at, set) else {
            break;
        };
        (at, count) = (end, count + 1);
    }
    if mode == Mode::Greedy && at > least {
        stack.0.push(Frame::Shrink {
            step: next,
            least,
            at,
        });
    }
    Some(at)
}
