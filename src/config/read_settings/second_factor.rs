use std::time::Duration;

use super::super::setting::{DeclaredTable, boolean, duration, list, settings};
use super::{DAY, HOUR, MINUTE};
use crate::domain::{GroupRef, Person};

settings! {
    /// Who needs a second factor, beside the pages that say so themselves.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SecondFactorSettings {
        /// Whether everybody needs one, except for public pages.
        pub required: bool = boolean(false),
        /// The members of these groups need one.
        pub groups: Vec<GroupRef> = list("list of groups").such_as("[\"dash-finance\"]"),
        // A working day, so that it is asked for each morning and not between two meetings. For less than a minute, it would be
        // asked for between two clicks; for more than a month, and its owner may have left the desk since.
        /// How long it counts after it was entered.
        pub remember: Duration = duration(12 * HOUR, MINUTE..=30 * DAY),
    }
}

impl SecondFactorSettings {
    /// Whether `person` needs one wherever they must sign in: by the settings, or by their account.
    pub fn required_for(&self, person: &Person) -> bool {
        let is_in = |wanted: &GroupRef| person.groups.iter().any(|group| wanted.may_mean(group, person));
        self.required || person.requires_second_factor() || self.groups.iter().any(is_in)
    }
}

impl Default for SecondFactorSettings {
    fn default() -> Self {
        Self::defaults()
    }
}
