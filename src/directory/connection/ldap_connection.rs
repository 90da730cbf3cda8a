mod modify;
mod search;

pub(in crate::directory) use search::{SearchRequest, SearchResult, Truncation};

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ldap3::controls::RawControl;
use ldap3::{Ldap, LdapConnAsync, LdapError, LdapResult};
use tokio::time::{Instant, timeout_at};

use super::driver::{ConnectionDriver, ConnectionError, NoDeepStack, poll_on_fitting_stack};
use super::fault::{OperationFault, OperationKind, result_code};
use super::servers::DirectoryServer;
use crate::domain::Password;
use crate::telemetry::DirectoryMetrics;
use crate::tls::CertificateRequests;

/// An open LDAP connection. Dropping it closes its socket.
///
/// Nothing it sends waits longer than the operation's deadline.
pub(in crate::directory) struct LdapConnection {
    ldap: Ldap,
    /// Behind a lock for checks through a shared reference.
    driver: Mutex<ConnectionDriver>,
    operation_timeout: Duration,
    /// When whoever uses it now must have their answer.
    deadline: Option<Instant>,
    /// The server at its other end, whose health is watched.
    server: Option<WatchedServer>,
    metrics: ConnectionMetrics,
    /// The server's requests for a certificate that there is not.
    certificate_requests: Option<Arc<CertificateRequests>>,
    /// The number of operations it has begun.
    operation_count: u32,
    /// Whether an operation has begun and not ended: nobody knows how much of it was sent, and what came of it.
    in_flight: bool,
}

/// Records the operations of one connection in the metrics.
pub(super) struct ConnectionMetrics {
    metrics: DirectoryMetrics,
    server: String,
}

impl ConnectionMetrics {
    pub(in crate::directory) fn new(metrics: DirectoryMetrics, server: String) -> Self {
        Self { metrics, server }
    }

    /// Records the end of an operation: with a result of the server's, or without one.
    fn record(&self, operation: OperationKind, result_code: Option<u32>, started: Instant) {
        let outcome = match result_code {
            Some(
                result_code::SUCCESS
                | result_code::SIZE_LIMIT_EXCEEDED
                | result_code::TIME_LIMIT_EXCEEDED
                | result_code::ADMIN_LIMIT_EXCEEDED,
            ) => "ok",
            Some(_) => "refused",
            None => "unreachable",
        };
        self.metrics.operation(operation.word(), &self.server, outcome, started.elapsed());
    }
}

/// A server whose connections end when it goes down.
#[derive(Clone)]
struct WatchedServer {
    server: Arc<DirectoryServer>,
    /// The number of its outages when the connection was made.
    outage_count: u64,
}

impl LdapConnection {
    /// Wraps a connection just dialled, over `socket`.
    pub(super) fn new(
        (end, ldap): (LdapConnAsync, Ldap),
        socket: std::net::TcpStream,
        operation_timeout: Duration,
        metrics: ConnectionMetrics,
    ) -> Self {
        Self {
            ldap,
            driver: Mutex::new(ConnectionDriver::new(end, socket)),
            operation_timeout,
            deadline: None,
            server: None,
            metrics,
            certificate_requests: None,
            operation_count: 0,
            in_flight: false,
        }
    }

    /// Tells it where the requests for a certificate of ours are recorded.
    pub(super) fn with_certificate_requests(mut self, requests: Arc<CertificateRequests>) -> Self {
        self.certificate_requests = Some(requests);
        self
    }

    /// Ties the connection to `server`, which had `outages` outages before: it ends when that goes down.
    pub(in crate::directory) fn with_server(mut self, server: &Arc<DirectoryServer>, outages: u64) -> Self {
        self.server = Some(WatchedServer { server: Arc::clone(server), outage_count: outages });
        self
    }

    /// Sets the deadline that no operation from here on goes beyond.
    pub(in crate::directory) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
    }

    /// Lets operations from here on end by their own timeout alone.
    pub(super) fn clear_deadline(&mut self) {
        self.deadline = None;
    }

    /// When whoever uses it now must have their answer.
    pub(in crate::directory) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The server at its other end, where it is one of a set.
    pub(in crate::directory) fn server(&self) -> Option<&Arc<DirectoryServer>> {
        self.server.as_ref().map(|watched| &watched.server)
    }

    /// The number of operations it has begun.
    pub(in crate::directory) fn operation_count(&self) -> u32 {
        self.operation_count
    }

    /// Whether it can be used for another operation, as far as can be known without one.
    pub(super) fn is_usable(&self) -> bool {
        let stands = self.server.as_ref().is_none_or(|watched| watched.server.outage_count() == watched.outage_count);
        stands && !self.in_flight && self.driver.lock().unwrap_or_else(PoisonError::into_inner).is_open()
    }

    /// One simple bind, with the control of this OID, if any. The result is the caller's to judge.
    ///
    /// An empty password cannot occur ([`Password`]); an empty name is refused here, as together with any password
    /// it makes an anonymous bind on some servers (RFC 4513, 5.1).
    pub(in crate::directory) async fn bind(
        &mut self,
        operation: OperationKind,
        name: &str,
        password: &Password,
        control: Option<&str>,
    ) -> Result<LdapResult, OperationFault> {
        if name.is_empty() {
            return Err(OperationFault::unreachable(operation, "the name to bind with is empty"));
        }
        // A bind cannot be abandoned (RFC 4511, 4.11): after a time-out the connection is of no more use.
        self.run(operation, control, async |ldap| ldap.simple_bind(name, password.expose()).await).await
    }

    /// Runs an operation that has one answer, whose result is the caller's to judge, with the control of this OID, if
    /// any: without a value, and not critical, so that a server that does not know it goes on without (RFC 4511,
    /// 4.1.11).
    async fn run(
        &mut self,
        operation: OperationKind,
        control: Option<&str>,
        request: impl AsyncFnOnce(&mut Ldap) -> Result<LdapResult, LdapError>,
    ) -> Result<LdapResult, OperationFault> {
        let wait = self.start_operation();
        let (ldap, driver) = self.ldap_and_driver();
        if let Some(oid) = control {
            ldap.with_controls(RawControl { ctype: oid.to_owned(), crit: false, val: None });
        }
        let received = Arc::clone(driver.received());
        let answered = wait.until_answered(driver.drive(request(ldap)));
        let answer = poll_on_fitting_stack(Arc::clone(&received), answered).await;
        if answer.is_ok() {
            received.reset();
        }
        self.metrics.record(operation, answer.as_ref().ok().map(|result| result.rc), wait.started);
        self.in_flight &= answer.is_err();
        answer.map_err(|no_answer| self.to_fault(operation, &no_answer))
    }

    /// The client handle and the connection's driver. The exclusive reference needs no lock.
    fn ldap_and_driver(&mut self) -> (&mut Ldap, &mut ConnectionDriver) {
        (&mut self.ldap, self.driver.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts an operation that begins now, and gives its wait.
    fn start_operation(&mut self) -> AnswerWait {
        self.operation_count += 1;
        self.in_flight = true;
        let started = Instant::now();
        let own = started + self.operation_timeout;
        AnswerWait { started, deadline: self.deadline.map_or(own, |deadline| deadline.min(own)), server: self.server.clone() }
    }

    fn was_asked_for_certificate(&self) -> bool {
        self.certificate_requests.as_ref().is_some_and(|requests| requests.was_asked())
    }

    /// The fault for a missing answer, with its reason in words.
    fn to_fault(&self, operation: OperationKind, no_answer: &NoAnswer) -> OperationFault {
        let reason = match no_answer {
            NoAnswer::TimedOut => format!("no answer within {:?} (operation_timeout)", self.operation_timeout),
            NoAnswer::ServerDown(reason) => reason.to_string(),
            // What a server that demands a certificate does at the first word, and others seldom.
            NoAnswer::Connection(ConnectionError::Closed) if self.operation_count == 1 && self.was_asked_for_certificate() => {
                "it asked for a certificate of ours, got none, and closed the connection: if it demands one (mutual TLS), set \
                 client_certificate_file and client_key_file"
                    .to_owned()
            }
            NoAnswer::Connection(broken) => broken.to_string(),
            // No fault of the server's, and another has no other answer.
            NoAnswer::NoDeepStack(no_stack) => return OperationFault::unreachable(operation, no_stack.to_string()),
        };
        OperationFault::connection_failed(operation, reason)
    }
}

/// The reason why an operation has no answer.
#[derive(Debug)]
enum NoAnswer {
    TimedOut,
    /// The server went down meanwhile, as other connections found out.
    ServerDown(Arc<str>),
    Connection(ConnectionError),
    NoDeepStack(NoDeepStack),
}

impl From<NoDeepStack> for NoAnswer {
    fn from(no_stack: NoDeepStack) -> Self {
        Self::NoDeepStack(no_stack)
    }
}

/// The wait of one operation for its answer.
struct AnswerWait {
    started: Instant,
    deadline: Instant,
    server: Option<WatchedServer>,
}

impl AnswerWait {
    /// Waits until the deadline. When an answer is long in coming, the server is probed on another connection, and the
    /// wait ends if it is not there: a server that is slow is waited for, one that is dead is not.
    async fn until_answered<T>(&self, answer: impl Future<Output = Result<T, ConnectionError>>) -> Result<T, NoAnswer> {
        let answered = async {
            tokio::select! {
                biased;
                answer = answer => answer.map_err(NoAnswer::Connection),
                reason = self.server_goes_down() => Err(NoAnswer::ServerDown(reason)),
            }
        };
        // Unlike a sleep beside the answer, this ends the wait for a server that never stops talking, too.
        timeout_at(self.deadline, answered).await.unwrap_or(Err(NoAnswer::TimedOut))
    }

    /// Resolves when the server is known to be down.
    async fn server_goes_down(&self) -> Arc<str> {
        let Some(WatchedServer { server, outage_count: outages }) = &self.server else {
            return std::future::pending().await;
        };
        let suspicious = async {
            tokio::time::sleep(server.probe_delay()).await;
            // The result is recorded with the server, which is waited for here.
            let _ = server.probe().await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = server.wait_for_outage(*outages) => {}
            () = suspicious => {}
        }
        server.outage().map_or_else(|| "the server went down".into(), |outage| outage.reason)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use ldap3::{LdapConnSettings, Scope, StdStream};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::telemetry::Metrics;

    const ANYBODY: SearchRequest<'_> =
        SearchRequest { base: "", scope: Scope::Base, filter: "(cn=*)", attributes: &[], limit: 1 };

    /// A connection whose operations take so long at the most, and its other end.
    pub(super) async fn connected(operation_timeout: Duration) -> (LdapConnection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let stream = stream.into_std().unwrap();
        let socket = stream.try_clone().unwrap();
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Tcp(stream));
        let ends = LdapConnAsync::with_settings(settings, "ldap://localhost").await.unwrap();
        let metrics = ConnectionMetrics::new(Metrics::new().directory(), "ldap://server.example".to_owned());
        (LdapConnection::new(ends, socket, operation_timeout, metrics), server)
    }

    async fn reason(connection: &mut LdapConnection) -> String {
        let fault = connection.search(OperationKind::Search, &ANYBODY).await.map(|_| ()).unwrap_err();
        assert!(fault.connection_failed && !connection.is_usable());
        fault.reason().unwrap().to_owned()
    }

    /// Answers the first request with these bytes, and stays.
    pub(super) async fn answer(server: &mut TcpStream, bytes: &[u8]) {
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
    async fn a_search_that_takes_too_long_is_abandoned_by_its_own_id() {
        const DONE: &[u8] = &[0x30, 0x0c, 0x02, 0x01, 0x01, 0x65, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00];
        let (mut connection, mut server) = connected(Duration::from_secs(1)).await;
        let searches = async {
            connection.search(OperationKind::Search, &ANYBODY).await.map(|_| ()).unwrap();
            reason(&mut connection).await
        };
        let hears = async {
            answer(&mut server, DONE).await;
            answer(&mut server, &[]).await;
            let mut abandon = [0; 8];
            server.read_exact(&mut abandon).await.unwrap();
            abandon
        };
        let (reason, abandon) = tokio::join!(searches, hears);
        assert!(reason.contains("no answer within"), "{reason}");
        // The third request, about the second.
        assert_eq!(abandon, [0x30, 0x06, 0x02, 0x01, 0x03, 0x50, 0x01, 0x02]);
    }

    #[tokio::test]
    async fn what_is_no_ldap_ends_the_connection_and_nothing_else() {
        let not_ldap = "its answer is not LDAP as RFC 4511 has it";
        let deepest = nested(50_000);
        for bytes in [
            // Not a message; one without an operation; an operation that is none.
            &[0x04, 0x00][..],
            &[0x30, 0x03, 0x02, 0x01, 0x01],
            &[0x30, 0x05, 0x02, 0x01, 0x01, 0x7e, 0x00],
            &[0x30, 0x80],
            &deepest,
        ] {
            let (mut connection, mut server) = connected(Duration::from_mins(1)).await;
            let (reason, ()) = tokio::join!(reason(&mut connection), answer(&mut server, bytes));
            assert_eq!(reason, not_ldap, "{:02x?}", &bytes[..bytes.len().min(12)]);
        }
    }

    #[tokio::test]
    async fn a_connection_is_sound_until_the_server_hangs_up() {
        let (connection, server) = connected(Duration::from_mins(1)).await;
        assert!(connection.is_usable());
        drop(server);
        let (mut connection, mut server) = connected(Duration::from_mins(1)).await;
        let hangs_up = async {
            answer(&mut server, &[]).await;
            drop(server);
        };
        assert_eq!(tokio::join!(reason(&mut connection), hangs_up).0, "it closed the connection");
        let (mut connection, mut server) = connected(Duration::from_mins(1)).await;
        let hangs_up = async {
            answer(&mut server, &[0x30, 0x0c, 0x02]).await;
            drop(server);
        };
        assert_eq!(tokio::join!(reason(&mut connection), hangs_up).0, "it closed the connection", "in half a message");
    }
}
