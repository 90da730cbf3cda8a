mod change;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use ldap3::{Ldap, LdapConnAsync, LdapError, LdapResult, Scope, SearchOptions};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::entry::Entry;
use super::fault::{Fault, Operation, rc};
use crate::domain::Password;

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
    pub(super) fn new(connection: LdapConnAsync, ldap: Ldap, operation_timeout: Duration) -> Self {
        Self { ldap, driver: Some(tokio::spawn(connection.drive())), operation_timeout }
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
        let deadline = Instant::now() + self.operation_timeout;
        let answer = guarded(deadline, self.ldap.simple_bind(name, password.expose())).await;
        // A bind cannot be abandoned (RFC 4511, 4.11): after a time-out the caller drops the connection.
        match answer {
            Ok(result) => Ok(result),
            Err(trouble) => Err(self.fault(operation, trouble).await),
        }
    }

    /// One search. References to other servers in its answer are passed over, never followed.
    ///
    /// # Errors
    /// Any result but success and `sizeLimitExceeded`; its code is in the fault.
    pub(super) async fn search(&mut self, operation: Operation, search: &Search<'_>) -> Result<Found, Fault> {
        match self.try_search(search).await {
            Ok((found, result)) if matches!(result.rc, rc::SUCCESS | rc::SIZE_LIMIT_EXCEEDED) => Ok(found),
            Ok((_, result)) => {
                let base = if search.base.is_empty() { "the RootDSE" } else { search.base };
                Err(Fault::result(operation, &result, &format!("the search below {base} failed")))
            }
            Err(trouble) => Err(self.fault(operation, trouble).await),
        }
    }

    async fn try_search(&mut self, search: &Search<'_>) -> Result<(Found, LdapResult), Trouble> {
        let deadline = Instant::now() + self.operation_timeout;
        let seconds = i32::try_from(self.operation_timeout.as_secs().max(1)).unwrap_or(i32::MAX);
        let options = SearchOptions::new().sizelimit(i32::from(search.limit)).timelimit(seconds);
        let attributes = search.attributes.to_vec();
        let starting = self.ldap.with_search_options(options).streaming_search(
            search.base,
            search.scope,
            search.filter,
            attributes,
        );
        let mut stream = guarded(deadline, starting).await?;
        let mut found = Found { entries: Vec::new(), more: false };
        loop {
            let next = match guarded(deadline, stream.next()).await {
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
        let result = guarded(deadline, async { Ok(stream.finish().await) }).await?;
        found.more = result.rc == rc::SIZE_LIMIT_EXCEEDED;
        Ok((found, result))
    }

    /// What broke, in words; the driving task knows more than the closed channel to it.
    async fn fault(&mut self, operation: Operation, trouble: Trouble) -> Fault {
        let reason = match trouble {
            Trouble::TimedOut => {
                format!("no answer within {:?} (operation_timeout)", self.operation_timeout)
            }
            Trouble::Malformed => "its answer is not LDAP as RFC 4511 has it".into(),
            Trouble::Ldap(LdapError::FilterParsing) => {
                "the filter is not one: check person_filter and group_filter".into()
            }
            Trouble::Ldap(error) => self.last_words().await.unwrap_or_else(|| error.to_string()),
        };
        Fault::unreachable(operation, reason)
    }

    async fn last_words(&mut self) -> Option<String> {
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
    Malformed,
    Ldap(LdapError),
}

/// Waits for an answer until `deadline`, and turns a panic of the LDAP crate into an error.
async fn guarded<T>(deadline: Instant, answer: impl Future<Output = Result<T, LdapError>>) -> Result<T, Trouble> {
    match timeout_at(deadline, AssertUnwindSafe(answer).catch_unwind()).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(error))) => Err(Trouble::Ldap(error)),
        Ok(Err(_panic)) => Err(Trouble::Malformed),
        Err(_elapsed) => Err(Trouble::TimedOut),
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
