use std::time::Duration;

use super::super::setting::{boolean, duration, integer, list, settings};
use super::{DAY, HOUR, MINUTE};

settings! {
    /// The program's own accounts, for people whom no directory knows.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AccountSettings {
        // Beyond what NIST SP 800-63B (5.1.1.2) asks, since an account may have no second factor. It wants "at least 8
        // characters in length", and passwords of 64 to be possible.
        /// The shortest password.
        pub shortest_password: usize = integer(12, 8..=64),
        // A weekend and a day. Shorter, and the mail may come too late; longer, and it lies forgotten in a mailbox.
        /// How long an invitation is valid.
        pub invitation_lasts: Duration = duration(72 * HOUR, 5 * MINUTE..=30 * DAY),
        // A sign-in goes to one place, chosen by what was typed. Whoever invites somebody must not choose it by the address they
        // write down, which may be a colleague's principal name.
        /// The domains whose mail addresses sign in to local accounts. Names ending in them never go to a directory.
        pub mail_domains: Vec<String> = list("list of texts").such_as("[\"partner.example\"]"),
    }
}

settings! {
    /// Digest (RFC 7616), for devices that can do nothing better.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct DigestSettings {
        /// Whether Digest works, for local accounts that allow it.
        pub enabled: bool = boolean(false).such_as("true"),
    }
}
