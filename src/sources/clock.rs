//! The source `clock`: the time of day in any time zone.
//!
//! `time ZONE`, `date ZONE`, `day ZONE` (percent of that place's day that has passed) and `offset ZONE`. The zone is a
//! name of the IANA database (`America/New_York`), built into the program; without one it is `UTC`. A query is split
//! into words *before* values are bound, so that a value is always exactly one word.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use quick_cache::sync::Cache;

use super::argument::{Argument, find_named};
use super::kind::SourceKind;
use super::text::closest_match;
use super::{QueryError, Source, SourceError};
use crate::domain::{BoundQuery, Clock, Placeholder, Reading};

/// The fields by name, in the order error messages list them.
const CLOCK_FIELDS: [(&str, ClockField); 4] =
    [("time", ClockField::Time), ("date", ClockField::Date), ("day", ClockField::Day), ("offset", ClockField::Offset)];

/// The number of parsed queries that are cached: a feed executes the same one every second.
const MAX_CACHED_QUERIES: usize = 8_192;

/// The kind of the source `clock`.
pub(super) const KIND: SourceKind =
    SourceKind::BuiltIn { name: "clock", open: |clock| Ok(Box::new(WorldClock::new(Arc::clone(clock)))) };

/// The source `clock`.
struct WorldClock {
    clock: Arc<dyn Clock>,
    parsed: Cache<String, Arc<UnboundClockQuery>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClockField {
    Time,
    Date,
    Day,
    Offset,
}

/// A parsed query whose time zone may be a placeholder.
struct UnboundClockQuery {
    field: ClockField,
    zone: Argument<TimeZone>,
}

impl WorldClock {
    fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, parsed: Cache::new(MAX_CACHED_QUERIES) }
    }

    fn read(&self, field: ClockField, zone: TimeZone) -> Result<Reading, SourceError> {
        let out_of_range = |error: jiff::Error| SourceError::Broken(format!("the time there cannot be told: {error}"));
        let now = Timestamp::from_millisecond(self.clock.now().as_millis()).map_err(out_of_range)?.to_zoned(zone);
        Ok(match field {
            ClockField::Time => Reading::Text(now.strftime("%H:%M:%S").to_string()),
            ClockField::Date => Reading::Text(now.strftime("%A, %-d %B %Y").to_string()),
            ClockField::Day => Reading::Number(percent_of_day(&now).map_err(out_of_range)?),
            ClockField::Offset => Reading::Text(utc_offset(&now)),
        })
    }
}

#[async_trait]
impl Source for WorldClock {
    fn check(&self, query: &str) -> Result<Vec<Placeholder>, QueryError> {
        Ok(UnboundClockQuery::parse(query)?.zone.into_placeholders())
    }

    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        let unbound = self.parsed.get_or_insert_with(&*query.text, || UnboundClockQuery::parse(&query.text).map(Arc::new));
        let unbound = unbound?;
        self.read(unbound.field, unbound.zone.bind(&query.bindings, find_zone)?)
    }
}

impl UnboundClockQuery {
    fn parse(query: &str) -> Result<Self, QueryError> {
        let words: Vec<&str> = query.split_whitespace().collect();
        let (field, zone) = match words.as_slice() {
            [field] => (field, "UTC"),
            [field, zone] => (field, *zone),
            _ => {
                return Err(QueryError(
                    "a query of the clock is one of time, date, day and offset, and a time zone behind it, as in \
                     'time Europe/Vienna'"
                        .to_owned(),
                ));
            }
        };
        let field = find_named("clock", "tells", field, &CLOCK_FIELDS)?;
        let zone = Argument::parse(zone, find_zone, || {
            format!(
                "'{zone}' mixes text and placeholders; a time zone is one name such as Europe/Vienna, or one placeholder such \
                 as {{city.zone}}"
            )
        })?;
        Ok(Self { field, zone })
    }
}

fn find_zone(name: &str) -> Result<TimeZone, QueryError> {
    TimeZone::get(name).map_err(|_| {
        let known: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
        let hint = match closest_match(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean '{near}'?"),
            None => "the names are those of the IANA database, such as Europe/Vienna".to_owned(),
        };
        QueryError(format!("there is no time zone '{name}'; {hint}"))
    })
}

/// Percent of the local day that has passed. A day may have 23 or 25 hours, and may begin at one in the morning.
fn percent_of_day(now: &Zoned) -> Result<f64, jiff::Error> {
    let begins = now.start_of_day()?;
    let ends = now.tomorrow()?.start_of_day()?;
    let seconds = |from: &Zoned, to: &Zoned| from.duration_until(to).as_secs_f64();
    Ok(seconds(&begins, now) / seconds(&begins, &ends) * 100.0)
}

/// `UTC−05:00`, with the minus sign of typography.
fn utc_offset(now: &Zoned) -> String {
    let seconds = now.offset().seconds();
    let minutes = seconds.unsigned_abs() / 60;
    let sign = if seconds < 0 { '−' } else { '+' };
    format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::ManualClock;

    /// The clock's answer to `query` at `moment` (RFC 3339).
    async fn answer(query: &str, moment: &str) -> Reading {
        answer_with(query, moment, &[]).await.unwrap()
    }

    async fn answer_with(query: &str, moment: &str, bindings: &[(&str, &str)]) -> Result<Reading, SourceError> {
        let now = moment.parse::<Timestamp>().unwrap().as_millisecond();
        let clock = WorldClock::new(Arc::new(ManualClock::at(crate::domain::Timestamp::from_millis(now))));
        let bindings = bindings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        clock.execute(&BoundQuery { source: "clock".parse().unwrap(), text: query.to_owned(), bindings }).await
    }

    fn text(words: &str) -> Reading {
        Reading::Text(words.to_owned())
    }

    #[tokio::test]
    async fn the_time_there_is_told_in_words() {
        let moment = "2026-11-22T19:03:22Z";
        assert_eq!(answer("time America/New_York", moment).await, text("14:03:22"));
        assert_eq!(answer("date Asia/Tokyo", moment).await, text("Monday, 23 November 2026"));
        assert_eq!(answer("date America/Los_Angeles", moment).await, text("Sunday, 22 November 2026"));
        assert_eq!(answer("offset America/New_York", moment).await, text("UTC−05:00"));
        assert_eq!(answer("offset Asia/Kathmandu", moment).await, text("UTC+05:45"));
        assert_eq!(answer("  offset ", moment).await, text("UTC+00:00"));
        assert_eq!(answer("time", moment).await, text("19:03:22"));
    }

    #[tokio::test]
    async fn a_day_is_as_long_as_it_is_there() {
        assert_eq!(answer("day UTC", "2026-11-22T06:00:00Z").await, Reading::Number(25.0));
        // 29 March 2026 in Vienna has 23 hours: half past eleven hours in, it is 12:30 summer time.
        assert_eq!(answer("day Europe/Vienna", "2026-03-29T10:30:00Z").await, Reading::Number(50.0));
        // 25 October 2026 has 25: twelve and a half hours in, it is 11:30 winter time.
        assert_eq!(answer("day Europe/Vienna", "2026-10-25T10:30:00Z").await, Reading::Number(50.0));
        assert_eq!(answer("time Europe/Vienna", "2026-10-25T10:30:00Z").await, text("11:30:00"));
        assert_eq!(answer("day Europe/Vienna", "2026-10-24T22:00:00Z").await, Reading::Number(0.0));
    }

    #[tokio::test]
    async fn a_value_is_one_word_whatever_is_in_it() {
        let moment = "2026-11-22T19:03:22Z";
        let chosen = |zone| [("city.zone", zone)];
        let montreal = answer_with("time {city.zone}", moment, &chosen("America/Montreal")).await;
        assert_eq!(montreal.unwrap(), text("14:03:22"));
        for invalid in ["UTC time", "UTC\nUTC", "", "../../etc/passwd"] {
            let error = answer_with("time {city.zone}", moment, &chosen(invalid)).await.unwrap_err();
            assert!(error.to_string().starts_with(&format!("there is no time zone '{invalid}'")), "{error}");
        }
    }

    #[test]
    fn a_query_is_checked_before_anyone_watches() {
        let clock = WorldClock::new(Arc::new(crate::domain::SystemClock));
        assert_eq!(clock.check("day {city.zone}"), Ok(vec![Placeholder { key: "city.zone".to_owned() }]));
        assert_eq!(clock.check("day"), Ok(Vec::new()));
        let error = |query| clock.check(query).unwrap_err().0;
        assert_eq!(error("tiem UTC"), "the clock has no 'tiem'; did you mean 'time'? It tells time, date, day, offset");
        assert_eq!(error("time Europe/Viena"), "there is no time zone 'Europe/Viena'; did you mean 'Europe/Vienna'?");
        assert!(error("time Europe/{city}").contains("mixes text and placeholders"));
        assert!(error("time UTC UTC").starts_with("a query of the clock is one of"));
        assert!(error("").starts_with("a query of the clock is one of"));
    }
}
