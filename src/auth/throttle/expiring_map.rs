use std::collections::HashMap;
use std::hash::Hash;

use crate::domain::Timestamp;

/// The share of a full map that is evicted at once (one in so many), so that a flood of new entries does not pay for a
/// search each time.
const EVICTED_SHARE: usize = 4;

/// A bounded map whose entries expire.
pub(super) struct ExpiringMap<K, V> {
    entries: HashMap<K, (V, Timestamp)>,
    capacity: usize,
}

impl<K: Copy + Hash + Ord, V> ExpiringMap<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity }
    }

    /// The value, unless it has expired.
    pub(super) fn get(&self, key: K, now: Timestamp) -> Option<&V> {
        self.entries.get(&key).filter(|(_, until)| now < *until).map(|(value, _)| value)
    }

    /// Inserts or replaces a value that expires at `until`. The values that had to make room for it, before they expired.
    pub(super) fn insert(&mut self, key: K, value: V, until: Timestamp, now: Timestamp) -> Vec<V> {
        let is_full = self.entries.len() >= self.capacity && !self.entries.contains_key(&key);
        let evicted = if is_full { self.evict(now) } else { Vec::new() };
        self.entries.insert(key, (value, until));
        evicted
    }

    pub(super) fn remove(&mut self, key: K) {
        self.entries.remove(&key);
    }

    /// All values, expired ones among them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.entries.iter().map(|(key, (value, _))| (*key, value))
    }

    /// Keeps only the entries with such keys.
    pub(super) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.entries.retain(|key, _| keep(key));
    }

    /// Drops expired entries; when that is not enough, a quarter of the rest, those that expire first, whose values are returned.
    fn evict(&mut self, now: Timestamp) -> Vec<V> {
        self.entries.retain(|_, (_, until)| now < *until);
        let kept = self.capacity - self.capacity / EVICTED_SHARE;
        let surplus = self.entries.len().saturating_sub(kept);
        let mut by_end: Vec<(Timestamp, K)> = self.entries.iter().map(|(key, (_, until))| (*until, *key)).collect();
        by_end.sort_unstable();
        by_end[..surplus].iter().filter_map(|(_, key)| self.entries.remove(key)).map(|(value, _)| value).collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_full_map_drops_what_has_expired_and_then_what_would_expire_first() {
        let now = Timestamp::from_millis(0);
        let after = |seconds| now + Duration::from_secs(seconds);
        let mut map = ExpiringMap::new(8);
        for key in 0..8 {
            map.insert(key, key, after(key + 1), now);
        }
        map.insert(100, 100, after(100), after(4));
        assert_eq!(map.len(), 5, "what was over is gone");
        for key in 101..104 {
            map.insert(key, key, after(key), after(4));
        }
        map.insert(200, 200, after(200), after(4));
        assert_eq!(map.len(), 7, "two of eight had to go");
        assert_eq!(map.get(4, after(4)), None);
        assert_eq!(map.get(5, after(4)), None);
        assert_eq!(map.get(6, after(4)), Some(&6));
        assert_eq!(map.get(200, after(4)), Some(&200));
    }

    #[test]
    fn a_flood_never_makes_it_larger() {
        let now = Timestamp::from_millis(0);
        let mut map = ExpiringMap::new(1000);
        for key in 0..10_000 {
            map.insert(key, (), now + Duration::from_secs(60 + key), now);
            assert!(map.len() <= 1000);
        }
    }
}
