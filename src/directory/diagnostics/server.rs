use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::certificate::Expected;
use super::handshake::shake_hands;
use super::report::{Authority, Known, Section, Step};
use super::run::{Questions, too_long};
use super::service::failed;
use super::{certificate, reach, root};
use crate::config::{LdapScheme, ServerAddress};
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{DirectoryProfile, LdapConnection, OperationFault, TlsClient};

/// The steps at one server, behind the ones that reach it.
const AT_A_SERVER: &[&str] = &["RootDSE", "clock", "service account"];

/// How an unknown CA's certificate is saved and then used, where the settings are there already.
const SAVE_CA: &str = "save it by `belvedere doctor --save-ca corp-ca.pem`, and set ca_file = \"corp-ca.pem\"";

/// One server, as far as strangers may look.
pub(super) struct Reached {
    pub(super) section: Section,
    pub(super) open: Option<Open>,
    pub(super) authority: Option<Authority>,
}

/// A verified connection to a server that has said what it is.
pub(super) struct Open {
    pub(super) connection: LdapConnection,
    pub(super) profile: DirectoryProfile,
    pub(super) known: Known,
}

impl LdapDirectory {
    /// Takes every step at this server that needs no account, until `deadline`.
    pub(super) async fn reach_in_time(
        &self,
        server: &ServerAddress,
        questions: &Questions<'_>,
        deadline: Instant,
    ) -> Reached {
        if let Ok(reached) = timeout_at(deadline, self.reach_one(server, questions)).await {
            return reached;
        }
        let mut section = Section::new(server.to_string());
        section.note(Step::failure("time", too_long(), "see whether the server is overloaded, then examine again"));
        Reached { section, open: None, authority: None }
    }

    async fn reach_one(&self, server: &ServerAddress, questions: &Questions<'_>) -> Reached {
        let mut reached = Reached { section: Section::new(server.to_string()), open: None, authority: None };
        let patience = self.settings.dial_timeout;
        let addresses = match reach::look_up(&self.dialler.resolver, server, patience).await {
            Ok((step, addresses)) => {
                reached.section.note(step);
                addresses
            }
            Err(step) => {
                reached.section.note(step);
                reached.section.skip(&["TCP", "TLS"], "its name has no address");
                reached.section.skip(AT_A_SERVER, "its name has no address");
                return reached;
            }
        };
        let stream = match reach::connect(server, &addresses, patience).await {
            Ok((step, stream)) => {
                reached.section.note(step);
                stream
            }
            Err(step) => {
                reached.section.note(step);
                reached.section.skip(&["TLS"], "nothing answers there");
                reached.section.skip(AT_A_SERVER, "nothing answers there");
                return reached;
            }
        };
        let (step, authority) = self.look_at_tls(server, &addresses, stream, questions).await;
        reached.authority = authority;
        if reached.section.note(step) {
            self.open(server, &mut reached).await;
        } else {
            reached.section.skip(AT_A_SERVER, "nothing is said to a server that is not sure to be the right one");
        }
        reached
    }

    async fn look_at_tls(
        &self,
        server: &ServerAddress,
        addresses: &[SocketAddr],
        stream: TcpStream,
        questions: &Questions<'_>,
    ) -> (Step, Option<Authority>) {
        const NAME: &str = "TLS";
        let start_tls = server.scheme == LdapScheme::Ldap && self.settings.start_tls;
        if server.scheme == LdapScheme::Ldap && !start_tls {
            return (self.without_tls(addresses), None);
        }
        let tls = match TlsClient::new(self.settings.ca_file.as_deref()) {
            Ok(tls) => tls,
            Err(fault) => {
                return (Step::failure(NAME, fault.to_string(), "correct ca_file, or write the file"), None);
            }
        };
        let patience = self.settings.dial_timeout;
        let Ok(shaken) = timeout(patience, shake_hands(stream, &server.host, start_tls)).await else {
            let reason = format!("there was no TLS handshake within {patience:?} (dial_timeout)");
            let remedy =
                "check that this port speaks LDAPS (636 does, 389 does not), and that nothing between delays it";
            return (Step::failure(NAME, reason, remedy), None);
        };
        match shaken {
            Ok(shown) => {
                let ca_file = self.settings.ca_file.as_deref();
                let (now, save_ca) = (self.clock.now(), questions.save_ca.unwrap_or(SAVE_CA));
                certificate::judge(&shown, &Expected { host: &server.host, tls: &tls, ca_file, save_ca, now })
            }
            Err(fault) => (certificate::no_handshake(fault, start_tls), None),
        }
    }

    fn without_tls(&self, addresses: &[SocketAddr]) -> Step {
        const NAME: &str = "TLS";
        let reason = "plain LDAP: everybody's password crosses the network readable";
        let remedy = "write an ldaps:// URL in url, or set start_tls = true";
        if addresses.iter().all(|address| address.ip().to_canonical().is_loopback()) {
            Step::skipped(NAME, "plain LDAP, which stays on this machine")
        } else if self.settings.allow_plaintext {
            Step::warning(NAME, reason, format!("{remedy}, and take allow_plaintext out"))
        } else {
            Step::failure(NAME, reason, remedy)
        }
    }

    /// A connection as ever, certificate verified and all, and what the server says of itself over it.
    async fn open(&self, server: &ServerAddress, reached: &mut Reached) {
        let section = &mut reached.section;
        let mut connection = match self.dialler.dial(server).await {
            Ok(connection) => connection,
            Err(fault) => {
                section.note(failed("RootDSE", &fault));
                section.skip(&AT_A_SERVER[1..], "there is no connection");
                return;
            }
        };
        let looked = async {
            let root = root::read(&mut connection).await?;
            let profile = DirectoryProfile::discover(&self.settings, &mut connection).await?;
            Ok::<_, OperationFault>((root, profile))
        };
        match looked.await {
            Ok((root, profile)) => {
                let known = root::known(&root, &profile);
                section.note(root::step(&root, &known));
                section.note(root::clock(&root, self.clock.now()));
                reached.open = Some(Open { connection, profile, known });
            }
            Err(fault) => {
                section.note(failed("RootDSE", &fault));
                section.skip(&AT_A_SERVER[1..], "the server does not say what it is");
            }
        }
    }
}
