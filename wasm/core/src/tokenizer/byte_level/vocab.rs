//! The vocabulary: bytes ↔ id, in one arena and one open-addressing table, since a table of
//! separately allocated strings takes longer to build than the file takes to parse.

/// A hash of short byte strings: eight bytes a step.
#[inline]
pub fn hash(bytes: &[u8]) -> u64 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut h = bytes.len() as u64 ^ K;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let word = u64::from_le_bytes([
            chunk[0], chunk[1], chunk[2], chunk[3], chunk[4], chunk[5], chunk[6], chunk[7],
        ]);
        h = (h ^ word).wrapping_mul(K).rotate_left(29);
    }
    let mut last = 0u64;
    for &b in chunks.remainder() {
        last = last << 8 | b as u64;
    }
    h = (h ^ last).wrapping_mul(K);
    h ^ h >> 32
}

/// No token.
const FREE: u32 = u32::MAX;

/// Tokens by id and by bytes.
pub struct Vocab {
    arena: Vec<u8>,
    /// Start and end in the arena by id; ids that are not used have start = `FREE`.
    spans: Vec<(u32, u32)>,
    /// Ids, by hash.
    slots: Vec<u32>,
    count: usize,
}

impl Vocab {
    /// An empty vocabulary with room for `tokens` tokens.
    pub fn with_capacity(tokens: usize, bytes: usize) -> Self {
        let slots = (tokens.max(512) * 2).next_power_of_two();
        Self {
            arena: Vec::with_capacity(bytes),
            spans: Vec::with_capacity(tokens),
            slots: vec![FREE; slots],
            count: 0,
        }
    }

    /// The number of tokens.
    pub fn count(&self) -> usize {
        self.count
    }

    /// One more than the largest id.
    pub fn id_end(&self) -> usize {
        self.spans.len()
    }

    /// Adds a token; false if the bytes or the id are taken.
    pub fn insert(&mut self, bytes: &[u8], id: u32) -> bool {
        if self.get(bytes).is_some() || self.bytes(id).is_some() {
            return false;
        }
        if (self.count + 1) * 3 > self.slots.len() * 2 {
            self.grow();
        }
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(bytes);
        if self.spans.len() <= id as usize {
            self.spans.resize(id as usize + 1, (FREE, FREE));
        }
        self.spans[id as usize] = (start, self.arena.len() as u32);
        self.place(id);
        self.count += 1;
        true
    }

    fn place(&mut self, id: u32) {
        let (start, end) = self.spans[id as usize];
        let mask = self.slots.len() - 1;
        let mut slot = hash(&self.arena[start as usize..end as usize]) as usize & mask;
        while self.slots[slot] != FREE {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = id;
    }

    fn grow(&mut self) {
        let ids: Vec<u32> = self
            .slots
            .iter()
            .copied()
            .filter(|&id| id != FREE)
            .collect();
        self.slots = vec![FREE; self.slots.len() * 2];
        for id in ids {
            self.place(id);
        }
    }

    /// The id of a token.
    #[inline]
    pub fn get(&self, bytes: &[u8]) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut slot = hash(bytes) as usize & mask;
        loop {
            let id = self.slots[slot];
            if id == FREE {
                return None;
            }
            let (start, end) = self.spans[id as usize];
            if &self.arena[start as usize..end as usize] == bytes {
                return Some(id);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The bytes of a token.
    #[inline]
    pub fn bytes(&self, id: u32) -> Option<&[u8]> {
        let &(start, end) = self.spans.get(id as usize)?;
        if start == FREE {
            return None;
        }
        Some(&self.arena[start as usize..end as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_by_bytes_and_by_id_after_growth() {
        let mut vocab = Vocab::with_capacity(1, 1);
        for id in 0..5000u32 {
            assert!(vocab.insert(format!("token {id}").as_bytes(), id * 2));
        }
        assert!(!vocab.insert(b"token 7", 1) && !vocab.insert(b"new", 4));
        assert_eq!(vocab.get(b"token 4999"), Some(9998));
        assert_eq!(vocab.bytes(14), Some(&b"token 7"[..]));
        assert_eq!(
            (vocab.bytes(3), vocab.get(b"x"), vocab.count()),
            (None, None, 5000)
        );
    }
}
