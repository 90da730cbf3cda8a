use std::collections::HashSet;

/// The facts about all accounts that are kept in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountIndex {
    /// The mail addresses of all accounts.
    pub(super) mail_addresses: HashSet<String>,
    /// The number of changes so far.
    pub(super) generation: u64,
}

impl AccountIndex {
    /// Whether this is exactly some account's mail address, in any case.
    pub fn has_mail(&self, mail: &str) -> bool {
        !self.mail_addresses.is_empty() && self.mail_addresses.contains(&mail.to_lowercase())
    }
}
