/// Batches that are asked for in one search each, and in two halves where the answer is cut short: what one of a batch has
/// must not cost the others their answer.
pub(in crate::directory) struct Halves<'b, T> {
    to_do: Vec<&'b [T]>,
}

impl<'b, T> Halves<'b, T> {
    /// All of these, at first in batches of this size.
    pub(in crate::directory) fn of(all: &'b [T], size: usize) -> Self {
        Self { to_do: all.chunks(size).rev().collect() }
    }

    /// The batch to ask for now; `None` when all have been.
    pub(in crate::directory) fn next_batch(&mut self) -> Option<&'b [T]> {
        self.to_do.pop()
    }

    /// Puts a batch back, to be asked for in two halves; `false` where it is one alone.
    pub(in crate::directory) fn split(&mut self, batch: &'b [T]) -> bool {
        if batch.len() < 2 {
            return false;
        }
        let (first, second) = batch.split_at(batch.len() / 2);
        self.to_do.extend([second, first]);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_never_answered_costs_the_others_nothing_but_time() {
        let all: Vec<u32> = (0..250).collect();
        let (mut halves, mut answered, mut searches) = (Halves::of(&all, 100), Vec::new(), 0);
        while let Some(batch) = halves.next_batch() {
            searches += 1;
            if !batch.contains(&137) {
                answered.extend_from_slice(batch);
            } else if !halves.split(batch) {
                assert_eq!(batch, [137]);
            }
        }
        assert_eq!(answered, all.iter().copied().filter(|n| *n != 137).collect::<Vec<_>>());
        assert!(searches <= 3 + 2 * 7, "{searches}");
    }
}
