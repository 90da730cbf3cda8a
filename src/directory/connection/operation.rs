use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::fault::Fault;
use super::pool::{Lease, Pool};
use super::refusal::{Refusal, Unreachable};
use super::servers::Server;

/// A question is asked at most this often: on a connection that turned out to be dead, and of every other server that
/// a list commonly has. The deadline ends it in any case.
const MOST_TRIES: u32 = 4;

/// One question of somebody who waits: since when, until when, and what failed on the way.
pub(in crate::directory) struct Inquiry {
    asked: &'static str,
    started: Instant,
    pub(in crate::directory) deadline: Instant,
    tries: u32,
    server: Option<Arc<Server>>,
}

impl Inquiry {
    /// A question that begins now.
    pub(in crate::directory) fn begin(asked: &'static str, within: Duration) -> Self {
        let started = Instant::now();
        Self { asked, started, deadline: started + within, tries: 0, server: None }
    }

    /// A connection for the next try.
    pub(in crate::directory) async fn take(&mut self, pool: &Pool) -> Result<Lease, Fault> {
        self.tries += 1;
        let lease = Box::pin(pool.take(self.deadline)).await?;
        self.server = lease.server().cloned();
        Ok(lease)
    }

    /// Whether this answer is the last word, or another try may bring a better one; its server is named in its reason.
    /// A server that failed on a new connection, or that says it is overloaded, is not asked again for now; on a kept
    /// connection it may only have closed that.
    pub(in crate::directory) fn settle<T>(
        &self,
        answer: Result<T, Fault>,
        lease: &Lease,
    ) -> ControlFlow<Result<T, Fault>> {
        match self.note(answer, lease) {
            Err(fault) if fault.another_server_may_help() && self.has_another_try() => ControlFlow::Continue(()),
            settled => ControlFlow::Break(settled),
        }
    }

    /// The answer to what cannot be asked again, with its server named in the reason.
    pub(in crate::directory) fn note<T>(&self, answer: Result<T, Fault>, lease: &Lease) -> Result<T, Fault> {
        let Some(server) = lease.server() else { return answer };
        let fault = match answer {
            Ok(answer) => {
                server.answered();
                return Ok(answer);
            }
            Err(fault) => fault,
        };
        let reason = fault.reason().unwrap_or_default();
        if fault.is_overloaded() {
            server.rest(reason);
        } else if fault.broken && Instant::now() >= self.deadline {
            server.kept_silent(reason);
        } else if fault.broken && lease.is_new() {
            server.mark_down(reason);
        }
        Err(fault.at(&server.address))
    }

    fn has_another_try(&self) -> bool {
        self.tries < MOST_TRIES && Instant::now() < self.deadline
    }

    /// The end of a question that has no answer about a person: nobody is refused by it.
    ///
    /// # Errors
    /// [`Unreachable`], logged.
    pub(in crate::directory) fn conclude_or_unreachable<T>(self, answer: Result<T, Fault>) -> Result<T, Unreachable> {
        self.conclude(answer).map_err(|refusal| match refusal {
            Refusal::Unreachable(unreachable) => unreachable,
            other => Unreachable { reason: other.to_string(), password_sent: false },
        })
    }

    /// The end of every question: notes faults and refusals in the log, each once.
    pub(in crate::directory) fn conclude<T>(self, answer: Result<T, Fault>) -> Result<T, Refusal> {
        let elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Fault { refusal, operation, result_code, sub_code, broken: _ } = match answer {
            Ok(answer) => return Ok(answer),
            Err(fault) => fault,
        };
        let asked = self.asked;
        let server = self.server.map(|server| server.address.to_string());
        let server = server.as_deref();
        let sub_code = sub_code.map(|code| format!("{code:x}"));
        match &refusal {
            Refusal::Unreachable(Unreachable { reason, password_sent }) => tracing::warn!(
                asked, server, %operation, result_code, sub_code, elapsed_ms, password_sent, reason,
                "the directory cannot be reached"
            ),
            refusal => tracing::info!(
                asked, server, %operation, result_code, sub_code, elapsed_ms, %refusal,
                "the directory refused somebody"
            ),
        }
        Err(refusal)
    }
}
