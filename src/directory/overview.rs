use super::LdapDirectory;
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
        let now = |server: &super::servers::Server| ServerNow {
            address: server.address.to_string(),
            down: server.down().map(|down| (down.since, down.reason.to_string())),
        };
        known.iter().map(|server| now(server)).collect()
    }

    /// The account that searches, by name; `None` when people search as themselves.
    pub fn service_account(&self) -> Option<&str> {
        self.settings.service_account.as_ref().map(|account| account.name.as_str())
    }

    /// Whether there is an account that searches.
    pub fn has_service_account(&self) -> bool {
        self.settings.service_account.is_some()
    }
}
