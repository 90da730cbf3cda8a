use crate::nodes::{Lease, LeaseKeeper};

const REFRESH: &str = "refresh";
const GROUPS: &str = "groups";
const UPKEEP: &str = "upkeep";
const HISTORY: &str = "history";

/// The names of all leases.
pub(super) const WORK: [&str; 4] = [REFRESH, GROUPS, UPKEEP, HISTORY];

/// The leases of the work that one node does for all.
#[derive(Clone)]
pub(super) struct WorkLeases {
    /// The refresh of signed-in people, from directories and local accounts.
    pub(super) refresh: Lease,
    /// The check of the groups that pages and settings name.
    pub(super) groups: Lease,
    /// The end of what has expired, and the rotation of keys.
    pub(super) upkeep: Lease,
    /// The record of what no node leads, and the order in what is kept.
    pub(super) history: Lease,
}

impl WorkLeases {
    /// Those of a server that has no other nodes beside it.
    pub(super) fn always_held() -> Self {
        let [refresh, groups, upkeep, history] = std::array::from_fn(|_| Lease::always_held());
        Self { refresh, groups, upkeep, history }
    }

    /// Those of a node.
    pub(super) fn kept_by(keeper: &LeaseKeeper) -> Self {
        let [refresh, groups, upkeep, history] = WORK.map(|work| keeper.lease(work));
        Self { refresh, groups, upkeep, history }
    }
}
