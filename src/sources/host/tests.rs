#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::{Bindings, LabelledNumber, TableCell};

async fn answers(host: &Host, query: &str) -> Reading {
    let bound = BoundQuery { source: "host".parse().unwrap(), text: query.to_owned(), bindings: Bindings::new() };
    host.execute(&bound).await.unwrap_or_else(|error| panic!("{query}: {error}"))
}

async fn number_of(host: &Host, query: &str) -> f64 {
    match answers(host, query).await {
        Reading::Number(value) => value,
        other => panic!("{query} answered {}", other.kind_name()),
    }
}

async fn numbers_of(host: &Host, query: &str) -> Vec<LabelledNumber> {
    match answers(host, query).await {
        Reading::Numbers(values) => values,
        other => panic!("{query} answered {}", other.kind_name()),
    }
}

#[tokio::test]
async fn every_name_answers_with_sane_values() {
    let host = Host::open().unwrap();
    for percent in ["cpu.total", "memory.percent", "swap.percent"] {
        let value = number_of(&host, percent).await;
        assert!((0.0..=100.0).contains(&value), "{percent} = {value}");
    }
    let cores = numbers_of(&host, "cpu.cores").await;
    assert!(!cores.is_empty() && cores.iter().all(|core| (0.0..=100.0).contains(&core.value)));
    for load in ["load.1", "load.5", "load.15"] {
        assert!(number_of(&host, load).await >= 0.0);
    }
    let total = number_of(&host, "memory.total").await;
    assert!(total > 0.0);
    assert!(number_of(&host, "memory.used").await <= total);
    assert!(number_of(&host, "memory.available").await <= total);
    assert!(number_of(&host, "swap.used").await >= 0.0);
    assert!(number_of(&host, "uptime").await > 0.0);
    for network in ["network.in", "network.out"] {
        assert!(numbers_of(&host, network).await.iter().all(|rate| rate.value.is_finite() && rate.value >= 0.0));
    }
    for disk in ["disk.used", "disk.free"] {
        assert!(numbers_of(&host, disk).await.iter().all(|disk| disk.value >= 0.0));
    }
    assert!(numbers_of(&host, "disk.percent").await.iter().all(|disk| (0.0..=100.0).contains(&disk.value)));
    assert!(numbers_of(&host, "temperature").await.iter().all(|sensor| sensor.value.is_finite()));
}

#[tokio::test]
async fn a_busy_machine_is_seen_busy_in_the_very_first_answer() {
    let host = Host::open().unwrap();
    let until = std::time::Instant::now() + shared_collector::MIN_REFRESH_INTERVAL * 2;
    let work = tokio::task::spawn_blocking(move || while std::time::Instant::now() < until {});
    assert!(number_of(&host, "cpu.total").await > 0.0);
    work.await.unwrap();
}

#[tokio::test]
async fn processes_come_busiest_first_and_this_one_is_among_them_by_name() {
    let host = Host::open().unwrap();
    let Reading::Table(table) = answers(&host, "processes").await else { panic!("no table") };
    let names: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["pid", "name", "cpu", "memory"]);
    assert!(!table.rows.is_empty() && table.rows.len() <= 50);
    let cpu: Vec<f64> = table
        .rows
        .iter()
        .map(|row| match row.as_slice() {
            [TableCell::Text(_), TableCell::Text(_), TableCell::Number(cpu), TableCell::Number(_)] => *cpu,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(cpu.is_sorted_by(|one, other| one >= other));
}

#[tokio::test]
async fn an_unknown_value_of_an_input_is_told_not_guessed() {
    let host = Host::open().unwrap();
    let bound = BoundQuery {
        source: "host".parse().unwrap(),
        text: "{what}".to_owned(),
        bindings: [("what".to_owned(), "memory.usde".to_owned())].into(),
    };
    let error = host.execute(&bound).await.unwrap_err();
    assert!(error.to_string().starts_with("the host has no 'memory.usde'; did you mean 'memory.used'?"), "{error}");
}
