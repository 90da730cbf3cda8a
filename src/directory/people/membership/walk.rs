/// The deepest nesting of groups followed: deeper is a mistake in the directory, and every level costs a search.
const MAX_NESTING: usize = 32;

/// The bounds of a walk from people up to the groups they are in, and on to the groups those are in, level by level. A
/// level that is empty is the end; a level that is not, once the walk is over, was cut off.
pub(super) struct WalkBounds {
    levels_left: usize,
    max_groups: usize,
}

impl WalkBounds {
    pub(super) fn new(max_groups: usize) -> Self {
        Self { levels_left: MAX_NESTING, max_groups }
    }

    /// Whether the groups of a level's members are to be read, where so many groups have been found.
    pub(super) fn admit<M>(&mut self, level: &[M], group_count: usize) -> bool {
        let is_admitted = !level.is_empty() && self.levels_left > 0 && group_count < self.max_groups;
        self.levels_left -= usize::from(is_admitted);
        is_admitted
    }
}
