mod change;

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ldap3::{LdapResult, Scope};
use tokio::time::{Instant, timeout, timeout_at};

use super::fault::{Fault, Operation, described, rc};
use super::protocol::{Broken, Line, NotLdap, Request, tag};
use super::servers::Server;
use crate::directory::schema::Entry;
use crate::domain::Password;
use crate::telemetry::DirectoryMetrics;

/// How long the server has to take note that an answer is no longer wanted.
const ABANDON_PATIENCE: Duration = Duration::from_millis(250);

/// One open connection. Dropping it closes its socket.
///
/// Nothing it sends waits longer than the operation's deadline.
pub(in crate::directory) struct Connection {
    /// Locked where its owner looks at it without using it.
    line: Mutex<Line>,
    operation_timeout: Duration,
    /// When whoever uses it now must have their answer.
    deadline: Option<Instant>,
    /// The server at its other end, where its health is watched.
    server: Option<Watched>,
    meter: Meter,
    /// How many operations it has begun.
    operations: u32,
    /// Whether an operation has begun and not ended: nobody knows how much of it was sent, and what came of it.
    in_flight: bool,
}

/// Counts what is done over one connection.
pub(super) struct Meter {
    metrics: DirectoryMetrics,
    server: String,
}

impl Meter {
    pub(in crate::directory) fn new(metrics: DirectoryMetrics, server: String) -> Self {
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
pub(in crate::directory) struct Search<'a> {
    pub(in crate::directory) base: &'a str,
    pub(in crate::directory) scope: Scope,
    pub(in crate::directory) filter: &'a str,
    pub(in crate::directory) attributes: &'a [&'a str],
    /// The most entries wanted, enforced here too: a server may ignore it.
    pub(in crate::directory) limit: u16,
}

/// What was found.
pub(in crate::directory) struct Found {
    pub(in crate::directory) entries: Vec<Entry>,
    /// Whether there would have been more.
    pub(in crate::directory) more: bool,
}

impl Connection {
    /// Takes charge of a line just dialled.
    pub(super) fn new(line: Line, operation_timeout: Duration, meter: Meter) -> Self {
        Self {
            line: Mutex::new(line),
            operation_timeout,
            deadline: None,
            server: None,
            meter,
            operations: 0,
            in_flight: false,
        }
    }

    /// The same, as one to `server`, which had gone down `downs` times before: it ends when that goes down.
    pub(in crate::directory) fn to(mut self, server: &Arc<Server>, downs: u64) -> Self {
        self.server = Some(Watched { server: Arc::clone(server), downs });
        self
    }

    /// From here on no operation goes on beyond `deadline`.
    pub(in crate::directory) fn until(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
    }

    /// From here on an operation ends by its own deadline alone.
    pub(super) fn without_deadline(&mut self) {
        self.deadline = None;
    }

    /// When whoever uses it now must have their answer.
    pub(in crate::directory) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The server at its other end, where it is one of a set.
    pub(in crate::directory) fn server(&self) -> Option<&Arc<Server>> {
        self.server.as_ref().map(|watched| &watched.server)
    }

    /// How many operations it has begun.
    pub(in crate::directory) fn operations(&self) -> u32 {
        self.operations
    }

    /// Whether it can carry another operation, as far as can be known without one.
    pub(super) fn is_sound(&self) -> bool {
        let stands = self.server.as_ref().is_none_or(|watched| watched.server.downs() == watched.downs);
        stands && !self.in_flight && self.line.lock().unwrap_or_else(PoisonError::into_inner).is_quiet()
    }

    /// One simple bind, with the control of this OID, if any. The result is the caller's to judge.
    ///
    /// An empty password cannot occur ([`Password`]); an empty name is refused here, as together with any password
    /// it makes an anonymous bind on some servers (RFC 4513, 5.1).
    pub(in crate::directory) async fn bind(
        &mut self,
        operation: Operation,
        name: &str,
        password: &Password,
        control: Option<&str>,
    ) -> Result<LdapResult, Fault> {
        if name.is_empty() {
            return Err(Fault::unreachable(operation, "the name to bind with is empty"));
        }
        // A bind cannot be abandoned (RFC 4511, 4.11): after a time-out the connection is of no more use.
        self.ask(operation, &Request::Bind { name, password }, control, tag::BOUND).await
    }

    /// One search. References to other servers in its answer are passed over, never followed.
    ///
    /// # Errors
    /// Any result but success and `sizeLimitExceeded`; its code is in the fault.
    pub(in crate::directory) async fn search(
        &mut self,
        operation: Operation,
        search: &Search<'_>,
    ) -> Result<Found, Fault> {
        let wait = self.begin();
        let seconds = i32::try_from(self.operation_timeout.as_secs().max(1)).unwrap_or(i32::MAX);
        let line = self.line();
        let answer = find(line, search, seconds, &wait).await;
        if matches!(answer, Err(Trouble::TimedOut)) {
            abandon(line).await;
        }
        self.meter.count(operation, answer.as_ref().ok().map(|(_, result)| result.rc), wait.begun);
        self.in_flight &= answer.is_err();
        match answer {
            Ok((found, result)) if matches!(result.rc, rc::SUCCESS | rc::SIZE_LIMIT_EXCEEDED) => Ok(found),
            Ok((_, result)) => {
                let base = if search.base.is_empty() { "the RootDSE" } else { search.base };
                Err(Fault::result(operation, &result, &format!("the search below {base} failed")))
            }
            Err(trouble) => Err(self.fault(operation, &trouble)),
        }
    }

    /// An operation that has one answer, of this kind, and whose result is the caller's to judge.
    async fn ask(
        &mut self,
        operation: Operation,
        request: &Request<'_>,
        control: Option<&str>,
        kind: u8,
    ) -> Result<LdapResult, Fault> {
        let wait = self.begin();
        let line = self.line();
        let answer = wait
            .for_answer(async {
                line.ask(request, control).await?;
                Ok(line.hear().await?.result(kind)?)
            })
            .await;
        self.meter.count(operation, answer.as_ref().ok().map(|result| result.rc), wait.begun);
        self.in_flight &= answer.is_err();
        answer.map_err(|trouble| self.fault(operation, &trouble))
    }

    /// What belongs to this owner alone needs no lock.
    fn line(&mut self) -> &mut Line {
        self.line.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// The wait for an operation that begins now.
    fn begin(&mut self) -> Wait {
        self.operations += 1;
        self.in_flight = true;
        let begun = Instant::now();
        let own = begun + self.operation_timeout;
        Wait { begun, deadline: self.deadline.map_or(own, |deadline| deadline.min(own)), server: self.server.clone() }
    }

    /// Why there is no answer, in words.
    fn fault(&self, operation: Operation, trouble: &Trouble) -> Fault {
        let reason = match trouble {
            Trouble::TimedOut => format!("no answer within {:?} (operation_timeout)", self.operation_timeout),
            Trouble::ServerDown(reason) => reason.to_string(),
            Trouble::Broken(Broken::Ended(notice)) => format!("it ended the connection: {}", described(notice)),
            Trouble::Broken(broken) => broken.to_string(),
        };
        Fault::broken(operation, reason)
    }
}

/// Why there is no answer.
#[derive(Debug)]
enum Trouble {
    TimedOut,
    /// Others found out meanwhile that the server does not answer.
    ServerDown(Arc<str>),
    Broken(Broken),
}

impl From<NotLdap> for Trouble {
    fn from(not_ldap: NotLdap) -> Self {
        Self::Broken(not_ldap.into())
    }
}

/// How an operation waits for its answer.
struct Wait {
    begun: Instant,
    deadline: Instant,
    server: Option<Watched>,
}

impl Wait {
    /// Waits until the deadline. When the next word is long in coming, the server is probed on another connection, and the wait
    /// ends if it is not there: a server that is slow is waited for, one that is dead is not.
    async fn for_answer<T>(&self, answer: impl Future<Output = Result<T, Broken>>) -> Result<T, Trouble> {
        let heard = async {
            tokio::select! {
                biased;
                answer = answer => answer.map_err(Trouble::Broken),
                reason = self.server_dies() => Err(Trouble::ServerDown(reason)),
            }
        };
        // Unlike a sleep beside the answer, this ends the wait for a server that never stops talking, too.
        timeout_at(self.deadline, heard).await.unwrap_or(Err(Trouble::TimedOut))
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

/// Searches, and gathers what is found.
async fn find(
    line: &mut Line,
    search: &Search<'_>,
    time_limit: i32,
    wait: &Wait,
) -> Result<(Found, LdapResult), Trouble> {
    let &Search { base, scope, filter, attributes, limit } = search;
    let request = Request::Search { base, scope, filter, attributes, size_limit: limit.into(), time_limit };
    wait.for_answer(line.ask(&request, None)).await?;
    let mut found = Found { entries: Vec::new(), more: false };
    loop {
        let answer = wait.for_answer(line.hear()).await?;
        match answer.tag {
            tag::REFERENCE => {}
            tag::ENTRY if found.entries.len() == usize::from(limit) => {
                found.more = true;
                abandon(line).await;
                return Ok((found, success()));
            }
            tag::ENTRY => found.entries.push(Entry::read(answer.content).map_err(|_| NotLdap::Malformed)?),
            _ => {
                let result = answer.result(tag::SEARCHED)?;
                found.more = result.rc == rc::SIZE_LIMIT_EXCEEDED;
                return Ok((found, result));
            }
        }
    }
}

/// Tells the server that the answer is no longer wanted. A courtesy: whether it hears it makes no difference here.
async fn abandon(line: &mut Line) {
    let _ = timeout(ABANDON_PATIENCE, line.abandon()).await;
}

fn success() -> LdapResult {
    LdapResult { rc: rc::SUCCESS, matched: String::new(), text: String::new(), refs: Vec::new(), ctrls: Vec::new() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
    use tokio::task::coop::poll_proceed;

    use super::*;
    use crate::telemetry::Metrics;

    /// In between (RFC 4511, 4.13), to the first question.
    const INTERMEDIATE: &[u8] = &[0x30, 0x05, 0x02, 0x01, 0x01, tag::INTERMEDIATE, 0x00];

    /// A server that never stops talking, faster than anybody listens.
    struct Chatterbox;

    impl AsyncRead for Chatterbox {
        fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            // As a socket of the runtime's: whoever has read enough has to let others have their turn.
            let turn = ready!(poll_proceed(context));
            into.put_slice(INTERMEDIATE);
            turn.made_progress();
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Chatterbox {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_server_that_never_stops_talking_is_heard_until_the_deadline_and_no_longer() {
        let meter = Meter::new(Metrics::new().directory(), "ldap://chatterbox.example".to_owned());
        let mut connection = Connection::new(Line::over(Chatterbox), Duration::from_millis(20), meter);
        let search = Search { base: "", scope: Scope::Base, filter: "(cn=*)", attributes: &[], limit: 1 };
        let fault = connection.search(Operation::Search, &search).await.map(|_| ()).unwrap_err();
        assert!(fault.reason().unwrap().contains("no answer within 20ms"), "{fault:?}");
        assert!(!connection.is_sound());
    }
}
