use crate::nodes::{Lease, LeaseKeeper};

const REFRESH: &str = "refresh";
const GROUPS: &str = "groups";
const UPKEEP: &str = "upkeep";

/// The names of all leases.
pub(super) const WORK: [&str; 3] = [REFRESH, GROUPS, UPKEEP];

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

    /// Those of a node.
    pub(super) fn kept_by(keeper: &LeaseKeeper) -> Self {
        Self { refresh: keeper.lease(REFRESH), groups: keeper.lease(GROUPS), upkeep: keeper.lease(UPKEEP) }
    }
}
