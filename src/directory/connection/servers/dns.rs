use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

/// The timeout of a DNS query, with its repetitions.
pub(super) const DNS_TIMEOUT: Duration = Duration::from_secs(2);

/// The most hosts whose addresses are remembered: some times as many as there are servers at once.
const MAX_HOSTS: usize = 64;

/// The DNS resolver: the name servers in the settings, or the system's.
pub(in crate::directory) struct DnsResolver {
    name_servers: Vec<SocketAddr>,
    /// The addresses of each host when it was last resolved.
    last_known: Mutex<HashMap<String, Vec<IpAddr>>>,
    resolver: OnceLock<Result<TokioResolver, String>>,
}

/// An SRV record (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SrvRecord {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    /// Without the dot at its end.
    pub(super) target: String,
}

impl DnsResolver {
    pub(in crate::directory) fn new(name_servers: Vec<SocketAddr>) -> Self {
        Self { name_servers, last_known: Mutex::default(), resolver: OnceLock::new() }
    }

    /// The addresses of a host, as the system resolves it (with its hosts file and all), or by the settings' servers.
    ///
    /// # Errors
    /// The reason why there are none.
    pub(in crate::directory) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        let found = self.lookup_addresses(host, port).await?;
        let mut known = self.last_known.lock().unwrap_or_else(PoisonError::into_inner);
        if !found.is_empty() && (known.len() < MAX_HOSTS || known.contains_key(host)) {
            known.insert(host.to_owned(), found.iter().map(SocketAddr::ip).collect());
        }
        Ok(found)
    }

    /// The addresses of the host when it was last resolved.
    pub(in crate::directory) fn last_known(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let known = self.last_known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(host).map(|addresses| addresses.iter().map(|address| SocketAddr::new(*address, port)).collect())
    }

    async fn lookup_addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        if self.name_servers.is_empty() || host.parse::<IpAddr>().is_ok() {
            let found = tokio::net::lookup_host((host, port)).await.map_err(|error| error.to_string())?;
            return Ok(found.collect());
        }
        let found = self.resolver()?.lookup_ip(fully_qualified(host)).await.map_err(|error| error.to_string())?;
        Ok(found.iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// The SRV records of a name; none when there is no such name.
    pub(super) async fn lookup_srv(&self, name: &str) -> Result<Vec<SrvRecord>, String> {
        let found = match self.resolver()?.srv_lookup(fully_qualified(name)).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => return Ok(Vec::new()),
            Err(error) => return Err(error.to_string()),
        };
        let record = |data: &RData| match data {
            RData::SRV(srv) => Some(SrvRecord {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target: srv.target.to_utf8().trim_end_matches('.').to_lowercase(),
            }),
            _ => None,
        };
        Ok(found.answers().iter().filter_map(|answer| record(&answer.data)).collect())
    }

    fn resolver(&self) -> Result<&TokioResolver, String> {
        let built = self.resolver.get_or_init(|| {
            let mut builder = if self.name_servers.is_empty() {
                TokioResolver::builder_tokio().map_err(|error| format!("the system's DNS settings: {error}"))?
            } else {
                let servers = self.name_servers.iter().map(|address| name_server(*address)).collect();
                let config = ResolverConfig::from_name_servers(servers);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            };
            builder.options_mut().timeout = DNS_TIMEOUT / 2;
            builder.options_mut().attempts = 2;
            builder.build().map_err(|error| error.to_string())
        });
        built.as_ref().map_err(Clone::clone)
    }
}

/// The name with a dot at its end: no search domain is ever tried behind it.
fn fully_qualified(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let with_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![with_port(ConnectionConfig::udp()), with_port(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}
