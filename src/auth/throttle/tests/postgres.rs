//! Fixtures over a PostgreSQL database, which tests share.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use futures::FutureExt as _;
use tokio::runtime::{EnterGuard, Handle, Runtime};

use crate::auth::throttle::{PostgresThrottleStore, ThrottleStore};
use crate::domain::ManualClock;
use crate::store::PostgresDatabase;

/// What tasks run on where a test has no runtime of its own, and what is waited for from within others.
static RUNTIME: OnceLock<Runtime> = OnceLock::new();

thread_local! {
    static ENTERED: RefCell<Option<EnterGuard<'static>>> = const { RefCell::new(None) };
}

fn runtime() -> &'static Runtime {
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
}

/// Waits for something, wherever it is called from.
pub(in crate::auth::throttle) fn wait_for<T: Send>(future: impl Future<Output = T> + Send) -> T {
    if Handle::try_current().is_err() {
        ENTERED.with_borrow_mut(|entered| {
            entered.get_or_insert_with(|| runtime().enter());
        });
    }
    let mut future = std::pin::pin!(future);
    // What is in memory is ready.
    if let Some(done) = future.as_mut().now_or_never() {
        return done;
    }
    std::thread::scope(|scope| scope.spawn(|| runtime().block_on(future)).join()).unwrap()
}

/// A store in the database that tests share, or in one of its own, which counts by this clock. `None` where there is no server.
pub(super) fn open(clock: &Arc<ManualClock>, is_shared: bool) -> Option<Arc<dyn ThrottleStore>> {
    static SHARED: OnceLock<Option<String>> = OnceLock::new();
    let url =
        if is_shared { SHARED.get_or_init(PostgresDatabase::url_of_test).clone() } else { PostgresDatabase::url_of_test() };
    let database = PostgresDatabase::at(&url?);
    Some(Arc::new(wait_for(PostgresThrottleStore::open(&database)).unwrap().with_clock(clock)))
}
