use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, RedisConnectionInfo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::error::BusError;
use crate::config::{BusAddress, BusServers};
use crate::tls::{ServerTrust, explain_io};

/// How long a connection may take to be there, with its log-in: boards wait for it at the start alone.
const DIAL_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an answer may take. Until then boards may stand still, so it is short.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A stream of bytes to a server, over TLS or not.
trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

/// Opens connections to the bus.
pub(super) struct BusDialer {
    address: BusAddress,
    tls: Option<Arc<ClientConfig>>,
}

/// The connections of a node: one for commands, and one on which it listens.
pub(super) struct BusConnections {
    /// Host and port.
    pub(super) server: String,
    pub(super) commands: MultiplexedConnection,
    pub(super) news: PubSub,
    pub(super) driver: AbortOnDropHandle<()>,
}

impl BusDialer {
    /// A dialer for the bus at `address`, whose authorities are those of `ca_file`, or the system's.
    ///
    /// # Errors
    /// [`BusError::Trust`] where `bus_ca_file` cannot be used.
    pub(super) fn new(address: &BusAddress, ca_file: Option<&Path>) -> Result<Self, BusError> {
        let tls = if address.tls {
            let trust = ServerTrust::new(ca_file, &[]).map_err(BusError::Trust)?;
            Some(Arc::new(Arc::new(trust).client_config(None).map_err(BusError::Trust)?))
        } else {
            None
        };
        Ok(Self { address: address.clone(), tls })
    }

    /// Opens both connections, and logs in.
    ///
    /// # Errors
    /// Why there are none.
    pub(super) async fn dial(&self) -> Result<BusConnections, BusError> {
        let (host, port) = match &self.address.servers {
            BusServers::One(host, port) => (host.clone(), *port),
            BusServers::Sentinels(sentinels, master) => self.find_master(sentinels, master).await?,
        };
        let server = format!("{host}:{port}");
        in_time(&server, async {
            let log_in = self.log_in();
            let (commands, driver) = self.commands(&host, port, &log_in).await?;
            let stream = self.open(&host, port).await?;
            let news = PubSub::new(&log_in, stream).await.map_err(|error| BusError::of_command(&server, &error))?;
            Ok(BusConnections { server: server.clone(), commands, news, driver })
        })
        .await
    }

    /// The server that the first Sentinel who answers names as master.
    async fn find_master(&self, sentinels: &[(String, u16)], master: &str) -> Result<(String, u16), BusError> {
        let mut last = None;
        for (host, port) in sentinels {
            let server = format!("{host}:{port}");
            let asked = in_time(&server, async {
                // The user and the password are the master's.
                let (mut commands, _driver) = self.commands(host, *port, &RedisConnectionInfo::default()).await?;
                let mut question = redis::cmd("SENTINEL");
                question.arg("get-master-addr-by-name").arg(master);
                let answer: Option<(String, u16)> =
                    question.query_async(&mut commands).await.map_err(|error| BusError::of_command(&server, &error))?;
                answer.ok_or_else(|| BusError::NoMaster(master.to_owned(), format!("{server} knows none")))
            });
            match asked.await {
                Ok(found) => return Ok(found),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| BusError::NoMaster(master.to_owned(), "there is none to ask".to_owned())))
    }

    async fn commands(
        &self,
        host: &str,
        port: u16,
        log_in: &RedisConnectionInfo,
    ) -> Result<(MultiplexedConnection, AbortOnDropHandle<()>), BusError> {
        let stream = self.open(host, port).await?;
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
        let connected = MultiplexedConnection::new_with_config(log_in, stream, config).await;
        let (commands, driver) = connected.map_err(|error| BusError::of_command(&format!("{host}:{port}"), &error))?;
        Ok((commands, AbortOnDropHandle::new(tokio::spawn(driver))))
    }

    async fn open(&self, host: &str, port: u16) -> Result<Box<dyn ByteStream>, BusError> {
        let unreachable = |reason: String| BusError::Unreachable(format!("{host}:{port}"), reason);
        let stream = TcpStream::connect((host, port)).await.map_err(|error| unreachable(error.to_string()))?;
        // Each command is small, and waited for.
        stream.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| unreachable(error.to_string()))?;
        let secured = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
        let explain = |error: std::io::Error| explain_io(&error).reason;
        Ok(Box::new(secured.map_err(|error| unreachable(explain(error)))?))
    }

    fn log_in(&self) -> RedisConnectionInfo {
        let BusAddress { username, password, database, .. } = &self.address;
        let mut log_in = RedisConnectionInfo::default().set_db(*database);
        if let Some(username) = username {
            log_in = log_in.set_username(username);
        }
        if let Some(password) = password {
            log_in = log_in.set_password(password.expose());
        }
        log_in
    }
}

async fn in_time<T>(server: &str, work: impl Future<Output = Result<T, BusError>>) -> Result<T, BusError> {
    tokio::time::timeout(DIAL_TIMEOUT, work).await.unwrap_or_else(|_| Err(BusError::TimedOut(server.to_owned())))
}
