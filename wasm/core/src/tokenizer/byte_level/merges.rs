//! The merge table: a pair of ids → rank and merged id, one cache line a lookup.

#[derive(Clone, Copy)]
struct Entry {
    left: u32,
    right: u32,
    rank: u32,
    id: u32,
}

/// No merge.
pub const NONE: u32 = u32::MAX;
const FREE: Entry = Entry {
    left: NONE,
    right: NONE,
    rank: NONE,
    id: NONE,
};

/// Merges by pair.
pub struct Merges {
    entries: Vec<Entry>,
    count: usize,
}

#[inline]
fn hash(left: u32, right: u32) -> usize {
    let h = ((left as u64) << 32 | right as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (h >> 32) as usize
}

impl Merges {
    /// An empty table with room for `merges` merges.
    pub fn with_capacity(merges: usize) -> Self {
        let size = (merges.max(8) * 3 / 2).next_power_of_two();
        Self {
            entries: vec![FREE; size],
            count: 0,
        }
    }

    /// Adds a merge; a repeated pair takes the later rank, as the native library does.
    pub fn insert(&mut self, left: u32, right: u32, rank: u32, id: u32) {
        if (self.count + 1) * 4 > self.entries.len() * 3 {
            let old = std::mem::take(&mut self.entries);
            self.entries = vec![FREE; old.len() * 2];
            self.count = 0;
            for e in old.into_iter().filter(|e| e.rank != NONE) {
                self.insert(e.left, e.right, e.rank, e.id);
            }
        }
        let mask = self.entries.len() - 1;
        let mut slot = hash(left, right) & mask;
        loop {
            let e = &mut self.entries[slot];
            let free = e.rank == NONE;
            if free || (e.left == left && e.right == right) {
                *e = Entry {
                    left,
                    right,
                    rank,
                    id,
                };
                self.count += usize::from(free);
                return;
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Rank and merged id of a pair; the rank is [`NONE`] if the pair does not merge.
    #[inline]
    pub fn get(&self, left: u32, right: u32) -> (u32, u32) {
        let mask = self.entries.len() - 1;
        let mut slot = hash(left, right) & mask;
        loop {
            let e = &self.entries[slot];
            if (e.left == left && e.right == right) || e.rank == NONE {
                return (e.rank, e.id);
            }
            slot = (slot + 1) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_found_after_growth_and_the_later_rank_wins() {
        let mut merges = Merges::with_capacity(1);
        for i in 0..3000 {
            merges.insert(i, i + 1, i, i + 7);
        }
        merges.insert(5, 6, 9999, 1);
        assert_eq!(merges.get(2999, 3000), (2999, 3006));
        assert_eq!(merges.get(5, 6), (9999, 1));
        assert_eq!(merges.get(6, 5).0, NONE);
    }
}
