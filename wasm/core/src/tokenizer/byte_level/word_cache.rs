//! Words already merged. Bounded: when it is full it starts over, which costs less than deciding
//! what to keep.

use super::vocab::hash;

/// Longer words are not kept.
pub const MAX_WORD: usize = 48;
const SLOTS: usize = 1 << 16;
const MAX_ENTRIES: usize = SLOTS / 2;

#[derive(Clone, Copy, Default)]
struct Entry {
    tag: u32,
    key: u32,
    /// The id itself if there is one, else a place in `ids`.
    value: u32,
    length: u16,
    count: u16,
}

/// A map from words to ids.
#[derive(Default)]
pub struct WordCache {
    entries: Vec<Entry>,
    keys: Vec<u8>,
    ids: Vec<u32>,
    used: usize,
}

impl WordCache {
    /// Appends the ids of `word` if it is known, else returns the place to store them.
    #[inline]
    pub fn get(&mut self, word: &[u8], out: &mut Vec<u32>) -> Option<usize> {
        if self.entries.is_empty() {
            self.entries = vec![Entry::default(); SLOTS];
        }
        let h = hash(word);
        let tag = (h >> 32) as u32;
        let mut slot = h as usize & (SLOTS - 1);
        loop {
            let e = &self.entries[slot];
            if e.length == 0 {
                return Some(slot);
            }
            if e.tag == tag && e.length as usize == word.len() {
                let key = e.key as usize;
                if &self.keys[key..key + word.len()] == word {
                    if e.count == 1 {
                        out.push(e.value);
                    } else {
                        let start = e.value as usize;
                        out.extend_from_slice(&self.ids[start..start + e.count as usize]);
                    }
                    return None;
                }
            }
            slot = (slot + 1) & (SLOTS - 1);
        }
    }

    /// Stores the ids of a word at the place that [`get`](Self::get) returned for it.
    pub fn put(&mut self, slot: usize, word: &[u8], ids: &[u32]) {
        if word.is_empty() || word.len() > MAX_WORD {
            return;
        }
        if self.used == MAX_ENTRIES {
            self.entries.fill(Entry::default());
            self.keys.clear();
            self.ids.clear();
            self.used = 0;
        }
        let value = match ids {
            [id] => *id,
            _ => {
                self.ids.extend_from_slice(ids);
                (self.ids.len() - ids.len()) as u32
            }
        };
        self.entries[slot] = Entry {
            tag: (hash(word) >> 32) as u32,
            key: self.keys.len() as u32,
            value,
            length: word.len() as u16,
            count: ids.len() as u16,
        };
        self.keys.extend_from_slice(word);
        self.used += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_also_after_the_cache_started_over() {
        let mut cache = WordCache::default();
        let mut out = vec![];
        for round in 0..2 {
            for i in 0..MAX_ENTRIES as u32 + 10 {
                let word = format!("w{i}");
                let ids: Vec<u32> = (0..i % 3 + 1).map(|k| i + k).collect();
                out.clear();
                match cache.get(word.as_bytes(), &mut out) {
                    Some(slot) => cache.put(slot, word.as_bytes(), &ids),
                    None => assert_eq!(out, ids, "round {round}"),
                }
            }
        }
        out.clear();
        let last = MAX_ENTRIES as u32 + 9;
        assert_eq!(cache.get(format!("w{last}").as_bytes(), &mut out), None);
        assert_eq!(out, (last..last + last % 3 + 1).collect::<Vec<_>>());
    }
}
