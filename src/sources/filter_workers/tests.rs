#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::domain::{Bindings, Reading};
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
    let error = workers.run(&request("."), b"1").await.unwrap_err();
    assert!(matches!(&error, SourceError::OverLimits(why) if why.contains("more than the 48 MiB of memory")), "{error}");
    let error = workers.run(&request("."), b"1").await.unwrap_err();
    assert!(matches!(&error, SourceError::OverLimits(why) if why.contains("too long")), "{error}");
    for _ in 0..3 {
        assert_eq!(workers.run(&request("."), b"1").await, Ok(Reading::Number(1.0)));
    }
    assert_eq!(started.load(Ordering::Relaxed), 3, "one that answers is asked again");
}

#[tokio::test]
async fn a_reading_comes_back_as_it_was_and_none_that_is_too_large() {
    let workers = on_threads();
    let numbers = workers.run(&request("{a: 1, b: null}"), b"1").await.unwrap();
    let Reading::Numbers(numbers) = numbers else { panic!("{numbers:?}") };
    assert!(numbers[0].value.total_cmp(&1.0).is_eq() && numbers[1].value.is_nan());
    assert_eq!(workers.run(&request("{a: \"up\"}"), b"1").await.unwrap().kind_name(), "states");
    assert_eq!(workers.run(&request("[[1, \"a\"]]"), b"1").await.unwrap().kind_name(), "a table");
    let error = workers.run(&request("[range(10000) | [\"x\" * 500]]"), b"1").await.unwrap_err();
    assert!(matches!(&error, SourceError::TooLarge(why) if why.contains("larger than 4 MiB")), "{error}");
}
