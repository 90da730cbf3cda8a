use std::time::Instant;

use super::panel_slots::PanelSlots;

/// How often the panels are compared until all that the node before was answered is here: ten seconds, in which each query that is asked
/// every few seconds is answered anew, also by a node that has yet to be given a lease for it.
pub(super) const MAX_COMPARISONS: u8 = 200;

/// The work of the node that leads a channel: it draws the panels, and tells all nodes what changes.
pub(super) struct ChannelLead {
    /// The lease, by its number.
    pub(super) fence: u64,
    pub(super) slots: PanelSlots,
    /// The number of the batch that is on its way to the stream. It counts, and is shown, once it stands there: so no two nodes show
    /// different batches of one number.
    pub(super) on_its_way: Option<u64>,
    /// Whether there is more to tell, or to compare, when that has arrived.
    pub(super) is_behind: bool,
    /// How many times more the panels may have to be compared with those that another node has drawn, because what that was answered
    /// is not all here yet.
    pub(super) comparisons: u8,
    /// Whether the stream has yet to get a snapshot.
    pub(super) owes_snapshot: bool,
    /// When something was told last.
    pub(super) told_at: Instant,
}

impl ChannelLead {
    /// The lead of a run that this node has drawn for itself until now.
    pub(super) fn of_own_run(fence: u64, slots: PanelSlots) -> Self {
        Self { fence, slots, on_its_way: None, is_behind: false, comparisons: 0, owes_snapshot: true, told_at: Instant::now() }
    }

    /// The lead of a run that another node has drawn until now.
    pub(super) fn taken_over(fence: u64, slots: PanelSlots) -> Self {
        Self { comparisons: MAX_COMPARISONS, owes_snapshot: false, ..Self::of_own_run(fence, slots) }
    }
}
