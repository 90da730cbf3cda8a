use std::sync::{Arc, PoisonError, RwLock};

use futures::stream::{FuturesUnordered, StreamExt as _};

use super::discover::Srv;
use super::server::{Prober, Server};
use crate::config::{DirectorySettings, ServerAddress, Servers};
use crate::directory::connection::fault::{Fault, Operation};
use crate::directory::connection::ldap_connection::Connection;

/// The servers of one directory, in the order in which they are to be asked.
pub(in crate::directory) struct ServerSet {
    prober: Arc<Prober>,
    /// Who says which there are, where the settings do not.
    srv: Option<Srv>,
    known: RwLock<Arc<[Arc<Server>]>>,
}

impl ServerSet {
    pub(in crate::directory) fn new(settings: &DirectorySettings, prober: Arc<Prober>) -> Self {
        let srv = match &settings.servers {
            Servers::Listed(_) => None,
            Servers::Discovered(discovery) => {
                Some(Srv::new(discovery.clone(), Arc::clone(&prober.dialler.names), Arc::clone(&prober.clock)))
            }
        };
        let listed = settings.servers.listed();
        let known = listed.iter().map(|address| Arc::new(Server::new(address.clone(), Arc::clone(&prober)))).collect();
        Self { prober, srv, known: RwLock::new(known) }
    }

    /// The servers known now, without asking anybody.
    pub(in crate::directory) fn known(&self) -> Arc<[Arc<Server>]> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What DNS last said, a line for each server; `None` where the settings list them.
    pub(in crate::directory) fn found(&self) -> Option<Vec<String>> {
        self.srv.as_ref().map(Srv::found)
    }

    /// The servers, asked of DNS where it names them and has not been asked for a while.
    ///
    /// # Errors
    /// When DNS names none, and has not before.
    pub(in crate::directory) async fn list(&self) -> Result<Arc<[Arc<Server>]>, Fault> {
        let known = self.known();
        let Some(srv) = &self.srv else { return Ok(known) };
        let nobody_answers = !known.iter().any(|server| server.is_up());
        match srv.look_up(nobody_answers).await {
            Ok(Some(addresses)) => Ok(self.replace(addresses)),
            Ok(None) => Ok(self.known()),
            Err(fault) if known.is_empty() => Err(fault),
            Err(fault) => {
                let reason = fault.reason().unwrap_or_default();
                tracing::warn!(reason, "DNS does not name the directory's servers now: those known before are used");
                Ok(known)
            }
        }
    }

    /// A connection to the first server that answers. One that is down is only asked when all are: then all at once,
    /// since nobody knows which of them may have come back.
    ///
    /// # Errors
    /// What is wrong with each server.
    pub(in crate::directory) async fn dial(&self) -> Result<Connection, Fault> {
        let servers = self.list().await?;
        let mut faults = Vec::new();
        let (up, down): (Vec<_>, Vec<_>) = servers.iter().partition(|server| server.is_up());
        for server in up {
            match self.dial_one(server).await {
                Ok(connection) => return Ok(connection),
                Err(fault) => faults.push(fault.at(&server.address)),
            }
        }
        let mut probes: FuturesUnordered<_> =
            down.into_iter().map(async |server| (server, server.probe_anew().await)).collect();
        while let Some((server, answer)) = probes.next().await {
            let answer = match answer {
                Ok(()) => self.dial_one(server).await,
                Err(fault) => Err(fault),
            };
            match answer {
                Ok(connection) => return Ok(connection),
                Err(fault) => faults.push(fault.at(&server.address)),
            }
        }
        Err(all_of(&faults))
    }

    /// Whether any server answers now.
    ///
    /// # Errors
    /// What is wrong with each.
    pub(in crate::directory) async fn reach(&self) -> Result<(), Fault> {
        let servers = self.list().await?;
        let mut faults = Vec::new();
        let (up, down): (Vec<_>, Vec<_>) = servers.iter().partition(|server| server.is_up());
        for server in up.into_iter().chain(down) {
            match server.probe().await {
                Ok(()) => return Ok(()),
                Err(fault) => faults.push(fault.at(&server.address)),
            }
        }
        Err(all_of(&faults))
    }

    /// Dials a server that is up, or finds with everybody else who is dialling it that it is not.
    async fn dial_one(&self, server: &Arc<Server>) -> Result<Connection, Fault> {
        let downs = server.downs();
        tokio::select! {
            biased;
            dialled = self.prober.dialler.dial(&server.address) => match dialled {
                Ok(connection) => Ok(connection.to(server, downs)),
                Err(fault) => {
                    server.mark_down(fault.reason().unwrap_or_default());
                    Err(fault)
                }
            },
            () = server.goes_down(downs) => {
                let reason = server.down().map_or_else(|| "it went down".into(), |down| down.reason.to_string());
                Err(Fault::broken(Operation::Dial, reason))
            }
        }
    }

    /// Goes by a new list. Servers that were known keep what is known of them.
    fn replace(&self, addresses: Vec<ServerAddress>) -> Arc<[Arc<Server>]> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let server = |address: ServerAddress| {
            let same = known.iter().find(|server| server.address == address);
            same.map_or_else(|| Arc::new(Server::new(address, Arc::clone(&self.prober))), Arc::clone)
        };
        let new: Arc<[Arc<Server>]> = addresses.into_iter().map(server).collect();
        *known = Arc::clone(&new);
        new
    }
}

/// What was wrong with one server after the other.
fn all_of(faults: &[Fault]) -> Fault {
    let reasons: Vec<&str> = faults.iter().filter_map(Fault::reason).collect();
    Fault::broken(Operation::Dial, reasons.join("; "))
}
