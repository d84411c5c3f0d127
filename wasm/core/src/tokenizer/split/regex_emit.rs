//! From a parsed pattern to the steps that the matcher runs.

use super::regex::{Mode, Step};

/// Upper bound on the steps that counted groups may expand to.
const MAX_STEPS: usize = 4096;

/// A parsed pattern; sets are indices.
pub(super) enum Node {
    Set(usize),
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    Repeat(Box<Node>, u32, u32, Mode),
    Look(bool, Box<Node>),
    Behind(bool, usize),
    Start,
    End,
}

/// The steps of a pattern; `None` if they are too many.
pub(super) fn emit(node: &Node) -> Option<Vec<Step>> {
    let mut steps = vec![];
    emit_node(node, &mut steps)?;
    steps.push(Step::Accept);
    Some(steps)
}

fn emit_node(node: &Node, steps: &mut Vec<Step>) -> Option<()> {
    if steps.len() > MAX_STEPS {
        return None;
    }
    match node {
        Node::Set(set) => steps.push(Step::Set(*set)),
        Node::Sequence(nodes) => {
            for node in nodes {
                emit_node(node, steps)?;
            }
        }
        Node::Either(nodes) => {
            let mut exits = vec![];
            for (i, node) in nodes.iter().enumerate() {
                let fork = steps.len();
                let last = i + 1 == nodes.len();
                if !last {
                    steps.push(Step::Fork(fork + 1, 0));
                }
                emit_node(node, steps)?;
                if !last {
                    exits.push(steps.len());
                    steps.push(Step::Jump(0));
                    steps[fork] = Step::Fork(fork + 1, steps.len());
                }
            }
            let end = steps.len();
            for exit in exits {
                steps[exit] = Step::Jump(end);
            }
        }
        Node::Repeat(node, min, max, mode) => match **node {
            Node::Set(set) => {
                steps.push(Step::Repeat {
                    set,
                    min: *min,
                    max: *max,
                    mode: *mode,
                });
            }
            _ => emit_group(node, *min, *max, *mode, steps)?,
        },
        Node::Look(negative, node) => {
            let look = steps.len();
            steps.push(Step::Accept);
            emit_node(node, steps)?;
            steps.push(Step::Accept);
            steps[look] = Step::Look {
                negative: *negative,
                next: steps.len(),
            };
        }
        Node::Behind(negative, set) => {
            steps.push(Step::Behind {
                negative: *negative,
                set: *set,
            });
        }
        Node::Start => steps.push(Step::Start),
        Node::End => steps.push(Step::End),
    }
    Some(())
}

/// A repeated group: `min` copies, then a loop or nested optional copies.
fn emit_group(node: &Node, min: u32, max: u32, mode: Mode, steps: &mut Vec<Step>) -> Option<()> {
    for _ in 0..min {
        emit_node(node, steps)?;
    }
    let fork = |body: usize, exit: usize| match mode {
        Mode::Lazy => Step::Fork(exit, body),
        _ => Step::Fork(body, exit),
    };
    if max == u32::MAX {
        let head = steps.len();
        steps.push(Step::Accept);
        emit_node(node, steps)?;
        steps.push(Step::Jump(head));
        steps[head] = fork(head + 1, steps.len());
        return Some(());
    }
    let mut heads = vec![];
    for _ in min..max {
        heads.push(steps.len());
        steps.push(Step::Accept);
        emit_node(node, steps)?;
    }
    let end = steps.len();
    for head in heads {
        steps[head] = fork(head + 1, end);
    }
    Some(())
}
