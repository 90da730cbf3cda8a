use std::collections::HashMap;

use super::{Holder, NetworkCounts};

/// How much of something scarce each holder has: people and the program each by themselves, strangers by their networks in steps.
#[derive(Debug, Default)]
pub struct HolderCounts {
    of_strangers: NetworkCounts,
    of_others: HashMap<Holder, usize>,
}

impl HolderCounts {
    /// Counts `amount` more for the holder.
    pub fn add(&mut self, holder: &Holder, amount: usize) {
        match holder {
            Holder::Stranger(network) => self.of_strangers.add(*network, amount),
            other => match self.of_others.get_mut(other) {
                Some(held) => *held += amount,
                None => drop(self.of_others.insert(other.clone(), amount)),
            },
        }
    }

    /// Counts `amount` less for the holder.
    pub fn remove(&mut self, holder: &Holder, amount: usize) {
        match holder {
            Holder::Stranger(network) => self.of_strangers.remove(*network, amount),
            other => {
                let Some(held) = self.of_others.get_mut(other) else { return };
                *held -= amount;
                if *held == 0 {
                    self.of_others.remove(other);
                }
            }
        }
    }

    /// How much the holder has; of a stranger, all in the same narrowest network.
    pub fn of(&self, holder: &Holder) -> usize {
        match holder {
            Holder::Stranger(network) => self.of_strangers.of(*network),
            other => self.of_others.get(other).copied().unwrap_or_default(),
        }
    }

    /// Whether `holder` may not have one more for the sake of what `other` has, where one holder's share is `share`: they are the same,
    /// or both are in a network that has its share.
    pub fn is_in_the_way(&self, other: &Holder, holder: &Holder, share: usize) -> bool {
        match (other, holder) {
            (Holder::Stranger(other), Holder::Stranger(network)) => self.of_strangers.is_in_the_way(*other, *network, share),
            _ => other == holder && self.of(holder) >= share,
        }
    }

    /// The share of one holder that would be just enough for what the holder has; what it has together with anybody else is theirs
    /// as well.
    pub fn needed_share(&self, holder: &Holder) -> usize {
        match holder {
            Holder::Stranger(network) => self.of_strangers.needed_share(*network),
            other => self.of(other),
        }
    }

    /// How much more than `newcomer` would have with `amount` more, as a share of one holder, `holder` has already; `None` where it is
    /// no more. Networks that both are in are no difference between them.
    pub fn lead(&self, holder: &Holder, newcomer: &Holder, amount: usize) -> Option<usize> {
        let (has, would_have) = match (holder, newcomer) {
            (Holder::Stranger(network), Holder::Stranger(newcomer)) => {
                return self.of_strangers.lead(*network, *newcomer, amount);
            }
            _ => (self.needed_share(holder), self.of(newcomer) + amount),
        };
        has.checked_sub(would_have).filter(|lead| *lead > 0)
    }
}
