//! The source kind `probe`: whether targets that the admin names are up, how long they take to answer, and how long their
//! certificates are valid.
//!
//! A query is a target's name or `*`, and perhaps `latency` or `certificate`. A target is tried at most once a second, whatever many
//! ask; queries share what came of it. What is down is an answer, with the reason in words, and no error of the source.

mod attempt;
mod failure;
mod host_lookup;
mod ping;
mod query;
mod settings;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream;
use indexmap::IndexMap;
use tokio::sync::Mutex;

use self::attempt::TargetProber;
use self::failure::Failure;
use self::host_lookup::LookupPlaces;
use self::query::{ProbeFigure, ProbeQuery, Targets};
use self::settings::ProbeSettings;
use super::filter_workers::FilterWorkers;
use super::kind::{Opened, SourceKind, SourceSettings};
use super::{QueryError, Source, SourceError};
use crate::config::Fields;
use crate::domain::{BoundQuery, Clock, HealthState, LabelledNumber, LabelledState, Placeholder, Reading, Timestamp};

/// The kind `probe`.
pub(super) const KIND: SourceKind = SourceKind::Named {
    word: "probe",
    sample: "up",
    about: "whether hosts and services are up",
    read,
    rows: ProbeSettings::rows,
};

/// How long queries share what came of an attempt.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// The most targets that one query tries at a time: each is a connection.
const MAX_AT_A_TIME: usize = 32;

const DAY: Duration = Duration::from_hours(24);

/// A source of kind `probe`.
struct Probe {
    targets: IndexMap<String, Target>,
    timeout: Duration,
    certificate_warning: Duration,
    clock: Arc<dyn Clock>,
}

struct Target {
    prober: TargetProber,
    /// What came of the last attempt. Whoever tries holds it, and others wait for that.
    last: Mutex<Option<ProbeResult>>,
}

/// What came of an attempt.
#[derive(Clone, Debug)]
struct ProbeResult {
    at: Timestamp,
    state: HealthState,
    note: String,
    /// How long it took to answer, where it did.
    latency: Option<Duration>,
    certificate_expires: Option<Timestamp>,
}

fn read(mut fields: Fields<'_>) -> Option<Box<dyn SourceSettings>> {
    let settings = ProbeSettings::read(&mut fields);
    fields.finish();
    Some(Box::new(settings?))
}

impl SourceSettings for ProbeSettings {
    fn open(&self, clock: &Arc<dyn Clock>, _filters: &Arc<FilterWorkers>) -> Opened {
        let places = LookupPlaces::new();
        let target = |(name, settings): (&String, _)| {
            let prober = TargetProber::new(settings, &places)
                .map_err(|error| SourceError::Broken(format!("the target '{name}': {error}")))?;
            Ok((name.clone(), Target { prober, last: Mutex::new(None) }))
        };
        Ok(Box::new(Probe {
            targets: self.targets.iter().map(target).collect::<Result<_, SourceError>>()?,
            timeout: self.timeout,
            certificate_warning: self.certificate_warning,
            clock: Arc::clone(clock),
        }))
    }
}

#[async_trait]
impl Source for Probe {
    fn check(&self, query: &str) -> Result<Vec<Placeholder>, QueryError> {
        Ok(ProbeQuery::parse(query, self.names())?.into_placeholders())
    }

    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        let parsed = ProbeQuery::parse(&query.text, self.names())?;
        let targets = parsed.bind(&query.bindings, self.names())?;
        let chosen = self.targets.iter().filter(|(name, _)| match &targets {
            Targets::All => true,
            Targets::One(one) => one == *name,
        });
        let attempts: Vec<_> = chosen.map(|(name, target)| async move { (name, self.probe(target).await) }).collect();
        // A slow one keeps none that has answered from giving its place to the next.
        let mut results: Vec<_> = stream::iter(attempts).buffer_unordered(MAX_AT_A_TIME).collect().await;
        results.sort_by_key(|(name, _)| self.targets.get_index_of(*name));
        Ok(match parsed.figure {
            ProbeFigure::State => Reading::States(results.into_iter().map(state_of).collect()),
            ProbeFigure::Latency => numbers(&targets, results.iter().map(|(name, result)| (*name, result.latency_millis()))),
            ProbeFigure::Certificate => {
                let now = self.clock.now();
                let is_shown = |name: &str| matches!(targets, Targets::One(_)) || self.shows_certificate(name);
                let shown = results.iter().filter(|(name, _)| is_shown(name));
                numbers(&targets, shown.map(|(name, result)| (*name, result.certificate_days(now))))
            }
        })
    }
}

impl Probe {
    fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.targets.keys().map(String::as_str)
    }

    fn shows_certificate(&self, name: &str) -> bool {
        self.targets.get(name).is_some_and(|target| target.prober.observer.is_some())
    }

    /// What came of the last attempt, if that was within the last second, or of a new one.
    async fn probe(&self, target: &Target) -> ProbeResult {
        let mut last = target.last.lock().await;
        let now = self.clock.now();
        if let Some(last) = &*last
            && last.at <= now
            && now < last.at + SHARED_FOR
        {
            return last.clone();
        }
        let result = self.attempt(&target.prober).await;
        last.insert(result).clone()
    }

    async fn attempt(&self, prober: &TargetProber) -> ProbeResult {
        let began = Instant::now();
        let tried = tokio::select! {
            tried = prober.attempt() => tried,
            () = self.clock.sleep(self.timeout) => Err(Failure::Down(format!("does not answer within {:?}", self.timeout))),
        };
        let at = self.clock.now();
        let certificate_expires = prober.observer.as_ref().and_then(|observer| observer.take_expiry());
        let (state, note, latency) = match tried {
            Ok(()) => {
                let latency = began.elapsed();
                let (state, note) = self.judge(latency, certificate_expires, at);
                (state, note, Some(latency))
            }
            Err(Failure::Down(why)) => (HealthState::Bad, why, None),
            Err(Failure::Unknown(why)) => (HealthState::Unknown, why, None),
        };
        ProbeResult { at, state, note, latency, certificate_expires }
    }

    /// The state and the note of a target that answers.
    fn judge(&self, latency: Duration, expires: Option<Timestamp>, now: Timestamp) -> (HealthState, String) {
        match expires.map(|expires| expires.since(now)).filter(|left| *left < self.certificate_warning) {
            Some(left) => (HealthState::Warn, format!("its certificate ends in {} days", left.as_secs() / DAY.as_secs())),
            None if latency < Duration::from_millis(1) => (HealthState::Good, "under 1 ms".to_owned()),
            None => (HealthState::Good, format!("{} ms", latency.as_millis())),
        }
    }
}

impl ProbeResult {
    /// Not a number where it did not answer.
    fn latency_millis(&self) -> f64 {
        self.latency.map_or(f64::NAN, |latency| latency.as_secs_f64() * 1000.0)
    }

    /// The days that its certificate is still valid, less than zero where it has ended; not a number where none was seen.
    fn certificate_days(&self, now: Timestamp) -> f64 {
        let days = |expires: Timestamp| {
            let (left, over) = (expires.since(now).as_secs_f64(), now.since(expires).as_secs_f64());
            ((left - over) / DAY.as_secs_f64()).floor()
        };
        self.certificate_expires.map_or(f64::NAN, days)
    }
}

fn state_of((name, result): (&String, ProbeResult)) -> LabelledState {
    LabelledState { label: name.clone(), state: result.state, note: Some(result.note) }
}

/// One number for one target, and labelled ones for all.
fn numbers<'a>(targets: &Targets, mut numbers: impl Iterator<Item = (&'a String, f64)>) -> Reading {
    match targets {
        Targets::One(_) => Reading::Number(numbers.next().map_or(f64::NAN, |(_, number)| number)),
        Targets::All => Reading::Numbers(numbers.map(|(name, value)| LabelledNumber { label: name.clone(), value }).collect()),
    }
}

#[cfg(test)]
mod tests;
