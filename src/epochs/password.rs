use crate::domain::{PersonEpoch, Timestamp};

/// The state of somebody's password, as a directory tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObservedPassword {
    /// It was set at this time.
    SetAt(Timestamp),
    /// It must be changed at the next sign-in.
    MustChange,
}

/// The news that a directory told last of somebody's password that was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownPassword {
    /// The latest time at which it was set.
    pub set_at: Timestamp,
    /// Whether it was since seen as one that must be changed.
    pub must_change: bool,
    /// The epoch that this began; the default where none was seen before.
    pub epoch: PersonEpoch,
}

impl ObservedPassword {
    /// The password of a [`Person`](crate::domain::Person) whose `password_set` is this.
    pub fn new(password_set: Timestamp) -> Self {
        if password_set.as_millis() == 0 { Self::MustChange } else { Self::SetAt(password_set) }
    }

    /// When it was set, as far as it tells.
    pub(super) fn set_at(self) -> Timestamp {
        match self {
            Self::SetAt(at) => at,
            Self::MustChange => Timestamp::from_millis(0),
        }
    }
}

impl KnownPassword {
    /// Whether `observed` is another password than this. An earlier one never is: a controller lags behind.
    pub(super) fn is_replaced_by(&self, observed: ObservedPassword) -> bool {
        match observed {
            ObservedPassword::SetAt(at) => at > self.set_at,
            ObservedPassword::MustChange => !self.must_change,
        }
    }

    /// Whether `observed` is this very password.
    pub(super) fn is(&self, observed: ObservedPassword) -> bool {
        match observed {
            ObservedPassword::SetAt(at) => at == self.set_at && !self.must_change,
            ObservedPassword::MustChange => self.must_change,
        }
    }
}
