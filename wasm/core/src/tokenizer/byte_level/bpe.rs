//! Merging one word: always the pair of the lowest rank, leftmost first.

use super::merges::{Merges, NONE};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Up to here scanning for the lowest rank beats a heap.
const SCAN_LIMIT: usize = 48;

/// Scratch space, kept between words.
#[derive(Default)]
pub struct Scratch {
    /// Symbols as (id, rank of the pair with the next symbol, merged id).
    symbols: Vec<(u32, u32, u32)>,
    links: Vec<Link>,
    heap: BinaryHeap<Reverse<(u32, u32, u32, u32)>>,
}

#[derive(Clone, Copy)]
struct Link {
    id: u32,
    previous: u32,
    next: u32,
}

/// Appends the ids of a word whose characters have the ids `first`.
pub fn merge(
    first: impl ExactSizeIterator<Item = u32>,
    merges: &Merges,
    scratch: &mut Scratch,
    out: &mut Vec<u32>,
) {
    if first.len() <= SCAN_LIMIT {
        scan(first, merges, &mut scratch.symbols, out);
    } else {
        queue(first, merges, scratch, out);
    }
}

fn scan(
    first: impl Iterator<Item = u32>,
    merges: &Merges,
    symbols: &mut Vec<(u32, u32, u32)>,
    out: &mut Vec<u32>,
) {
    symbols.clear();
    symbols.extend(first.map(|id| (id, NONE, NONE)));
    for i in 1..symbols.len() {
        let (rank, merged) = merges.get(symbols[i - 1].0, symbols[i].0);
        (symbols[i - 1].1, symbols[i - 1].2) = (rank, merged);
    }
    loop {
        let mut best = NONE;
        let mut at = 0;
        for (i, s) in symbols.iter().enumerate() {
            if s.1 < best {
                (best, at) = (s.1, i);
            }
        }
        if best == NONE {
            break;
        }
        let id = symbols[at].2;
        symbols.remove(at + 1);
        symbols[at] = match symbols.get(at + 1) {
            Some(next) => {
                let (rank, merged) = merges.get(id, next.0);
                (id, rank, merged)
            }
            None => (id, NONE, NONE),
        };
        if at > 0 {
            let (rank, merged) = merges.get(symbols[at - 1].0, id);
            (symbols[at - 1].1, symbols[at - 1].2) = (rank, merged);
        }
    }
    out.extend(symbols.iter().map(|s| s.0));
}

fn queue(
    first: impl Iterator<Item = u32>,
    merges: &Merges,
    scratch: &mut Scratch,
    out: &mut Vec<u32>,
) {
    let Scratch { links, heap, .. } = scratch;
    links.clear();
    heap.clear();
    links.extend(first.enumerate().map(|(i, id)| Link {
        id,
        previous: (i as u32).wrapping_sub(1),
        next: i as u32 + 1,
    }));
    if let Some(last) = links.last_mut() {
        last.next = NONE;
    }
    let push = |heap: &mut BinaryHeap<_>, at: u32, left: u32, right: u32| {
        let (rank, _) = merges.get(left, right);
        if rank != NONE {
            heap.push(Reverse((rank, at, left, right)));
        }
    };
    for i in 1..links.len() {
        push(heap, i as u32 - 1, links[i - 1].id, links[i].id);
    }
    // An entry is stale once either of its symbols has changed; a symbol that was merged away
    // has the id NONE, which no entry holds.
    while let Some(Reverse((_, at, left, right))) = heap.pop() {
        let Link { id, previous, next } = links[at as usize];
        if id != left || next == NONE || links[next as usize].id != right {
            continue;
        }
        let merged = merges.get(left, right).1;
        let after = links[next as usize].next;
        links[next as usize].id = NONE;
        links[at as usize] = Link {
            id: merged,
            previous,
            next: after,
        };
        if after != NONE {
            links[after as usize].previous = at;
            push(heap, at, merged, links[after as usize].id);
        }
        if previous != NONE {
            push(heap, previous, links[previous as usize].id, merged);
        }
    }
    let mut at = 0;
    while at != NONE {
        let Some(link) = links.get(at as usize) else {
            break;
        };
        out.push(link.id);
        at = link.next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scanning_and_queueing_merge_alike() {
        let mut merges = Merges::with_capacity(8);
        // a=0 b=1; 2=aa 3=ab 4=aaa? (aa+a) 5=aab (aa+b) 6=abab
        for (rank, (l, r, id)) in [
            (0, 0, 2),
            (0, 1, 3),
            (2, 0, 4),
            (2, 1, 5),
            (3, 3, 6),
            (2, 2, 7),
        ]
        .iter()
        .enumerate()
        {
            merges.insert(*l, *r, rank as u32, *id);
        }
        let mut scratch = Scratch::default();
        let mut seed = 7u64;
        for n in 0..400usize {
            let ids: Vec<u32> = (0..n % 90)
                .map(|_| {
                    seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1);
                    (seed >> 40) as u32 & 1
                })
                .collect();
            let (mut a, mut b) = (vec![], vec![]);
            scan(ids.iter().copied(), &merges, &mut scratch.symbols, &mut a);
            queue(ids.iter().copied(), &merges, &mut scratch, &mut b);
            assert_eq!(a, b, "{ids:?}");
        }
    }
}
