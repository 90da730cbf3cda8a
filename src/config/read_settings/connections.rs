use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::setting::{duration, integer, settings};
use super::{HOUR, SECOND};

/// The limits of connections: fewer would not let one browser load one page, and beyond a million memory is the limit.
const LIMITS: RangeInclusive<i64> = 8..=1_000_000;

const TIMEOUTS: RangeInclusive<Duration> = SECOND..=HOUR;

settings! {
    /// The limits of connections: how many, and how long they may be silent.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ConnectionSettings {
        // Of some 20 kB each: 200 MB when strangers take them all. A company of thousands needs no more.
        /// The largest number of connections; less if the system allows fewer open files. If there are more, those of people
        /// who are not signed in are closed first.
        pub most: usize = integer(10_000, LIMITS),
        // An office with a wall display or two a desk. A browser takes six, and one a board.
        /// The largest number from one address. Each person who is signed in has as many for themselves, wherever they are: colleagues
        /// behind one address do not share its number. Trusted proxies are not limited.
        pub per_address: usize = integer(512, LIMITS),
        // A few packets: on a bad mobile network some seconds.
        /// Time limit for the TLS handshake and the head of the first request.
        pub head_timeout: Duration = duration(10 * SECOND, TIMEOUTS),
        // Longer than proxies keep one (a minute, usually), so that they end it and not we, in whose last moment a request
        // could be lost.
        /// How long an idle connection is kept.
        pub idle_timeout: Duration = duration(75 * SECOND, TIMEOUTS),
        // The largest form is some kilobytes.
        /// Time limit for the body of a form.
        pub body_timeout: Duration = duration(15 * SECOND, TIMEOUTS),
    }
}
