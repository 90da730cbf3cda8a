use std::time::Duration;

use super::account_key::AccountKey;
use super::known_people::{KnownName, KnownPerson};
use super::place::Place;
use crate::domain::Timestamp;

/// Something that the throttle has to remember over a restart.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ThrottleChange {
    /// A name is somebody's.
    Name(KnownName),
    /// Somebody has signed in.
    Person(KnownPerson),
    /// The failures of an account, in place of those before; none when they were forgotten.
    Failures {
        /// Whose.
        account: AccountKey,
        /// When each was, oldest first, and from what place.
        failures: Vec<(Timestamp, Place)>,
        /// The time after the last one when they are forgotten.
        window: Duration,
    },
}
