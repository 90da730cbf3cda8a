#![allow(clippy::unwrap_used)]

use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;

use super::super::kind::{Opened, SourceSettings};
use super::super::settings::NamedSource;
use super::super::settings::tests::read;
use super::*;
use crate::domain::{Fingerprint, ManualClock, SeriesLine, Timestamp};
use crate::sources::StreamedReading;
use crate::sources::filter_workers::tests::on_threads;

const STOCK: &str = "[default.sources.stock]\nkind = \"http\"\nurl = \"http://stock.corp/{city}\"\n";

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(Timestamp::from_millis(0)))
}

/// The built-in sources and `stock`.
fn opened() -> Sources {
    Sources::open(&read(STOCK).unwrap(), &clock(), &on_threads()).unwrap()
}

fn name(name: &str) -> SourceName {
    name.parse().unwrap()
}

fn values() -> Bindings {
    [("city", "NYC"), ("city.zone", "America/New_York"), ("colour", "red")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

#[tokio::test]
async fn the_built_in_sources_are_always_there() {
    let sources = opened();
    let names: Vec<_> = sources.names().map(SourceName::as_str).collect();
    assert_eq!(names, ["host", "clock", "stock"]);
    let query = sources.bind(&name("clock"), "time", &values());
    assert_eq!(sources.execute(&query).await, Ok(Reading::Text("00:00:00".to_owned())));
    let query = sources.bind(&name("host"), "memory.total", &values());
    assert!(matches!(sources.execute(&query).await, Ok(Reading::Number(bytes)) if bytes > 0.0));
}

#[tokio::test]
async fn an_unknown_source_is_reported_with_the_nearest_name() {
    let sources = opened();
    let error = sources.check(&name("stocks"), ".").unwrap_err().0;
    assert_eq!(error, "there is no source 'stocks'; did you mean 'stock'? (there is host, clock, stock)");
    let query = sources.bind(&name("nowhere"), ".", &values());
    assert!(sources.execute(&query).await.unwrap_err().to_string().starts_with("there is no source 'nowhere'"));
}

#[test]
fn a_query_is_bound_to_the_values_it_uses_and_no_others() {
    let sources = opened();
    let kept =
        |source: &str, query: &str| sources.bind(&name(source), query, &values()).bindings.into_keys().collect::<Vec<_>>();
    assert_eq!(kept("host", "cpu.total"), [""; 0]);
    assert_eq!(kept("clock", "time {city.zone}"), ["city.zone"]);
    assert_eq!(kept("stock", ".price"), ["city"]);
    assert_eq!(kept("stock", ".[$colour] + .[$city]"), ["city", "colour"]);
    let one = sources.bind(&name("host"), "cpu.total", &values());
    assert_eq!(one, sources.bind(&name("host"), "cpu.total", &Bindings::new()));
}

/// The settings of a source that is broken.
#[derive(Debug)]
struct Broken;

impl SourceSettings for Broken {
    fn open(&self, _clock: &Arc<dyn Clock>, _filters: &Arc<FilterWorkers>) -> Opened {
        Err(SourceError::Broken("its line is cut".to_owned()))
    }
}

#[test]
fn a_source_that_cannot_be_opened_is_named() {
    let mut named = NamedSources::default();
    named.0.insert(name("line"), NamedSource { settings: Box::new(Broken), fingerprint: Fingerprint::of_bytes(b"") });
    let error = Sources::open(&named, &clock(), &on_threads()).err().unwrap();
    assert_eq!(error.to_string(), "the source 'line' cannot be opened: its line is cut");
}

/// A source that pushes numbers until its line breaks, and knows the past.
struct Pushing;

#[async_trait]
impl Source for Pushing {
    fn check(&self, _query: &str) -> Result<Vec<Placeholder>, QueryError> {
        Ok(Vec::new())
    }

    async fn execute(&self, _query: &BoundQuery) -> Result<Reading, SourceError> {
        Ok(Reading::Number(0.0))
    }

    async fn execute_range(&self, _query: &BoundQuery, range: TimeRange) -> Result<Option<Series>, SourceError> {
        let line = SeriesLine { label: "pushed".to_owned(), values: vec![1.0] };
        let series = Series::new(vec![range.from()], vec![line], Some(range.to()));
        series.map(Some).map_err(|error| SourceError::BadAnswer(error.to_string()))
    }

    fn subscribe(&self, query: &BoundQuery, _holder: &watch::Receiver<Holder>) -> Option<ReadingStream> {
        let broken = Err(SourceError::Unreachable("the line is broken".to_owned()));
        let streamed = |result| StreamedReading { taken_at: Timestamp::from_millis(0), result };
        (query.text == "numbers").then(|| futures::stream::iter([Ok(Reading::Number(1.0)), broken].map(streamed)).boxed())
    }
}

#[tokio::test]
async fn a_source_may_push_and_may_know_the_past_and_the_others_do_neither() {
    let mut sources = opened();
    sources.by_name.insert(name("line"), Box::new(Pushing));
    let query = |source: &str, text: &str| sources.bind(&name(source), text, &Bindings::new());
    let (_, holder) = watch::channel(Holder::Program);
    let pushed = sources.subscribe(&query("line", "numbers"), &holder).unwrap();
    let pushed: Vec<_> = pushed.map(|streamed| streamed.result).collect().await;
    assert_eq!(pushed[0], Ok(Reading::Number(1.0)));
    assert_eq!(pushed[1], Err(SourceError::Unreachable("the line is broken".to_owned())));
    assert!(sources.subscribe(&query("line", "words"), &holder).is_none(), "it is each query's own matter");
    let range = TimeRange::ending_at(Timestamp::from_millis(9_000), Duration::from_secs(5));
    let series = sources.execute_range(&query("line", "numbers"), range).await.unwrap().unwrap();
    assert_eq!((series.times(), series.until()), (&[range.from()][..], Some(range.to())));
    for (source, text) in [("host", "cpu.total"), ("clock", "time"), ("stock", ".")] {
        assert!(sources.subscribe(&query(source, text), &holder).is_none(), "{source}");
        assert_eq!(sources.execute_range(&query(source, text), range).await, Ok(None), "{source}");
    }
    let nowhere = sources.execute_range(&query("nowhere", "."), range).await;
    assert!(matches!(nowhere, Err(SourceError::BadQuery(_))) && sources.subscribe(&query("nowhere", "."), &holder).is_none());
}

#[test]
fn a_fingerprint_tells_settings_apart_and_not_how_they_are_written() {
    let of = |text: &str| Sources::open(&read(text).unwrap(), &clock(), &on_threads()).unwrap().fingerprint(&name("stock"));
    let otherwise = "[default.sources]\nstock = { url = 'http://stock.corp/{city}', kind = 'http' }\n";
    assert_eq!(of(STOCK), of(otherwise));
    for other in [STOCK.replace("{city}", "all/{city}"), format!("{STOCK}headers = {{ X-Key = \"hunter2\" }}\n")] {
        assert_ne!(of(STOCK), of(&other), "{other}");
    }
    assert_eq!(opened().fingerprint(&name("host")), "");
}
