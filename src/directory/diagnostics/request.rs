use std::time::Duration;

use crate::directory::people::GroupMention;
use crate::domain::{Password, Username};

/// The longest time a diagnosis of one directory may take: enough for every step of a slow one, while somebody still
/// watches.
pub(super) const TOTAL_TIMEOUT: Duration = Duration::from_mins(1);

/// The parts of a diagnosis beside the directory itself: groups, and a person.
#[derive(Clone, Copy, Default)]
pub struct DiagnosticsRequest<'a> {
    /// The groups that pages and settings name.
    pub groups: &'a [GroupMention],
    /// A person to look up.
    pub person: Option<&'a Username>,
    /// Their password, tried once, where there is no service account to look them up with.
    pub password: Option<&'a Password>,
    /// The advice on how the certificate of an unknown CA is saved and then used; `None` where `belvedere doctor` does
    /// it.
    pub save_ca: Option<&'a str>,
}

/// The reason of a step that could not be taken within [`TOTAL_TIMEOUT`].
pub(super) fn timeout_message() -> String {
    format!("the examination took longer than {} s", TOTAL_TIMEOUT.as_secs())
}
