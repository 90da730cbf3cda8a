use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::reader::Fields;
use super::super::setting::{boolean, duration, settings};
use super::{DAY, HOUR, MINUTE, SECOND};

/// The lifetimes of a token: a shorter one would expire while it is being copied, a longer one than ten years outlives
/// everybody's memory of it.
const LIFETIMES: RangeInclusive<Duration> = MINUTE..=Duration::from_hours(24 * 365 * 10);

settings! {
    /// Name and password with every request (Basic, RFC 7617).
    #[derive(Clone, Debug)]
    pub struct BasicSettings {
        /// Whether it is allowed.
        pub enabled: bool = boolean(true),
        // A script that calls every few seconds costs one bind a minute, and a change is noticed by then. For longer, a
        // password that was changed would open pages for too long.
        /// How long a correct password is remembered; `"0s"` asks the directory every time.
        pub remember: Duration = duration(MINUTE, Duration::ZERO..=15 * MINUTE),
    }
}

settings! {
    /// Personal API tokens.
    #[derive(Clone, Debug)]
    pub struct TokenSettings, settled by TokenSettings::settle {
        // A quarter: long enough not to be a nuisance, short enough that its purpose is not forgotten.
        /// How long a token is valid by default. At most `longest`.
        pub lifetime: Duration = duration(90 * DAY, LIFETIMES),
        /// The longest a token can be valid.
        pub longest: Duration = duration(365 * DAY, LIFETIMES),
        // A week, so that a holiday costs one sign-in.
        /// Without a service account, a token works for this long after its owner's last sign-in.
        pub unrefreshed: Duration = duration(7 * DAY, LIFETIMES),
    }
}

impl TokenSettings {
    /// Checks that the lifetimes go together. The default gives way to what is written.
    fn settle(mut self, fields: &Fields<'_>) -> Self {
        match fields.value_location("lifetime") {
            None => self.lifetime = self.lifetime.min(self.longest),
            Some(location) if self.lifetime > self.longest => {
                let message = "`lifetime` is longer than `longest`, so no token could have it";
                fields.sink.report(&location, message, "write a shorter `lifetime` or a longer `longest`");
            }
            Some(_) => {}
        }
        self
    }
}

settings! {
    /// Short-lived signed tokens (JWT, RFC 7519).
    #[derive(Clone, Debug)]
    pub struct JwtSettings {
        // Long enough for a clock that is a minute off, short enough that nobody keeps it: it is for the next minutes, and
        // what is to last is an API token.
        /// How long one is valid.
        pub lifetime: Duration = duration(3 * MINUTE, 10 * SECOND..=HOUR),
        // Each key still verifies for a while, and there should be a handful, not hundreds.
        /// How long a signing key is used.
        pub rotate: Duration = duration(30 * DAY, HOUR..=*LIFETIMES.end()),
    }
}
