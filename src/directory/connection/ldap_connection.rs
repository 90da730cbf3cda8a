mod change;

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ldap3::controls::RawControl;
use ldap3::{Ldap, LdapConnAsync, LdapError, LdapResult, Scope, SearchOptions};
use tokio::time::{Instant, timeout, timeout_at};

use super::driver::{Broken, Driver, on_a_deep_stack};
use super::fault::{Fault, Operation, rc};
use super::servers::Server;
use crate::directory::schema::Entry;
use crate::domain::Password;
use crate::telemetry::DirectoryMetrics;

/// How long the server has to take note that an answer is no longer wanted.
const ABANDON_PATIENCE: Duration = Duration::from_millis(250);

/// The most that is taken of one search's entries, names and values together. What a server sends beyond is given up: a
/// thousand entries with some kilobytes each, times a dozen.
const MOST_TAKEN: usize = 64 * 1024 * 1024;

/// One open connection. Dropping it closes its socket.
///
/// Nothing it sends waits longer than the operation's deadline.
pub(in crate::directory) struct Connection {
    ldap: Ldap,
    /// Locked where its owner looks at it without using it.
    driver: Mutex<Driver>,
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
    /// Takes charge of a connection just dialled.
    pub(super) fn new((end, ldap): (LdapConnAsync, Ldap), operation_timeout: Duration, meter: Meter) -> Self {
        Self {
            ldap,
            driver: Mutex::new(Driver::of(end)),
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
        stands && !self.in_flight && self.driver.lock().unwrap_or_else(PoisonError::into_inner).is_open()
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
        self.ask(operation, control, async |ldap| ldap.simple_bind(name, password.expose()).await).await
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
        let (ldap, driver) = self.ends();
        let answer = on_a_deep_stack(async {
            let answer = find(ldap, driver, search, seconds, &wait).await;
            if matches!(answer, Err(Trouble::TimedOut)) {
                abandon(ldap, driver).await;
            }
            answer
        })
        .await;
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

    /// An operation that has one answer, whose result is the caller's to judge, with the control of this OID, if any: without
    /// a value, and not critical, so that a server that does not know it goes on without (RFC 4511, 4.1.11).
    async fn ask(
        &mut self,
        operation: Operation,
        control: Option<&str>,
        request: impl AsyncFnOnce(&mut Ldap) -> Result<LdapResult, LdapError>,
    ) -> Result<LdapResult, Fault> {
        let wait = self.begin();
        let (ldap, driver) = self.ends();
        if let Some(oid) = control {
            ldap.with_controls(RawControl { ctype: oid.to_owned(), crit: false, val: None });
        }
        let answer = on_a_deep_stack(wait.for_answer(driver.drive(request(ldap)))).await;
        self.meter.count(operation, answer.as_ref().ok().map(|result| result.rc), wait.begun);
        self.in_flight &= answer.is_err();
        answer.map_err(|trouble| self.fault(operation, &trouble))
    }

    /// What asks, and what carries it. What belongs to this owner alone needs no lock.
    fn ends(&mut self) -> (&mut Ldap, &mut Driver) {
        (&mut self.ldap, self.driver.get_mut().unwrap_or_else(PoisonError::into_inner))
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
            Trouble::TooLarge => format!("what it found is larger than {MOST_TAKEN} bytes together"),
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
    TooLarge,
    Broken(Broken),
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
    ldap: &mut Ldap,
    driver: &mut Driver,
    search: &Search<'_>,
    time_limit: i32,
    wait: &Wait,
) -> Result<(Found, LdapResult), Trouble> {
    let &Search { base, scope, filter, attributes, limit } = search;
    ldap.with_search_options(SearchOptions::new().sizelimit(limit.into()).timelimit(time_limit));
    let mut stream = wait.for_answer(driver.drive(ldap.streaming_search(base, scope, filter, attributes))).await?;
    let mut found = Found { entries: Vec::new(), more: false };
    let mut taken = 0;
    while let Some(item) = wait.for_answer(driver.drive(stream.next())).await? {
        if item.is_ref() || item.is_intermediate() {
            continue;
        }
        if found.entries.len() == usize::from(limit) {
            found.more = true;
            abandon(stream.ldap_handle(), driver).await;
            return Ok((found, success()));
        }
        let entry = Entry::read(item).map_err(|_| Trouble::Broken(Broken::Malformed))?;
        taken += entry.size();
        if taken > MOST_TAKEN {
            return Err(Trouble::TooLarge);
        }
        found.entries.push(entry);
    }
    let result = stream.finish().await;
    found.more = result.rc == rc::SIZE_LIMIT_EXCEEDED;
    Ok((found, result))
}

/// Tells the server that the answer to what was asked last is no longer wanted. A courtesy: whether it hears it makes no
/// difference here.
async fn abandon(ldap: &mut Ldap, driver: &mut Driver) {
    let asked = ldap.last_id();
    let _ = timeout(ABANDON_PATIENCE, driver.drive(ldap.abandon(asked))).await;
}

fn success() -> LdapResult {
    LdapResult { rc: rc::SUCCESS, matched: String::new(), text: String::new(), refs: Vec::new(), ctrls: Vec::new() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use ldap3::{LdapConnSettings, StdStream};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::telemetry::Metrics;

    const ANYBODY: Search<'_> = Search { base: "", scope: Scope::Base, filter: "(cn=*)", attributes: &[], limit: 1 };

    /// A connection whose operations take so long at the most, and its other end.
    async fn connected(operation_timeout: Duration) -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Tcp(stream.into_std().unwrap()));
        let ends = LdapConnAsync::with_settings(settings, "ldap://localhost").await.unwrap();
        let meter = Meter::new(Metrics::new().directory(), "ldap://server.example".to_owned());
        (Connection::new(ends, operation_timeout, meter), server)
    }

    async fn reason(connection: &mut Connection) -> String {
        let fault = connection.search(Operation::Search, &ANYBODY).await.map(|_| ()).unwrap_err();
        assert!(fault.broken && !connection.is_sound());
        fault.reason().unwrap().to_owned()
    }

    /// Answers the first request with these bytes, and stays.
    async fn answer(server: &mut TcpStream, bytes: &[u8]) {
        server.read_buf(&mut Vec::with_capacity(1024)).await.unwrap();
        server.write_all(bytes).await.unwrap();
    }

    /// Sequences, one in another.
    fn nested(levels: usize) -> Vec<u8> {
        let header = |inside: usize| [&[0x30, 0x84][..], &u32::try_from(inside).unwrap().to_be_bytes()].concat();
        (0..levels).rev().flat_map(|below| header(below * 6)).collect()
    }

    #[tokio::test]
    async fn a_server_that_never_stops_talking_is_heard_until_the_deadline_and_no_longer() {
        // In between (RFC 4511, 4.13), to the first question.
        const INTERMEDIATE: &[u8] = &[0x30, 0x05, 0x02, 0x01, 0x01, 0x79, 0x00];
        let (mut connection, mut server) = connected(Duration::from_millis(20)).await;
        let talk = INTERMEDIATE.repeat(1_000);
        let talks = tokio::spawn(async move { while server.write_all(&talk).await.is_ok() {} });
        assert!(reason(&mut connection).await.contains("no answer within 20ms"));
        drop(connection);
        talks.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_no_ldap_ends_the_connection_and_nothing_else() {
        let not_ldap = "its answer is not LDAP as RFC 4511 has it";
        let deepest = nested(50_000);
        for bytes in [
            // Not a message; one without an operation; an operation that is none; a found entry that is hollow.
            &[0x04, 0x00][..],
            &[0x30, 0x03, 0x02, 0x01, 0x01],
            &[0x30, 0x05, 0x02, 0x01, 0x01, 0x7e, 0x00],
            &[0x30, 0x05, 0x02, 0x01, 0x01, 0x64, 0x00],
            &[0x30, 0x80],
            &deepest,
        ] {
            let (mut connection, mut server) = connected(Duration::from_secs(60)).await;
            let (reason, ()) = tokio::join!(reason(&mut connection), answer(&mut server, bytes));
            assert_eq!(reason, not_ldap, "{:02x?}", &bytes[..bytes.len().min(12)]);
        }
    }

    #[tokio::test]
    async fn a_connection_is_sound_until_the_server_hangs_up() {
        let (connection, server) = connected(Duration::from_secs(60)).await;
        assert!(connection.is_sound());
        drop(server);
        let (mut connection, mut server) = connected(Duration::from_secs(60)).await;
        let hangs_up = async {
            answer(&mut server, &[]).await;
            drop(server);
        };
        assert_eq!(tokio::join!(reason(&mut connection), hangs_up).0, "it closed the connection");
    }

    #[tokio::test]
    async fn more_than_is_taken_of_a_search_is_given_up() {
        let (mut connection, mut server) = connected(Duration::from_secs(60)).await;
        // An entry without a name, with one attribute without one, whose only value is too long.
        let value = vec![b'x'; MOST_TAKEN + 1];
        let values = octets(0x31, &octets(0x04, &value));
        let attributes = octets(0x30, &octets(0x30, &[octets(0x04, b""), values].concat()));
        let entry = octets(0x64, &[octets(0x04, b""), attributes].concat());
        let message = octets(0x30, &[octets(0x02, &[1]), entry].concat());
        let (reason, ()) = tokio::join!(reason(&mut connection), answer(&mut server, &message));
        assert!(reason.contains("larger than"), "{reason}");
    }

    fn octets(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x84][..], &u32::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
    }
}
