use std::hash::Hash;

use indexmap::IndexMap;

/// A map whose values have sizes: it holds so many bytes and entries at most, and one value alone may be larger.
pub(super) struct SizeLimitedMap<K, V> {
    entries: IndexMap<K, (V, usize)>,
    bytes: usize,
    max_bytes: usize,
    max_entries: usize,
}

impl<K: Hash + Eq, V> SizeLimitedMap<K, V> {
    pub(super) fn new(max_bytes: usize, max_entries: usize) -> Self {
        Self { entries: IndexMap::new(), bytes: 0, max_bytes, max_entries }
    }

    /// Inserts a value of that size as the newest, and returns the oldest ones that have to go for it.
    pub(super) fn insert(&mut self, key: K, value: V, size: usize) -> Vec<V> {
        if let Some((_, before)) = self.entries.shift_remove(&key) {
            self.bytes -= before;
        }
        self.bytes += size;
        self.entries.insert(key, (value, size));
        let mut displaced = Vec::new();
        while self.entries.len() > 1 && (self.bytes > self.max_bytes || self.entries.len() > self.max_entries) {
            let Some((_, (oldest, size))) = self.entries.shift_remove_index(0) else { break };
            self.bytes -= size;
            displaced.push(oldest);
        }
        displaced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_one_value_may_be_larger_than_all() {
        let mut map = SizeLimitedMap::new(10, 3);
        let mut displaced = |key: char, size| map.insert(key.to_ascii_lowercase(), key, size).into_iter().collect::<String>();
        assert_eq!(displaced('a', 4), "");
        assert_eq!(displaced('b', 4), "");
        assert_eq!(displaced('A', 5), "", "it is the newest now");
        assert_eq!(displaced('c', 4), "b");
        assert_eq!(displaced('d', 20), "Ac");
        assert_eq!(displaced('e', 0), "d");
        assert_eq!(displaced('f', 0), "");
        assert_eq!(displaced('g', 0), "");
        assert_eq!(displaced('h', 0), "e");
    }
}
