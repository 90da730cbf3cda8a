mod change;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{Either, select};
use ldap3::{Ldap, LdapConnAsync, LdapError, LdapResult, Scope, SearchOptions};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::entry::Entry;
use super::fault::{Fault, Operation, rc};
use super::gate::{Gate, Verdict};
use super::servers::Server;
use crate::domain::Password;
use crate::telemetry::DirectoryMetrics;

/// How long the task that drives a broken connection has to say what broke it.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// How long the server has to take note that an answer is no longer wanted.
const ABANDON_PATIENCE: Duration = Duration::from_millis(250);

/// One open connection. Dropping it stops its task and closes its socket.
///
/// Nothing it sends waits longer than the operation's deadline, and nothing the server answers can crash the
/// program: the LDAP crate panics on some malformed answers, which is caught here and becomes a fault.
pub(super) struct Connection {
    ldap: Ldap,
    driver: Option<JoinHandle<Result<(), LdapError>>>,
    operation_timeout: Duration,
    /// When whoever uses it now must have their answer.
    deadline: Option<Instant>,
    /// The server at its other end, where its health is watched.
    server: Option<Watched>,
    meter: Meter,
    /// What was wrong with the server's words, once something was.
    verdict: Verdict,
    /// How many operations it has begun.
    operations: u32,
    /// Whether an operation has begun and not ended: what it still says would be taken for another's answer.
    in_flight: bool,
}

/// Drives the library's end of a connection and keeps its gate, in one task: what one of them is woken by, the other
/// waits for next.
async fn drive(connection: LdapConnAsync, mut gate: Gate) -> Result<(), LdapError> {
    let driven = std::pin::pin!(connection.drive());
    match select(driven, &mut gate).await {
        Either::Left((ended, _)) => ended,
        // The library hears of it by its end of the pair, and says why it ends.
        Either::Right(((), driven)) => {
            drop(gate);
            driven.await
        }
    }
}

/// Counts what is done over one connection.
pub(super) struct Meter {
    metrics: DirectoryMetrics,
    server: String,
}

impl Meter {
    pub(super) fn new(metrics: DirectoryMetrics, server: String) -> Self {
        Self { metrics, server }
    }

    /// An operation has ended: with a result of the server's, or without one.
    fn count(&self, operation: Operation, result_code: Option<u32>, begun: Instant) {
        let outcome = match result_code {
            Some(rc::SUCCESS | rc::SIZE_LIMIT_EXCEEDED) => "ok",
            Some(_) => "refused",
            None => "unreachable",
        };
        self.metrics.operation(operation.word(), &self.server, outcome, begun.elapsed());
    }
}

/// A server whose connections end when it goes down.
#[derive(Clone)]
struct Watched {
    server: Arc<Server>,
    /// How many times it had gone down when the connection was made.
    downs: u64,
}

/// What to look for.
pub(super) struct Search<'a> {
    pub(super) base: &'a str,
    pub(super) scope: Scope,
    pub(super) filter: &'a str,
    pub(super) attributes: &'a [&'a str],
    /// The most entries wanted, enforced here too: a server may ignore it.
    pub(super) limit: u16,
}

/// What was found.
pub(super) struct Found {
    pub(super) entries: Vec<Entry>,
    /// Whether there would have been more.
    pub(super) more: bool,
}

impl Connection {
    /// Takes charge of a connection just dialled.
    pub(super) fn new(
        connection: LdapConnAsync,
        ldap: Ldap,
        gate: Gate,
        verdict: Verdict,
        operation_timeout: Duration,
        meter: Meter,
    ) -> Self {
        Self {
            ldap,
            driver: Some(tokio::spawn(drive(connection, gate))),
            operation_timeout,
            deadline: None,
            server: None,
            meter,
            verdict,
            operations: 0,
            in_flight: false,
        }
    }

    /// The same, as one to `server`, which had gone down `downs` times before: it ends when that goes down.
    pub(super) fn to(mut self, server: &Arc<Server>, downs: u64) -> Self {
        self.server = Some(Watched { server: Arc::clone(server), downs });
        self
    }

    /// From here on no operation goes on beyond `deadline`.
    pub(super) fn until(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
    }

    /// From here on an operation ends by its own deadline alone.
    pub(super) fn without_deadline(&mut self) {
        self.deadline = None;
    }

    /// When whoever uses it now must have their answer.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The server at its other end, where it is one of a set.
    pub(super) fn server(&self) -> Option<&Arc<Server>> {
        self.server.as_ref().map(|watched| &watched.server)
    }

    /// How many operations it has begun.
    pub(super) fn operations(&self) -> u32 {
        self.operations
    }

    /// Whether it can carry another operation, as far as can be known without one.
    pub(super) fn is_sound(&self) -> bool {
        let driven = self.driver.as_ref().is_some_and(|driver| !driver.is_finished());
        driven && !self.in_flight && self.server.as_ref().is_none_or(|watched| watched.server.downs() == watched.downs)
    }

    /// One simple bind. The result is the caller's to judge.
    ///
    /// An empty password cannot occur ([`Password`]); an empty name is refused here, as together with any password
    /// it makes an anonymous bind on some servers (RFC 4513, 5.1).
    pub(super) async fn bind(
        &mut self,
        operation: Operation,
        name: &str,
        password: &Password,
    ) -> Result<LdapResult, Fault> {
        if name.is_empty() {
            return Err(Fault::unreachable(operation, "the name to bind with is empty"));
        }
        let wait = self.begin();
        let answer = wait.for_answer(self.ldap.simple_bind(name, password.expose())).await;
        // A bind cannot be abandoned (RFC 4511, 4.11): after a time-out the connection is of no more use.
        self.end(operation, &wait, answer).await
    }

    /// One search. References to other servers in its answer are passed over, never followed.
    ///
    /// # Errors
    /// Any result but success and `sizeLimitExceeded`; its code is in the fault.
    pub(super) async fn search(&mut self, operation: Operation, search: &Search<'_>) -> Result<Found, Fault> {
        let wait = self.begin();
        let answer = self.try_search(search, &wait).await;
        self.meter.count(operation, answer.as_ref().ok().map(|(_, result)| result.rc), wait.begun);
        self.in_flight &= answer.is_err();
        match answer {
            Ok((found, result)) if matches!(result.rc, rc::SUCCESS | rc::SIZE_LIMIT_EXCEEDED) => Ok(found),
            Ok((_, result)) => {
                let base = if search.base.is_empty() { "the RootDSE" } else { search.base };
                Err(Fault::result(operation, &result, &format!("the search below {base} failed")))
            }
            Err(trouble) => Err(self.fault(operation, trouble).await),
        }
    }

    async fn try_search(&mut self, search: &Search<'_>, wait: &Wait) -> Result<(Found, LdapResult), Trouble> {
        let seconds = i32::try_from(self.operation_timeout.as_secs().max(1)).unwrap_or(i32::MAX);
        let options = SearchOptions::new().sizelimit(i32::from(search.limit)).timelimit(seconds);
        let attributes = search.attributes.to_vec();
        let starting = self.ldap.with_search_options(options).streaming_search(
            search.base,
            search.scope,
            search.filter,
            attributes,
        );
        let mut stream = wait.for_answer(starting).await?;
        let mut found = Found { entries: Vec::new(), more: false };
        loop {
            let next = match wait.for_answer(stream.next()).await {
                Ok(Some(next)) => next,
                Ok(None) => break,
                Err(trouble) => {
                    abandon(stream.ldap_handle()).await;
                    return Err(trouble);
                }
            };
            if next.is_ref() || next.is_intermediate() {
                continue;
            }
            if found.entries.len() == usize::from(search.limit) {
                found.more = true;
                abandon(stream.ldap_handle()).await;
                return Ok((found, success()));
            }
            found.entries.push(Entry::read(next).map_err(|_| Trouble::Malformed)?);
        }
        let result = wait.for_answer(async { Ok(stream.finish().await) }).await?;
        found.more = result.rc == rc::SIZE_LIMIT_EXCEEDED;
        Ok((found, result))
    }

    /// The wait for an operation that begins now.
    fn begin(&mut self) -> Wait {
        self.operations += 1;
        self.in_flight = true;
        let begun = Instant::now();
        let own = begun + self.operation_timeout;
        Wait { begun, deadline: self.deadline.map_or(own, |deadline| deadline.min(own)), server: self.server.clone() }
    }

    /// The end of an operation whose result is the caller's to judge.
    async fn end(
        &mut self,
        operation: Operation,
        wait: &Wait,
        answer: Result<LdapResult, Trouble>,
    ) -> Result<LdapResult, Fault> {
        self.meter.count(operation, answer.as_ref().ok().map(|result| result.rc), wait.begun);
        match answer {
            Ok(result) => {
                self.in_flight = false;
                Ok(result)
            }
            Err(trouble) => Err(self.fault(operation, trouble).await),
        }
    }

    /// What broke, in words; the driving task knows more than the closed channel to it.
    async fn fault(&mut self, operation: Operation, trouble: Trouble) -> Fault {
        let reason = match trouble {
            Trouble::TimedOut => {
                format!("no answer within {:?} (operation_timeout)", self.operation_timeout)
            }
            Trouble::ServerDown(reason) => reason.to_string(),
            Trouble::Malformed => "its answer is not LDAP as RFC 4511 has it".into(),
            Trouble::Ldap(LdapError::FilterParsing) => {
                "the filter is not one: check person_filter and group_filter".into()
            }
            Trouble::Ldap(error) => self.last_words().await.unwrap_or_else(|| error.to_string()),
        };
        Fault::broken(operation, reason)
    }

    async fn last_words(&mut self) -> Option<String> {
        if let Some(not_ldap) = self.verdict.get() {
            return Some(not_ldap.to_string());
        }
        let driver = self.driver.take()?;
        let stop = driver.abort_handle();
        let words = match timeout(LAST_WORDS, driver).await {
            Ok(Ok(Ok(()))) => Some("it closed the connection".into()),
            Ok(Ok(Err(error))) => Some(format!("the connection broke: {error}")),
            Ok(Err(crash)) if crash.is_panic() => Some("its answer is not LDAP as RFC 4511 has it".into()),
            Ok(Err(_)) | Err(_) => None,
        };
        stop.abort();
        words
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(driver) = &self.driver {
            driver.abort();
        }
    }
}

/// Why there is no answer.
enum Trouble {
    TimedOut,
    /// Others found out meanwhile that the server does not answer.
    ServerDown(Arc<str>),
    Malformed,
    Ldap(LdapError),
}

/// How an operation waits for its answer.
struct Wait {
    begun: Instant,
    deadline: Instant,
    server: Option<Watched>,
}

impl Wait {
    /// Waits until the deadline, and turns a panic of the LDAP crate into an error. When the answer is long in coming,
    /// the server is probed on another connection, and the wait ends if it is not there: a server that is slow is
    /// waited for, one that is dead is not.
    async fn for_answer<T>(&self, answer: impl Future<Output = Result<T, LdapError>>) -> Result<T, Trouble> {
        let answer = AssertUnwindSafe(answer).catch_unwind();
        tokio::select! {
            biased;
            answer = answer => match answer {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => Err(Trouble::Ldap(error)),
                Err(_panic) => Err(Trouble::Malformed),
            },
            reason = self.server_dies() => Err(Trouble::ServerDown(reason)),
            () = sleep_until(self.deadline) => Err(Trouble::TimedOut),
        }
    }

    /// Resolves when the server is known to be down.
    async fn server_dies(&self) -> Arc<str> {
        let Some(Watched { server, downs }) = &self.server else { return std::future::pending().await };
        let suspicious = async {
            tokio::time::sleep(server.patience()).await;
            // What it says is noted with the server, which is what is waited for here.
            let _ = server.probe().await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = server.goes_down(*downs) => {}
            () = suspicious => {}
        }
        server.down().map_or_else(|| "the server went down".into(), |down| down.reason)
    }
}

/// Tells the server that the answer is no longer wanted. A courtesy: whether it hears it makes no difference here.
async fn abandon(ldap: &mut Ldap) {
    let id = ldap.last_id();
    drop(timeout(ABANDON_PATIENCE, AssertUnwindSafe(ldap.abandon(id)).catch_unwind()).await);
}

fn success() -> LdapResult {
    LdapResult { rc: rc::SUCCESS, matched: String::new(), text: String::new(), refs: Vec::new(), ctrls: Vec::new() }
}
