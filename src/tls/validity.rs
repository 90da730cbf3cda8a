use std::path::Path;
use std::time::Duration;

use super::certificate_text::day;
use super::pem::read_certificates;
use super::presented::PresentedCertificate;
use crate::domain::Timestamp;

/// The time before a certificate's last day from which that is told: a month, which leaves room for a holiday.
const MAX_NOTICE: Duration = Duration::from_hours(30 * 24);

/// The part of a certificate's life from which its end is told, where that is less: those that are renewed by a program live for weeks,
/// and it has done so by then.
const LAST_PART: i64 = 4;

/// Whether a file's certificates are within their dates. The better comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Validity {
    /// They are, or the file cannot be read, which is told elsewhere.
    Good,
    /// They are, and it is over soon.
    EndsSoon {
        /// The last day.
        on: String,
    },
    /// They are to come.
    NotYet {
        /// The first day.
        from: String,
    },
    /// They are over.
    Ended {
        /// The last day.
        on: String,
    },
}

impl Validity {
    /// The validity of the certificate that a file begins with: the one that is shown, before those of its issuers.
    pub fn of_first(file: &Path, now: Timestamp) -> Self {
        Self::of_each(file, now).into_iter().next().unwrap_or(Self::Good)
    }

    /// The validity of the one that is good for longest: where any of several is trusted, old ones do no harm.
    pub fn of_best(file: &Path, now: Timestamp) -> Self {
        Self::of_each(file, now).into_iter().min().unwrap_or(Self::Good)
    }

    fn of_each(file: &Path, now: Timestamp) -> Vec<Self> {
        let now = now.as_millis().div_euclid(1000);
        let certificates = read_certificates(file).unwrap_or_default();
        let dates = certificates.iter().filter_map(|der| Some(PresentedCertificate::parse(der).ok()?.dates()));
        dates.map(|(from, until)| Self::of_dates(from, until, now)).collect()
    }

    /// All in seconds since 1970.
    fn of_dates(from: i64, until: i64, now: i64) -> Self {
        let max_notice = i64::try_from(MAX_NOTICE.as_secs()).unwrap_or(i64::MAX);
        let notice = (until.saturating_sub(from) / LAST_PART).min(max_notice);
        match now {
            _ if now > until => Self::Ended { on: day(until) },
            _ if now < from => Self::NotYet { from: day(from) },
            _ if until.saturating_sub(now) < notice => Self::EndsSoon { on: day(until) },
            _ => Self::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    #[test]
    fn an_end_is_told_a_month_before_and_for_short_lives_in_their_last_quarter() {
        let on = |days| day(days * DAY);
        for (from, until, now, expected) in [
            (0, 365, 300, Validity::Good),
            (0, 365, 336, Validity::EndsSoon { on: on(365) }),
            (0, 365, 366, Validity::Ended { on: on(365) }),
            (10, 365, 9, Validity::NotYet { from: on(10) }),
            (0, 90, 61, Validity::Good),
            (0, 90, 68, Validity::EndsSoon { on: on(90) }),
            (0, 6, 4, Validity::Good),
            (0, 6, 5, Validity::EndsSoon { on: on(6) }),
            (10, 0, 5, Validity::Ended { on: on(0) }),
        ] {
            assert_eq!(Validity::of_dates(from * DAY, until * DAY, now * DAY), expected, "{from} to {until}, on {now}");
        }
        let best = [Validity::Ended { on: on(1) }, Validity::EndsSoon { on: on(9) }, Validity::NotYet { from: on(20) }];
        assert_eq!(best.into_iter().min(), Some(Validity::EndsSoon { on: on(9) }));
    }
}
