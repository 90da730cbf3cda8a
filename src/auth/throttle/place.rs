use serde::{Deserialize, Serialize};

/// How familiar the place of an attempt is to the account's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Place {
    /// Nothing is known of it.
    Unfamiliar,
    /// The network from which they last signed in.
    Familiar,
    /// A browser in which they have signed in.
    Own,
}
