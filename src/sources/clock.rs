//! The time of day, anywhere.
//!
//! `time ZONE`, `date ZONE`, `day ZONE` (percent of that place's day that has passed) and `offset ZONE`. The zone is a
//! name of the IANA database (`America/New_York`), built into the program; without one it is `UTC`. A query is split
//! into words *before* values are bound, so that a value is always exactly one word.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use quick_cache::sync::Cache;

use super::words::nearest;
use super::{Source, SourceError};
use crate::domain::{Bindings, BoundQuery, Clock, Reading, TextTemplate};

/// What there is to ask, in the order error messages list it.
const VERBS: [(&str, Verb); 4] =
    [("time", Verb::Time), ("date", Verb::Date), ("day", Verb::Day), ("offset", Verb::Offset)];

/// So many queries are known as they were understood: a feed asks the same one every second.
const KNOWN_QUERIES: usize = 8_192;

/// The time of day, anywhere.
pub(super) struct WorldClock {
    clock: Arc<dyn Clock>,
    known: Cache<String, Arc<Written>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Time,
    Date,
    Day,
    Offset,
}

/// A query as its author wrote it.
struct Written {
    verb: Verb,
    zone: Zone,
}

enum Zone {
    Known(TimeZone),
    Placeholder(String),
}

impl WorldClock {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, known: Cache::new(KNOWN_QUERIES) }
    }

    fn answer(&self, verb: Verb, zone: TimeZone) -> Result<Reading, String> {
        let beyond = |fault: jiff::Error| format!("the time there cannot be told: {fault}");
        let now = Timestamp::from_millisecond(self.clock.now().as_millis()).map_err(beyond)?.to_zoned(zone);
        Ok(match verb {
            Verb::Time => Reading::Text(now.strftime("%H:%M:%S").to_string()),
            Verb::Date => Reading::Text(now.strftime("%A, %-d %B %Y").to_string()),
            Verb::Day => Reading::Number(passed_of_day(&now).map_err(beyond)?),
            Verb::Offset => Reading::Text(offset(&now)),
        })
    }
}

#[async_trait]
impl Source for WorldClock {
    fn check(&self, query: &str) -> Result<Vec<String>, String> {
        Ok(match Written::parse(query)?.zone {
            Zone::Known(_) => Vec::new(),
            Zone::Placeholder(key) => vec![key],
        })
    }

    async fn ask(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        let written = self.known.get_or_insert_with(&*query.text, || Written::parse(&query.text).map(Arc::new));
        let written = written.map_err(SourceError)?;
        let zone = written.zone.bind(&query.bindings).map_err(SourceError)?;
        self.answer(written.verb, zone).map_err(SourceError)
    }
}

impl Written {
    fn parse(query: &str) -> Result<Self, String> {
        let words: Vec<&str> = query.split_whitespace().collect();
        let (verb, zone) = match words.as_slice() {
            [verb] => (verb, "UTC"),
            [verb, zone] => (verb, *zone),
            _ => {
                return Err("a query of the clock is one of time, date, day and offset, and a time zone behind it, \
                             as in 'time Europe/Vienna'"
                    .to_owned());
            }
        };
        Ok(Self { verb: Verb::named(verb)?, zone: Zone::parse(zone)? })
    }
}

impl Verb {
    fn named(word: &str) -> Result<Self, String> {
        VERBS.iter().find(|(known, _)| *known == word).map(|(_, verb)| *verb).ok_or_else(|| {
            let known = VERBS.map(|(known, _)| known);
            match nearest(word, known) {
                Some(near) => {
                    format!("the clock has no '{word}'; did you mean '{near}'? It tells {}", known.join(", "))
                }
                None => format!("the clock has no '{word}'; it tells {}", known.join(", ")),
            }
        })
    }
}

impl Zone {
    fn parse(word: &str) -> Result<Self, String> {
        let pattern: TextTemplate = word.parse().map_err(|fault| format!("{fault}"))?;
        if let Some(name) = pattern.literal() {
            return zone_named(name).map(Self::Known);
        }
        match pattern.placeholders().next() {
            Some(slot) if word == format!("{{{}}}", slot.key) => Ok(Self::Placeholder(slot.key.clone())),
            _ => Err(format!(
                "'{word}' mixes text and placeholders; a time zone is one name such as Europe/Vienna, or one placeholder \
                 such as {{city.zone}}"
            )),
        }
    }

    fn bind(&self, bindings: &Bindings) -> Result<TimeZone, String> {
        match self {
            Self::Known(zone) => Ok(zone.clone()),
            Self::Placeholder(key) => zone_named(bindings.get(key).ok_or_else(|| format!("{{{key}}} has no value"))?),
        }
    }
}

fn zone_named(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| {
        let known: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean '{near}'?"),
            None => "the names are those of the IANA database, such as Europe/Vienna".to_owned(),
        };
        format!("there is no time zone '{name}'; {hint}")
    })
}

/// Percent of the local day that has passed. A day may have 23 or 25 hours, and may begin at one in the morning.
fn passed_of_day(now: &Zoned) -> Result<f64, jiff::Error> {
    let begins = now.start_of_day()?;
    let ends = now.tomorrow()?.start_of_day()?;
    let seconds = |from: &Zoned, to: &Zoned| from.duration_until(to).as_secs_f64();
    Ok(seconds(&begins, now) / seconds(&begins, &ends) * 100.0)
}

/// `UTC−05:00`, with the minus sign of typography.
fn offset(now: &Zoned) -> String {
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

    /// What the clock answers to `query` at `moment` (RFC 3339).
    async fn told(query: &str, moment: &str) -> Reading {
        told_with(query, moment, &[]).await.unwrap()
    }

    async fn told_with(query: &str, moment: &str, bindings: &[(&str, &str)]) -> Result<Reading, SourceError> {
        let now = moment.parse::<Timestamp>().unwrap().as_millisecond();
        let clock = WorldClock::new(Arc::new(ManualClock::at(crate::domain::Timestamp::from_millis(now))));
        let bindings = bindings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        clock.ask(&BoundQuery { source: "clock".parse().unwrap(), text: query.to_owned(), bindings }).await
    }

    fn text(words: &str) -> Reading {
        Reading::Text(words.to_owned())
    }

    #[tokio::test]
    async fn the_time_there_is_told_in_words() {
        let moment = "2026-11-22T19:03:22Z";
        assert_eq!(told("time America/New_York", moment).await, text("14:03:22"));
        assert_eq!(told("date Asia/Tokyo", moment).await, text("Monday, 23 November 2026"));
        assert_eq!(told("date America/Los_Angeles", moment).await, text("Sunday, 22 November 2026"));
        assert_eq!(told("offset America/New_York", moment).await, text("UTC−05:00"));
        assert_eq!(told("offset Asia/Kathmandu", moment).await, text("UTC+05:45"));
        assert_eq!(told("  offset ", moment).await, text("UTC+00:00"));
        assert_eq!(told("time", moment).await, text("19:03:22"));
    }

    #[tokio::test]
    async fn a_day_is_as_long_as_it_is_there() {
        assert_eq!(told("day UTC", "2026-11-22T06:00:00Z").await, Reading::Number(25.0));
        // 29 March 2026 in Vienna has 23 hours: half past eleven hours in, it is 12:30 summer time.
        assert_eq!(told("day Europe/Vienna", "2026-03-29T10:30:00Z").await, Reading::Number(50.0));
        // 25 October 2026 has 25: twelve and a half hours in, it is 11:30 winter time.
        assert_eq!(told("day Europe/Vienna", "2026-10-25T10:30:00Z").await, Reading::Number(50.0));
        assert_eq!(told("time Europe/Vienna", "2026-10-25T10:30:00Z").await, text("11:30:00"));
        assert_eq!(told("day Europe/Vienna", "2026-10-24T22:00:00Z").await, Reading::Number(0.0));
    }

    #[tokio::test]
    async fn a_value_is_one_word_whatever_is_in_it() {
        let moment = "2026-11-22T19:03:22Z";
        let chosen = |zone| [("city.zone", zone)];
        let montreal = told_with("time {city.zone}", moment, &chosen("America/Montreal")).await;
        assert_eq!(montreal.unwrap(), text("14:03:22"));
        for crooked in ["UTC time", "UTC\nUTC", "", "../../etc/passwd"] {
            let fault = told_with("time {city.zone}", moment, &chosen(crooked)).await.unwrap_err();
            assert!(fault.0.starts_with(&format!("there is no time zone '{crooked}'")), "{fault}");
        }
    }

    #[test]
    fn a_query_is_checked_before_anyone_watches() {
        let clock = WorldClock::new(Arc::new(crate::domain::SystemClock));
        assert_eq!(clock.check("day {city.zone}"), Ok(vec!["city.zone".to_owned()]));
        assert_eq!(clock.check("day"), Ok(Vec::new()));
        let fault = |query| clock.check(query).unwrap_err();
        assert_eq!(fault("tiem UTC"), "the clock has no 'tiem'; did you mean 'time'? It tells time, date, day, offset");
        assert_eq!(fault("time Europe/Viena"), "there is no time zone 'Europe/Viena'; did you mean 'Europe/Vienna'?");
        assert!(fault("time Europe/{city}").contains("mixes text and placeholders"));
        assert!(fault("time UTC UTC").starts_with("a query of the clock is one of"));
        assert!(fault("").starts_with("a query of the clock is one of"));
    }
}
