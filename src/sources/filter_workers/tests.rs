#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;

use super::*;
use crate::domain::{Bindings, Holder, Network, PersonId, Reading};
use crate::sources::SourceError;
use crate::sources::jq::{serve_on_threads, serve_without_limit};

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

/// Workers that are this shell script, in place of this program.
fn of_script(script: &'static str) -> FilterWorkers {
    FilterWorkers::started_by(Box::new(move |socket| {
        let mut command = tokio::process::Command::new("/bin/sh");
        command.args(["-c", script]).stdin(OwnedFd::from(socket)).kill_on_drop(true).spawn().map(Some)
    }))
}

#[tokio::test]
async fn a_worker_that_is_not_ready_is_a_fault_with_its_cause_and_the_remedy() {
    for (workers, cause) in [
        (of_script("exit 3"), "it has ended (exit status: 3)"),
        (of_script("kill -KILL $$"), "it has ended (signal: 9"),
        (of_script("exec sleep 600").with_start_time(Duration::from_millis(100)), "it was not ready within 0.1 s"),
    ] {
        let error = workers.run(&request("."), b"1", &Holder::Program).await.unwrap_err();
        let is_clear = |why: &str| why.contains(cause) && why.contains("TasksMax");
        assert!(matches!(&error, SourceError::Broken(why) if is_clear(why)), "{error}");
    }
    let nowhere = FilterWorkers::of_program("/nowhere/belvedere".into());
    let error = nowhere.run(&request("."), b"1", &Holder::Program).await.unwrap_err();
    assert!(matches!(&error, SourceError::Broken(why) if why.contains("cannot be started: No such file")), "{error}");
}

#[tokio::test]
async fn no_filter_runs_in_a_worker_whose_memory_cannot_be_limited() {
    let workers = FilterWorkers::started_by(Box::new(|socket| serve_without_limit(socket).map(|()| None)));
    let error = workers.run(&request("."), b"1", &Holder::Program).await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Broken(why) if why.contains("cannot be limited") && why.contains("/proc")),
        "{error}"
    );
}

/// A worker that answers once, and ends when it is asked again.
fn serve_once(socket: UnixStream) -> std::io::Result<Option<tokio::process::Child>> {
    let (inner, mut outer) = UnixStream::pair()?;
    serve_on_threads(inner)?;
    std::thread::spawn(move || {
        let mut socket = socket;
        // The greeting, and one answer; what is asked is passed on as it comes.
        pass_message(&mut outer, &mut socket)?;
        pass_message(&mut socket, &mut outer)?;
        pass_message(&mut socket, &mut outer)?;
        pass_message(&mut outer, &mut socket)?;
        read_bytes(&mut socket).map(drop)
    });
    Ok(None)
}

fn pass_message(from: &mut UnixStream, to: &mut UnixStream) -> std::io::Result<()> {
    let bytes = read_bytes(from)?;
    to.write_all(&u32::try_from(bytes.len()).unwrap().to_le_bytes())?;
    to.write_all(&bytes)
}

#[tokio::test]
async fn the_end_of_a_worker_costs_nobody_elses_answer() {
    let started = Arc::new(AtomicUsize::new(0));
    let start = {
        let started = Arc::clone(&started);
        move |socket| {
            started.fetch_add(1, Ordering::Relaxed);
            serve_once(socket)
        }
    };
    let workers = FilterWorkers::started_by(Box::new(start));
    for _ in 0..5 {
        assert_eq!(workers.run(&request("."), b"1", &Holder::Program).await, Ok(Reading::Number(1.0)));
    }
    assert_eq!(started.load(Ordering::Relaxed), 5, "each that has ended was replaced");
}

#[tokio::test]
async fn a_worker_that_ends_or_never_answers_costs_its_own_run_alone() {
    let started = Arc::new(AtomicUsize::new(0));
    let start = {
        let started = Arc::clone(&started);
        move |mut socket: UnixStream| match started.fetch_add(1, Ordering::Relaxed) {
            // It is ready, and ends when it is asked.
            0 => {
                std::thread::spawn(move || {
                    write_greeting(&mut socket, &Ok(()))?;
                    read_bytes(&mut socket).map(drop)
                });
                Ok(None)
            }
            // It is ready, and never answers; the socket must stay open.
            1 => {
                write_greeting(&mut socket, &Ok(()))?;
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
async fn neither_strangers_nor_members_keep_the_filters_of_others_waiting() {
    let workers = Arc::new(on_threads());
    let slow = request("[limit(100000000; repeat(1))] | length");
    let site = |number: u16| {
        Holder::Stranger(Network::narrowest_of(Some(std::net::Ipv6Addr::from([0x2001, 0xdb8, number, 0, 0, 0, 0, 1]).into())))
    };
    let others = (0..60).map(|number| match number % 3 {
        0 => site(number % 9),
        1 => Holder::Person(PersonId::new("eve")),
        _ => Holder::Program,
    });
    let flood: Vec<_> = others
        .map(|holder| {
            let (workers, slow) = (Arc::clone(&workers), FilterRequest { filter: slow.filter.clone(), ..request("") });
            tokio::spawn(async move { workers.run(&slow, b"1", &holder).await })
        })
        .collect();
    tokio::task::yield_now().await;
    for newcomer in [Holder::Person(PersonId::new("alice")), site(1_000)] {
        let began = std::time::Instant::now();
        assert_eq!(workers.run(&request("."), b"1", &newcomer).await, Ok(Reading::Number(1.0)));
        // Its turn comes after those of others in its kind, and not after all that they ask for.
        assert!(began.elapsed() < 12 * MAX_RUN_TIME, "{newcomer:?} waited {:?}", began.elapsed());
    }
    flood.iter().for_each(tokio::task::JoinHandle::abort);
}

#[test]
fn answers_that_wait_for_a_filter_are_bounded_and_whoever_has_most_makes_room() {
    const MIB: usize = 1024 * 1024;
    let waiting = super::waiting_bytes::WaitingBytes::default();
    let member = |name: &str| Holder::Person(PersonId::new(name));
    let memory = vec![0; 60 * MIB];
    let take_all = |holder: &Holder| {
        let answers = (0..1_000).map(|start| &memory[start..start + MIB]);
        answers.map_while(|answer| waiting.add(holder, answer)).collect::<Vec<_>>()
    };
    let displaced = |answers: &[super::waiting_bytes::WaitingAnswer<'_>]| {
        answers.iter().filter(|answer| answer.displaced().now_or_never().is_some()).count()
    };
    let of_network = take_all(&Holder::Stranger(Network::narrowest_of(None)));
    assert_eq!(of_network.len(), 32);
    let of_other = take_all(&Holder::Stranger(Network::narrowest_of("192.0.2.1".parse().ok())));
    assert_eq!((of_other.len(), displaced(&of_network), displaced(&of_other)), (16, 16, 0));
    let mut greedy: Vec<_> = ["eve", "mallory", "oscar"].map(|name| take_all(&member(name))).into_iter().collect();
    assert!(greedy.iter().all(|answers| answers.len() == 32));
    assert!(waiting.add(&member("alice"), &memory[..20 * MIB]).is_some(), "the fourth finds room");
    assert_eq!(greedy.iter().map(|answers| displaced(answers)).sum::<usize>(), 20);
    greedy.clear();
    let running = take_all(&member("eve"));
    running.iter().for_each(super::waiting_bytes::WaitingAnswer::keep);
    let others: Vec<_> = ["mallory", "oscar"].map(|name| take_all(&member(name))).into_iter().collect();
    assert!(waiting.add(&member("alice"), &memory[..MIB]).is_some());
    let of_others = others.iter().map(|answers| displaced(answers)).sum::<usize>();
    assert_eq!(of_others, 1, "what is in a filter stays");
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
