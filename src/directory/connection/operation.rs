use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::fault::OperationFault;
use super::pool::{ConnectionPool, PooledConnection};
use super::refusal::{DirectoryRefusal, Unreachable};
use super::servers::DirectoryServer;

/// The most attempts of one operation: on a connection that turned out to be dead, and on every other server that a
/// list commonly has. The deadline ends it in any case.
const MAX_ATTEMPTS: u32 = 4;

/// One operation on the directory, with its deadline, its attempts, and the server tried last.
pub(in crate::directory) struct Operation {
    name: &'static str,
    started: Instant,
    pub(in crate::directory) deadline: Instant,
    attempts: u32,
    server: Option<Arc<DirectoryServer>>,
}

impl Operation {
    /// Begins an operation now.
    pub(in crate::directory) fn begin(name: &'static str, within: Duration) -> Self {
        let started = Instant::now();
        Self { name, started, deadline: started + within, attempts: 0, server: None }
    }

    /// Acquires a connection for the next attempt.
    pub(in crate::directory) async fn acquire(&mut self, pool: &ConnectionPool) -> Result<PooledConnection, OperationFault> {
        self.attempts += 1;
        let connection = Box::pin(pool.acquire(self.deadline)).await?;
        self.server = connection.server().cloned();
        Ok(connection)
    }

    /// Ends an attempt: breaks with its result, or continues where another attempt may bring a better one. The server
    /// is named in a fault's reason. A server that failed on a new connection, or that says it is overloaded, is not
    /// asked again for now; on a kept connection it may only have closed that.
    pub(in crate::directory) fn finish_attempt<T>(
        &self,
        answer: Result<T, OperationFault>,
        connection: &PooledConnection,
    ) -> ControlFlow<Result<T, OperationFault>> {
        match self.record_result(answer, connection) {
            Err(fault) if fault.another_server_may_help() && self.may_retry() => ControlFlow::Continue(()),
            settled => ControlFlow::Break(settled),
        }
    }

    /// Records with the server whether it answered, and names it in a fault's reason. For what must not be tried again.
    pub(in crate::directory) fn record_result<T>(
        &self,
        answer: Result<T, OperationFault>,
        connection: &PooledConnection,
    ) -> Result<T, OperationFault> {
        let Some(server) = connection.server() else { return answer };
        let fault = match answer {
            Ok(answer) => {
                server.record_answer();
                return Ok(answer);
            }
            Err(fault) => fault,
        };
        let reason = fault.reason().unwrap_or_default();
        if fault.is_overloaded() {
            server.mark_overloaded(reason);
        } else if fault.connection_failed && Instant::now() >= self.deadline {
            server.record_timeout(reason);
        } else if fault.connection_failed && connection.is_first_use() {
            server.mark_down(reason);
        }
        Err(fault.at_server(&server.address))
    }

    fn may_retry(&self) -> bool {
        self.attempts < MAX_ATTEMPTS && Instant::now() < self.deadline
    }

    /// Ends an operation that is not about a person: nobody is refused by it.
    ///
    /// # Errors
    /// [`Unreachable`], logged.
    pub(in crate::directory) fn finish_or_unreachable<T>(self, answer: Result<T, OperationFault>) -> Result<T, Unreachable> {
        self.finish(answer).map_err(|refusal| match refusal {
            DirectoryRefusal::Unreachable(unreachable) => unreachable,
            other => Unreachable::new(other.to_string()),
        })
    }

    /// Ends an operation: logs a fault or refusal, each once.
    pub(in crate::directory) fn finish<T>(self, answer: Result<T, OperationFault>) -> Result<T, DirectoryRefusal> {
        let elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let OperationFault { refusal, operation, result_code, sub_code, cause, connection_failed: _ } = match answer {
            Ok(answer) => return Ok(answer),
            Err(fault) => fault,
        };
        let asked = self.name;
        let server = self.server.map(|server| server.address.to_string());
        let server = server.as_deref();
        let sub_code = sub_code.map(|code| format!("{code:x}"));
        match &refusal {
            DirectoryRefusal::Unreachable(unreachable) => {
                let Unreachable { reason, password, .. } = unreachable;
                tracing::warn!(
                    asked, server, %operation, result_code, sub_code, elapsed_ms, password = password.word(), reason,
                    "{}", unreachable.summary()
                );
            }
            // Nobody can sign in by it, and only whoever runs the directory can say why.
            DirectoryRefusal::NotJudged { reason } => tracing::warn!(
                asked, server, %operation, result_code, sub_code, elapsed_ms, reason,
                "the directory declined to judge a password"
            ),
            refusal => tracing::info!(
                asked, server, %operation, result_code, sub_code, elapsed_ms, %refusal, cause,
                "the directory refused somebody"
            ),
        }
        Err(refusal)
    }
}
