use std::time::Duration;

/// The program's own accounts, for people whom no directory knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSettings {
    /// The least number of characters of a password.
    pub shortest_password: usize,
    /// How long an invitation may be accepted.
    pub invitation_lasts: Duration,
}

/// Digest (RFC 7616), for devices that can do nothing better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestSettings {
    /// Whether it is offered at all; even then only to local accounts that opted in.
    pub enabled: bool,
}
