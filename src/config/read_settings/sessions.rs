use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::reader::Fields;
use super::super::setting::{DeclaredTable, duration, settings};
use super::{DAY, HOUR, MINUTE};

/// The lengths of a session: a shorter one would end between two clicks; beyond a year it is an account that nobody checks.
const LENGTHS: RangeInclusive<Duration> = MINUTE..=Duration::from_hours(24 * 365);

/// The intervals of refreshes: more of them would only load the directory; less often than daily is hardly a refresh.
const REFRESHES: RangeInclusive<Duration> = Duration::from_secs(10)..=DAY;

settings! {
    /// How long sessions last.
    #[derive(Clone, Debug)]
    pub struct SessionSettings, settled by SessionSettings::settle {
        // A working day and its edges, so that who signs in at eight is in at seven, and not next morning.
        /// A session ends when it was not used for this long. At most `absolute`.
        pub idle: Duration = duration(12 * HOUR, LENGTHS),
        // A week, so that nobody authenticates more often than that, nor less.
        /// A session ends this long after sign-in.
        pub absolute: Duration = duration(7 * DAY, LENGTHS),
        /// How long a session lasts with *Stay signed in*, used or not. The option is shown if this is set. It needs a service
        /// account.
        pub stay: Option<Duration> = duration(30 * DAY, LENGTHS).optional(),
        // A coffee, and not a lunch, as whoever sits down at a browser left open is asked for the password.
        /// Administration, and changes to one's own tokens and factors, need a password or second factor entered within this
        /// time.
        pub recent: Duration = duration(15 * MINUTE, LENGTHS),
        // The longest that somebody who was dismissed may go on looking.
        /// How often signed-in people are checked in the directory. It needs a service account.
        pub refresh: Duration = duration(5 * MINUTE, REFRESHES),
        // A domain controller's reboot, and the time to notice that it is not back.
        /// How long sessions keep working while the directory does not answer. At least twice `refresh`.
        pub max_staleness: Duration = duration(HOUR, LENGTHS),
        // A working day: an account disabled at noon is out by the evening.
        /// Without a service account, a session ends this long after sign-in.
        pub unrefreshed: Duration = duration(10 * HOUR, LENGTHS),
    }
}

impl SessionSettings {
    /// Sessions of these lengths, with defaults for the rest.
    pub fn with_lifetimes(idle: Duration, absolute: Duration) -> Self {
        let defaults = Self::defaults();
        Self { idle, absolute, unrefreshed: defaults.unrefreshed.min(absolute), ..defaults }
    }

    /// The longest that any session may last, for its cookie; the session itself may end sooner.
    pub fn longest(&self) -> Duration {
        self.stay.map_or(self.absolute, |stay| stay.max(self.absolute))
    }

    /// Checks that the lengths go together. Defaults give way to what is written.
    fn settle(mut self, fields: &Fields<'_>) -> Self {
        match fields.value_location("idle") {
            None => self.idle = self.idle.min(self.absolute),
            Some(location) if self.idle > self.absolute => {
                let message = "`idle` is longer than `absolute`, so it could never be reached";
                fields.sink.report(&location, message, "write a shorter `idle` or a longer `absolute`");
            }
            Some(_) => {}
        }
        if fields.value_location("unrefreshed").is_none() {
            self.unrefreshed = self.unrefreshed.min(self.absolute);
        }
        match fields.value_location("max_staleness") {
            None => self.max_staleness = self.max_staleness.max(self.refresh * 2),
            Some(location) if self.max_staleness < self.refresh * 2 => {
                let message =
                    "`max_staleness` is shorter than two rounds of `refresh`, so one slow answer would shut people out";
                fields.sink.report(&location, message, "write a longer `max_staleness` or a shorter `refresh`");
            }
            Some(_) => {}
        }
        self
    }
}
