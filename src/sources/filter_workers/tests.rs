#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::domain::{Bindings, Holder, Network, PersonId, Reading};
use crate::sources::SourceError;
use crate::sources::http::serve_on_threads;

/// Workers that are threads of the test, as the program may not be built.
pub(in crate::sources) fn on_threads() -> Arc<FilterWorkers> {
    Arc::new(FilterWorkers::started_by(Box::new(|socket| serve_on_threads(socket).map(|()| None))))
}

fn request(filter: &str) -> FilterRequest {
    FilterRequest {
        filter: filter.to_owned(),
        host: "stock.corp".to_owned(),
        bindings: Bindings::new(),
        now: 0,
        memory_bytes: 48 * 1024 * 1024,
    }
}

#[tokio::test]
async fn a_worker_that_ends_or_never_answers_costs_its_own_run_alone() {
    let started = Arc::new(AtomicUsize::new(0));
    let start = {
        let started = Arc::clone(&started);
        move |socket| match started.fetch_add(1, Ordering::Relaxed) {
            // It ends at once.
            0 => Ok(None),
            // It never answers; the socket must stay open.
            1 => {
                std::mem::forget(socket);
                Ok(None)
            }
            _ => serve_on_threads(socket).map(|()| None),
        }
    };
    let workers = FilterWorkers::started_by(Box::new(start));
    let error = workers.run(&request("."), b"1", &Holder::Program).await.unwrap_err();
    assert!(matches!(&error, SourceError::Broken(why) if why.contains("has ended")), "{error}");
    let error = workers.run(&request("."), b"1", &Holder::Program).await.unwrap_err();
    assert!(matches!(&error, SourceError::OverLimits(why) if why.contains("too long")), "{error}");
    for _ in 0..3 {
        assert_eq!(workers.run(&request("."), b"1", &Holder::Program).await, Ok(Reading::Number(1.0)));
    }
    assert_eq!(started.load(Ordering::Relaxed), 3, "one that answers is asked again");
}

#[tokio::test]
async fn a_reading_comes_back_as_it_was_and_none_that_is_too_large() {
    let workers = on_threads();
    let numbers = workers.run(&request("{a: 1, b: null}"), b"1", &Holder::Program).await.unwrap();
    let Reading::Numbers(numbers) = numbers else { panic!("{numbers:?}") };
    assert!(numbers[0].value.total_cmp(&1.0).is_eq() && numbers[1].value.is_nan());
    assert_eq!(workers.run(&request("{a: \"up\"}"), b"1", &Holder::Program).await.unwrap().kind_name(), "states");
    assert_eq!(workers.run(&request("[[1, \"a\"]]"), b"1", &Holder::Program).await.unwrap().kind_name(), "a table");
    let error = workers.run(&request("[range(10000) | [\"x\" * 500]]"), b"1", &Holder::Program).await.unwrap_err();
    assert!(matches!(&error, SourceError::TooLarge(why) if why.contains("larger than 4 MiB")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_strangers_nor_one_member_keep_the_filters_of_others_waiting() {
    let workers = Arc::new(on_threads());
    let slow = request("[limit(100000000; repeat(1))] | length");
    let site = |number: u16| {
        Holder::Stranger(Network::narrowest_of(Some(std::net::Ipv6Addr::from([0x2001, 0xdb8, number, 0, 0, 0, 0, 1]).into())))
    };
    let others = (0..60).map(|number| if number % 2 == 0 { site(number) } else { Holder::Person(PersonId::new("eve")) });
    let flood: Vec<_> = others
        .map(|holder| {
            let (workers, slow) = (Arc::clone(&workers), FilterRequest { filter: slow.filter.clone(), ..request("") });
            tokio::spawn(async move { workers.run(&slow, b"1", &holder).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let alice = Holder::Person(PersonId::new("alice"));
    let began = std::time::Instant::now();
    assert_eq!(workers.run(&request("."), b"1", &alice).await, Ok(Reading::Number(1.0)));
    assert!(began.elapsed() < MAX_RUN_TIME * 6, "she waited {:?}", began.elapsed());
    flood.iter().for_each(tokio::task::JoinHandle::abort);
}

#[test]
fn answers_that_wait_for_a_filter_are_bounded_for_strangers_and_for_a_member_and_leave_room_for_others() {
    const MIB: usize = 1024 * 1024;
    let waiting = super::waiting_bytes::WaitingBytes::default();
    let member = |name: &str| Holder::Person(PersonId::new(name));
    let memory = vec![0; 60 * MIB];
    let take_all = |holder: &Holder| {
        let answers = (0..1_000).map(|start| &memory[start..start + MIB]);
        answers.map_while(|answer| waiting.add(holder, answer)).collect::<Vec<_>>()
    };
    let of_strangers = take_all(&Holder::Stranger(Network::narrowest_of(None)));
    let of_eve = take_all(&member("eve"));
    assert_eq!((of_strangers.len(), of_eve.len()), (32, 32));
    assert!(waiting.add(&member("alice"), &memory).is_some(), "one answer may be large");
    drop(of_eve);
    assert_eq!(take_all(&member("eve")).len(), 32);
}

#[tokio::test]
async fn the_death_of_a_worker_is_told_by_its_status_and_only_its_own_abort_is_a_lack_of_memory() {
    let death_of = async |script: &str| {
        let process = tokio::process::Command::new("/bin/sh").args(["-c", script]).spawn().unwrap();
        super::process::death(Some(process), 48 * 1024 * 1024).await.to_string()
    };
    assert!(death_of("kill -ABRT $$").await.contains("more than the 48 MiB of memory"));
    assert!(death_of("kill -KILL $$").await.contains("was killed"));
    assert!(death_of("exit 1").await.contains("exit status: 1"));
}
