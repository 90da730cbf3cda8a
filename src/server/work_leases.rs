use crate::nodes::Lease;

/// The leases of the work that one node does for all.
#[derive(Clone)]
pub(super) struct WorkLeases {
    /// The refresh of signed-in people, from directories and local accounts.
    pub(super) refresh: Lease,
    /// The check of the groups that pages and settings name.
    pub(super) groups: Lease,
    /// The end of what has expired, and the rotation of keys.
    pub(super) upkeep: Lease,
}

impl WorkLeases {
    /// Those of a server that has no other nodes beside it.
    pub(super) fn always_held() -> Self {
        Self { refresh: Lease::always_held(), groups: Lease::always_held(), upkeep: Lease::always_held() }
    }
}
