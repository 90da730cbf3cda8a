use std::sync::{Arc, PoisonError, RwLock};

use futures::stream::{FuturesUnordered, StreamExt as _};

use super::prober::Prober;
use super::server::{DirectoryServer, ServerContext};
use super::srv_discovery::SrvDiscovery;
use crate::config::{DirectoryServers, DirectorySettings, ServerAddress};
use crate::directory::connection::dial::Dialler;
use crate::directory::connection::fault::{OperationFault, OperationKind};
use crate::directory::connection::ldap_connection::LdapConnection;
use crate::domain::Clock;
use crate::telemetry::DirectoryMetrics;

/// The servers of one directory, in the order in which they are to be asked.
pub(in crate::directory) struct ServerSet {
    dialler: Arc<Dialler>,
    context: ServerContext,
    /// The discovery by DNS, where the settings do not list the servers.
    discovery: Option<SrvDiscovery>,
    known: RwLock<Arc<[Arc<DirectoryServer>]>>,
}

impl ServerSet {
    pub(in crate::directory) fn new(
        settings: &DirectorySettings,
        dialler: Arc<Dialler>,
        clock: Arc<dyn Clock>,
        metrics: DirectoryMetrics,
    ) -> Self {
        let dial_timeout = settings.dial_timeout;
        let probe = Arc::new(Prober { dialler: Arc::clone(&dialler), dial_timeout });
        let context = ServerContext { probe, clock, dial_timeout, metrics };
        let discovery = match &settings.servers {
            DirectoryServers::Listed(_) => None,
            DirectoryServers::Discovered(discovery) => {
                Some(SrvDiscovery::new(discovery.clone(), Arc::clone(&dialler.resolver), Arc::clone(&context.clock)))
            }
        };
        let listed = settings.servers.listed();
        let known = listed.iter().map(|address| Arc::new(DirectoryServer::new(address.clone(), context.clone()))).collect();
        Self { dialler, context, discovery, known: RwLock::new(known) }
    }

    /// The servers known now, without asking anybody.
    pub(in crate::directory) fn known(&self) -> Arc<[Arc<DirectoryServer>]> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The last answer of DNS, a line for each server; `None` where the settings list them.
    pub(in crate::directory) fn discovery_report(&self) -> Option<Vec<String>> {
        self.discovery.as_ref().map(SrvDiscovery::report)
    }

    /// The servers, asked of DNS where it names them and has not been asked for a while.
    ///
    /// # Errors
    /// When DNS names none, and has not before.
    pub(in crate::directory) async fn list(&self) -> Result<Arc<[Arc<DirectoryServer>]>, OperationFault> {
        let known = self.known();
        let Some(srv) = &self.discovery else { return Ok(known) };
        let nobody_answers = !known.iter().any(|server| server.is_up());
        match srv.discover(nobody_answers).await {
            Ok(Some(addresses)) => Ok(self.replace_list(addresses)),
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
    pub(in crate::directory) async fn dial(&self) -> Result<LdapConnection, OperationFault> {
        let servers = self.list().await?;
        let mut faults = Vec::new();
        let (up, down): (Vec<_>, Vec<_>) = servers.iter().partition(|server| server.is_up());
        for server in up {
            match self.dial_one(server).await {
                Ok(connection) => return Ok(connection),
                Err(fault) => faults.push(fault.at_server(&server.address)),
            }
        }
        let mut probes: FuturesUnordered<_> =
            down.into_iter().map(async |server| (server, server.fresh_probe().await)).collect();
        while let Some((server, answer)) = probes.next().await {
            let answer = match answer {
                Ok(()) => self.dial_one(server).await,
                Err(fault) => Err(fault),
            };
            match answer {
                Ok(connection) => return Ok(connection),
                Err(fault) => faults.push(fault.at_server(&server.address)),
            }
        }
        Err(combine_faults(&faults))
    }

    /// Whether any server answers now.
    ///
    /// # Errors
    /// What is wrong with each.
    pub(in crate::directory) async fn check_reachable(&self) -> Result<(), OperationFault> {
        let servers = self.list().await?;
        let mut faults = Vec::new();
        let (up, down): (Vec<_>, Vec<_>) = servers.iter().partition(|server| server.is_up());
        for server in up.into_iter().chain(down) {
            match server.probe().await {
                Ok(()) => return Ok(()),
                Err(fault) => faults.push(fault.at_server(&server.address)),
            }
        }
        Err(combine_faults(&faults))
    }

    /// Dials a server that is up, or finds with everybody else who is dialling it that it is not.
    async fn dial_one(&self, server: &Arc<DirectoryServer>) -> Result<LdapConnection, OperationFault> {
        let outages = server.outage_count();
        tokio::select! {
            biased;
            dialled = self.dialler.dial(&server.address) => match dialled {
                Ok(connection) => Ok(connection.with_server(server, outages)),
                Err(fault) => {
                    server.mark_down(fault.reason().unwrap_or_default());
                    Err(fault)
                }
            },
            () = server.wait_for_outage(outages) => {
                let reason = server.outage().map_or_else(|| "it went down".into(), |outage| outage.reason.to_string());
                Err(OperationFault::connection_failed(OperationKind::Dial, reason))
            }
        }
    }

    /// Replaces the list. Servers that were on it before keep their health.
    fn replace_list(&self, addresses: Vec<ServerAddress>) -> Arc<[Arc<DirectoryServer>]> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let server = |address: ServerAddress| {
            let same = known.iter().find(|server| server.address == address);
            same.map_or_else(|| Arc::new(DirectoryServer::new(address, self.context.clone())), Arc::clone)
        };
        let new: Arc<[Arc<DirectoryServer>]> = addresses.into_iter().map(server).collect();
        *known = Arc::clone(&new);
        new
    }
}

/// One fault with the reasons of all.
fn combine_faults(faults: &[OperationFault]) -> OperationFault {
    let reasons: Vec<&str> = faults.iter().filter_map(OperationFault::reason).collect();
    OperationFault::connection_failed(OperationKind::Dial, reasons.join("; "))
}
