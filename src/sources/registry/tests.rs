#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::config::{HttpSourceSettings, Secret};
use crate::domain::{ManualClock, Timestamp};

fn http(url: &str) -> SourceSettings {
    SourceSettings::Http(HttpSourceSettings {
        url: url.parse().unwrap(),
        headers: vec![("Authorization".to_owned(), Secret::new("Bearer hunter2".to_owned()))],
        ca_file: None,
        timeout: Duration::from_secs(5),
        max_bytes: 1000,
    })
}

fn opened(named: &[(&str, SourceSettings)]) -> Result<Sources, SourceOpenError> {
    let settings = named.iter().map(|(name, settings)| (name.parse().unwrap(), settings.clone())).collect();
    Sources::open(&settings, Arc::new(ManualClock::at(Timestamp::from_millis(0))))
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
    let sources = opened(&[("stock", http("http://stock.corp/{city}"))]).unwrap();
    let names: Vec<_> = sources.names().map(SourceName::as_str).collect();
    assert_eq!(names, ["host", "clock", "stock"]);
    let query = sources.bind(&name("clock"), "time", &values());
    assert_eq!(sources.execute(&query).await, Ok(Reading::Text("00:00:00".to_owned())));
    let query = sources.bind(&name("host"), "memory.total", &values());
    assert!(matches!(sources.execute(&query).await, Ok(Reading::Number(bytes)) if bytes > 0.0));
}

#[tokio::test]
async fn an_unknown_source_is_reported_with_the_nearest_name() {
    let sources = opened(&[("stock", http("http://stock.corp/"))]).unwrap();
    let error = sources.check(&name("stocks"), ".").unwrap_err();
    assert_eq!(error, "there is no source 'stocks'; did you mean 'stock'? (there is host, clock, stock)");
    let query = sources.bind(&name("nowhere"), ".", &values());
    assert!(sources.execute(&query).await.unwrap_err().0.starts_with("there is no source 'nowhere'"));
}

#[test]
fn a_query_is_bound_to_the_values_it_uses_and_no_others() {
    let sources = opened(&[("stock", http("http://stock.corp/{city}"))]).unwrap();
    let kept =
        |source: &str, query: &str| sources.bind(&name(source), query, &values()).bindings.into_keys().collect::<Vec<_>>();
    assert_eq!(kept("host", "cpu.total"), [""; 0]);
    assert_eq!(kept("clock", "time {city.zone}"), ["city.zone"]);
    assert_eq!(kept("stock", ".price"), ["city"]);
    assert_eq!(kept("stock", ".[$colour] + .[$city]"), ["city", "colour"]);
    let one = sources.bind(&name("host"), "cpu.total", &values());
    assert_eq!(one, sources.bind(&name("host"), "cpu.total", &Bindings::new()));
}

#[test]
fn a_source_that_cannot_be_opened_is_named_and_its_secrets_are_not() {
    let error = |named: &[(&str, SourceSettings)]| opened(named).err().unwrap().to_string();
    let built_in = error(&[("host", http("http://a/"))]);
    assert_eq!(built_in, "the source 'host' cannot be opened: the name belongs to a built-in source; choose another");
    let url = error(&[("stock", http("https://me:hunter2@stock.corp/"))]);
    assert!(url.starts_with("the source 'stock' cannot be opened: its url holds") && !url.contains("hunter2"), "{url}");
    let SourceSettings::Http(mut settings) = http("https://stock.corp/");
    settings.headers[0].1 = Secret::new("hunter2\n".to_owned());
    let header = error(&[("stock", SourceSettings::Http(settings.clone()))]);
    assert!(header.contains("the value of the header 'Authorization'") && !header.contains("hunter2"), "{header}");
    settings.headers.clear();
    settings.ca_file = Some("/nonexistent/ca.pem".into());
    let file = error(&[("stock", SourceSettings::Http(settings))]);
    assert!(file.contains("its ca_file /nonexistent/ca.pem cannot be used"), "{file}");
}
