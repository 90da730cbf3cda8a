use crate::directory::client::LdapDirectory;
use crate::directory::connection::DirectoryServer;
use crate::domain::Timestamp;

/// The status of a server, as far as anybody has noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerStatus {
    /// Its address, as in `url`.
    pub address: String,
    /// Since when it does not answer, and why; `None` while it does.
    pub outage: Option<(Timestamp, String)>,
}

impl LdapDirectory {
    /// The status of the servers known now, in the order in which they are asked. Nobody is dialled for this.
    pub fn server_statuses(&self) -> Vec<ServerStatus> {
        let known = self.servers.known();
        let now = |server: &DirectoryServer| ServerStatus {
            address: server.address.to_string(),
            outage: server.outage().map(|outage| (outage.since, outage.reason.to_string())),
        };
        known.iter().map(|server| now(server)).collect()
    }
}
