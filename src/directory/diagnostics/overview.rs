use crate::directory::client::LdapDirectory;
use crate::directory::connection::DirectoryServer;
use crate::domain::Timestamp;

/// How a server does, as far as anybody has noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerNow {
    /// Its address, as in `url`.
    pub address: String,
    /// Since when it does not answer, and why; `None` while it does.
    pub down: Option<(Timestamp, String)>,
}

impl LdapDirectory {
    /// The servers known now, in the order in which they are asked. Nobody is dialled for this.
    pub fn servers_now(&self) -> Vec<ServerNow> {
        let known = self.servers.known();
        let now = |server: &DirectoryServer| ServerNow {
            address: server.address.to_string(),
            down: server.outage().map(|down| (down.since, down.reason.to_string())),
        };
        known.iter().map(|server| now(server)).collect()
    }
}
