use std::future::{Future, poll_fn};
use std::io;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use ldap3::{LdapConnAsync, LdapError};
use rustix::io::ioctl_fionread;
use tokio::task::coop::has_budget_remaining;

use super::tls::in_words;
use crate::tls::explain;

/// The stack on which the `ldap3` crate is polled. It reads nested elements by recursion and without a limit, some 400
/// bytes a level (2 KiB without optimisation), and overflowing its stack would end the whole process. LDAP needs ten
/// levels; this is enough for as many as three megabytes can hold. Only what is used of it takes memory.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// The most bytes that are read on the caller's own stack, of some two megabytes: a level takes four of them, but for the
/// innermost, so they nest 2,100 levels deep at the most, and 320 without optimisation. Most answers are shorter, and making
/// a deep stack costs more than reading one of them.
const MAX_SHALLOW_BYTES: usize = if cfg!(debug_assertions) { 1024 } else { 8 * 1024 };

/// The `ldap3` crate's end of a connection, which ends with it.
type ConnectionFuture = Pin<Box<dyn Future<Output = Result<(), LdapError>> + Send>>;

/// Drives the `ldap3` crate's end of a connection in the caller's task: it writes requests and reads answers while an
/// operation is [driven](ConnectionDriver::drive), and rests in between.
///
/// The crate panics on some malformed answers. That ends this connection and nothing else.
pub(super) struct ConnectionDriver {
    /// `None` once the connection has ended.
    running: Option<ConnectionFuture>,
    received: Arc<ReceivedBytes>,
}

/// The number of bytes that a server has sent since its answers were last read whole. It bounds how deep they can nest.
pub(super) struct ReceivedBytes {
    /// The connection's socket, to ask the system what has come.
    socket: TcpStream,
    count: AtomicUsize,
}

impl ReceivedBytes {
    /// Counts what has come and is not read yet. What is still unread the next time is counted again.
    fn count_unread(&self) {
        let unread = ioctl_fionread(&self.socket).ok().and_then(|unread| usize::try_from(unread).ok()).unwrap_or(usize::MAX);
        self.count.store(self.count.load(Ordering::Relaxed).saturating_add(unread), Ordering::Relaxed);
    }

    /// The number so far, and what was counted more than once.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Forgets what was counted: all of it was read, and nothing is left in part.
    pub(super) fn reset(&self) {
        self.count.store(0, Ordering::Relaxed);
    }

    /// Runs `work` on a stack that is deep enough for what was counted.
    fn on_fitting_stack<T>(&self, work: impl FnOnce() -> T) -> Result<T, NoDeepStack> {
        if self.count.load(Ordering::Relaxed) > MAX_SHALLOW_BYTES { on_deep_stack(work) } else { Ok(work()) }
    }
}

/// The reason why a connection is of no more use, or a request cannot be sent on any.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error("it closed the connection")]
    Closed,
    #[error("the connection broke: {0}")]
    Io(io::Error),
    #[error("{}", in_words(&explain(.0)))]
    Tls(rustls::Error),
    #[error("its answer is not LDAP as RFC 4511 has it")]
    Malformed,
    #[error("the filter is not one: check person_filter and group_filter")]
    Filter,
}

/// There is no memory for a deep stack.
#[derive(Debug, thiserror::Error)]
#[error(
    "this machine has no {} MiB of address space to read answers in: check its memory, vm.overcommit_memory, and \
     ulimit -v",
    STACK_BYTES / 1024 / 1024
)]
pub(super) struct NoDeepStack;

impl ConnectionDriver {
    /// A driver for a connection that was just made over `socket`.
    pub(super) fn new(end: LdapConnAsync, socket: TcpStream) -> Self {
        let received = Arc::new(ReceivedBytes { socket, count: AtomicUsize::new(0) });
        Self { running: Some(Box::pin(end.drive())), received }
    }

    /// The number of bytes that the server has sent.
    pub(super) fn received(&self) -> &Arc<ReceivedBytes> {
        &self.received
    }

    /// Drives the connection until `operation` has its answer, or there will be none. To be polled
    /// [on a fitting stack](poll_on_fitting_stack).
    pub(super) async fn drive<T>(
        &mut self,
        operation: impl Future<Output = Result<T, LdapError>>,
    ) -> Result<T, ConnectionError> {
        let mut operation = pin!(operation);
        poll_fn(|context| {
            let polled = catch_unwind(AssertUnwindSafe(|| self.poll(operation.as_mut(), context)));
            polled.unwrap_or_else(|_panic| {
                self.running = None;
                Poll::Ready(Err(ConnectionError::Malformed))
            })
        })
        .await
    }

    /// Polls the operation, which hands its request over; the connection, which sends it, or reads the answer; and the
    /// operation again, which takes the answer.
    fn poll<T>(
        &mut self,
        mut operation: Pin<&mut impl Future<Output = Result<T, LdapError>>>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, ConnectionError>> {
        if let Poll::Ready(answer) = operation.as_mut().poll(context) {
            return Poll::Ready(answer.map_err(ConnectionError::from));
        }
        let end = self.poll_connection(context);
        match (operation.poll(context), end) {
            (Poll::Ready(Ok(answer)), _) => Poll::Ready(Ok(answer)),
            (_, Some(broken)) => Poll::Ready(Err(broken)),
            (Poll::Ready(Err(error)), None) => Poll::Ready(Err(error.into())),
            (Poll::Pending, None) => Poll::Pending,
        }
    }

    /// Polls the connection: the reason why it has ended, once it has.
    fn poll_connection(&mut self, context: &mut Context<'_>) -> Option<ConnectionError> {
        let Some(running) = &mut self.running else { return Some(ConnectionError::Closed) };
        let Poll::Ready(ended) = running.as_mut().poll(context) else { return None };
        self.running = None;
        Some(ended.err().map_or(ConnectionError::Closed, ConnectionError::from))
    }

    /// Whether the connection is open, as far as can be known without an operation: the server has not hung up, and
    /// does not talk on and on. Nothing can be known by a task that has used up its time.
    pub(super) fn is_open(&mut self) -> bool {
        let Some(running) = &mut self.running else { return false };
        if !has_budget_remaining() {
            return true;
        }
        let polled = || running.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.received.count_unread();
        let polled = self.received.on_fitting_stack(|| catch_unwind(AssertUnwindSafe(polled)));
        // A server that talks faster than it is heard ends the task's time, and would otherwise be heard for ever.
        let stands = matches!(polled, Ok(Ok(Poll::Pending))) && has_budget_remaining();
        if !stands {
            self.running = None;
        }
        stands
    }
}

impl From<LdapError> for ConnectionError {
    fn from(error: LdapError) -> Self {
        match error {
            LdapError::FilterParsing => Self::Filter,
            LdapError::Io { source } => source.into(),
            // The channels between an operation and its connection, whose end is the reason.
            _ => Self::Closed,
        }
    }
}

impl From<io::Error> for ConnectionError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Closed,
            // Half a message, and no more.
            io::ErrorKind::Other if error.to_string() == "bytes remaining on stream" => Self::Closed,
            // The crate's word for what it cannot decode.
            io::ErrorKind::Other if error.get_ref().is_none_or(|inner| !inner.is::<rustls::Error>()) => Self::Malformed,
            _ => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(fault) => Self::Tls(fault.clone()),
                None => Self::Io(error),
            },
        }
    }
}

/// Polls and drops `future` on a stack that is deep enough for what the server has sent.
pub(super) fn poll_on_fitting_stack<T, E: From<NoDeepStack>>(
    received: Arc<ReceivedBytes>,
    future: impl Future<Output = Result<T, E>>,
) -> impl Future<Output = Result<T, E>> {
    struct OnStack<F>(Option<Pin<Box<F>>>, Arc<ReceivedBytes>);

    impl<F: Future<Output = Result<T, E>>, T, E: From<NoDeepStack>> Future for OnStack<F> {
        type Output = Result<T, E>;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
            let Self(future, received) = &mut *self;
            received.count_unread();
            let polled = received.on_fitting_stack(|| {
                let polled = future.as_mut().map_or(Poll::Pending, |future| future.as_mut().poll(context));
                if polled.is_ready() {
                    *future = None;
                }
                polled
            });
            polled.unwrap_or_else(|no_stack| Poll::Ready(Err(no_stack.into())))
        }
    }

    impl<F> Drop for OnStack<F> {
        // What was read is as deep, and dropping it recurses as reading did.
        fn drop(&mut self) {
            // Without that stack it is dropped on this one: a panic here, during another, would end the process.
            let Self(future, received) = self;
            if future.is_some() {
                let _ = received.on_fitting_stack(|| *future = None);
            }
        }
    }

    OnStack(Some(Box::pin(future)), received)
}

/// Runs `work` on a stack of [`STACK_BYTES`] bytes.
pub(super) fn on_deep_stack<T>(work: impl FnOnce() -> T) -> Result<T, NoDeepStack> {
    on_stack(STACK_BYTES, work)
}

/// Runs `work` on a stack of so many bytes. Where there is none, `stacker` panics; `work` is not run then.
fn on_stack<T>(bytes: usize, work: impl FnOnce() -> T) -> Result<T, NoDeepStack> {
    let mut done = None;
    let work = || done = Some(catch_unwind(AssertUnwindSafe(work)));
    // Whether there was a stack is known by whether anything was done on it.
    let _ = catch_unwind(AssertUnwindSafe(|| stacker::maybe_grow(bytes, bytes, work)));
    done.ok_or(NoDeepStack)?.map_or_else(|panic| resume_unwind(panic), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_memory_for_a_stack_an_operation_fails_and_nothing_else() {
        assert_eq!(on_stack(1 << 20, || 1).ok(), Some(1));
        assert!(on_stack(usize::MAX / 4, || 1).is_err());
        let panicked = catch_unwind(|| on_stack(1 << 20, || panic!("its own")));
        assert_eq!(panicked.err().and_then(|panic| panic.downcast_ref().copied()), Some("its own"));
    }
}
