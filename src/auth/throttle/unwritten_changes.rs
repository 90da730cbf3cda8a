use super::throttle_change::ThrottleChange;

/// The most changes that wait to be written with others: those of some hundred sign-ins.
const MAX_WAITING: usize = 1024;

/// The changes that are to be written down.
#[derive(Default)]
pub(super) struct UnwrittenChanges {
    changes: Vec<ThrottleChange>,
    /// Whether any of them should not wait for others. Names and places of good sign-ins may.
    is_urgent: bool,
}

impl UnwrittenChanges {
    pub(super) fn push(&mut self, change: ThrottleChange) {
        self.is_urgent |= matches!(change, ThrottleChange::Failures { .. });
        self.changes.push(change);
    }

    pub(super) fn extend(&mut self, changes: impl IntoIterator<Item = ThrottleChange>) {
        changes.into_iter().for_each(|change| self.push(change));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether they are to be written now.
    pub(super) fn is_due(&self) -> bool {
        self.is_urgent || self.changes.len() >= MAX_WAITING
    }

    /// Takes them, to write them.
    pub(super) fn take(&mut self) -> Vec<ThrottleChange> {
        std::mem::take(self).changes
    }
}
