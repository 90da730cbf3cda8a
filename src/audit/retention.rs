/// The order in which events make room for others when the audit is full. The number is what the store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetentionClass {
    /// A refusal of somebody who has proved nothing. Strangers cause as many as they like, so these go first.
    Stranger = 0,
    /// Something that a person did, or tried once their password was right.
    Person = 1,
    /// Something that an admin did, or the program itself: the last to go.
    Administration = 2,
}

impl RetentionClass {
    /// The number of the class in the store.
    pub(super) fn as_i64(self) -> i64 {
        self as i64
    }
}

/// How many rows each holder loses when `surplus` are to go, by the rows that each has, the most first: those with the most
/// lose theirs until all have as many, so that whoever has less than an equal share loses nothing.
pub(super) fn level_down(held: &[u64], surplus: u64) -> Vec<u64> {
    let mut left = surplus.min(held.iter().sum());
    let mut level = held.first().copied().unwrap_or_default();
    let mut above = 0;
    // Down to the next holder's number at each step, until what is left does not suffice for a whole step.
    while above < held.len() {
        above += 1;
        let next = held.get(above).copied().unwrap_or_default();
        let holders = u64::try_from(above).unwrap_or(u64::MAX);
        let step = (level - next).saturating_mul(holders);
        if step > left {
            level -= left / holders;
            left %= holders;
            break;
        }
        left -= step;
        level = next;
    }
    let mut lost: Vec<u64> = held.iter().map(|rows| rows.saturating_sub(level)).collect();
    // What does not divide evenly is taken one by one from the first.
    for (lost, rows) in lost.iter_mut().zip(held) {
        if left > 0 && *lost < *rows {
            *lost += 1;
            left -= 1;
        }
    }
    lost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_the_most_loses_it_until_all_have_as_many() {
        for (held, surplus, lost) in [
            (&[][..], 5, vec![]),
            (&[10, 3, 1], 0, vec![0, 0, 0]),
            (&[10, 3, 1], 5, vec![5, 0, 0]),
            (&[10, 3, 1], 9, vec![8, 1, 0]),
            (&[10, 3, 1], 13, vec![10, 3, 0]),
            (&[10, 3, 1], 99, vec![10, 3, 1]),
            (&[4, 4, 4], 2, vec![1, 1, 0]),
            (&[1, 1, 1], 1, vec![1, 0, 0]),
        ] {
            assert_eq!(level_down(held, surplus), lost, "{held:?} {surplus}");
        }
    }
}
