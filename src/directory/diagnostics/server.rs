use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::certificate::ExpectedCertificate;
use super::handshake::observe_handshake;
use super::report::{DiagnosticStep, DirectoryFacts, ReportSection, UntrustedCa};
use super::request::{DiagnosticsRequest, timeout_message};
use super::service::failed_step;
use super::{certificate, network, root_dse};
use crate::config::{LdapScheme, ServerAddress};
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{DirectoryProfile, LdapConnection, OperationFault, TlsClient};

/// The names of the steps at one server, after those that reach it.
const SERVER_STEPS: &[&str] = &["RootDSE", "clock", "service account"];

/// The advice on how an unknown CA's certificate is saved and then used, where there are settings already.
const SAVE_CA: &str = "save it by `belvedere doctor --save-ca corp-ca.pem`, and set ca_file = \"corp-ca.pem\"";

/// The steps at one server that need no account, and the connection they led to.
pub(super) struct ServerDiagnosis {
    pub(super) section: ReportSection,
    pub(super) identified: Option<IdentifiedServer>,
    pub(super) authority: Option<UntrustedCa>,
}

/// A verified connection to a server whose profile is known.
pub(super) struct IdentifiedServer {
    pub(super) connection: LdapConnection,
    pub(super) profile: DirectoryProfile,
    pub(super) facts: DirectoryFacts,
}

impl LdapDirectory {
    /// Runs every step at this server that needs no account, until `deadline`.
    pub(super) async fn diagnose_server_until(
        &self,
        server: &ServerAddress,
        request: &DiagnosticsRequest<'_>,
        deadline: Instant,
    ) -> ServerDiagnosis {
        if let Ok(diagnosis) = timeout_at(deadline, self.diagnose_server(server, request)).await {
            return diagnosis;
        }
        let mut section = ReportSection::new(server.to_string());
        section.push(DiagnosticStep::failure(
            "time",
            timeout_message(),
            "see whether the server is overloaded, then examine again",
        ));
        ServerDiagnosis { section, identified: None, authority: None }
    }

    async fn diagnose_server(&self, server: &ServerAddress, request: &DiagnosticsRequest<'_>) -> ServerDiagnosis {
        let mut diagnosis =
            ServerDiagnosis { section: ReportSection::new(server.to_string()), identified: None, authority: None };
        let dial_timeout = self.settings.dial_timeout;
        let addresses = match network::resolve_step(&self.dialler.resolver, server, dial_timeout).await {
            Ok((step, addresses)) => {
                diagnosis.section.push(step);
                addresses
            }
            Err(step) => {
                diagnosis.section.push(step);
                diagnosis.section.skip(&["TCP", "TLS"], "its name has no address");
                diagnosis.section.skip(SERVER_STEPS, "its name has no address");
                return diagnosis;
            }
        };
        let stream = match network::connect_step(server, &addresses, dial_timeout).await {
            Ok((step, stream)) => {
                diagnosis.section.push(step);
                stream
            }
            Err(step) => {
                diagnosis.section.push(step);
                diagnosis.section.skip(&["TLS"], "nothing answers there");
                diagnosis.section.skip(SERVER_STEPS, "nothing answers there");
                return diagnosis;
            }
        };
        let (step, authority) = self.diagnose_tls(server, &addresses, stream, request).await;
        diagnosis.authority = authority;
        if diagnosis.section.push(step) {
            self.identify_server(server, &mut diagnosis).await;
        } else {
            diagnosis.section.skip(SERVER_STEPS, "nothing is said to a server that is not sure to be the right one");
        }
        diagnosis
    }

    async fn diagnose_tls(
        &self,
        server: &ServerAddress,
        addresses: &[SocketAddr],
        stream: TcpStream,
        request: &DiagnosticsRequest<'_>,
    ) -> (DiagnosticStep, Option<UntrustedCa>) {
        const NAME: &str = "TLS";
        let start_tls = server.scheme == LdapScheme::Ldap && self.settings.start_tls;
        if server.scheme == LdapScheme::Ldap && !start_tls {
            return (self.no_tls_step(addresses), None);
        }
        let tls = match TlsClient::new(&self.settings) {
            Ok(tls) => tls,
            Err(fault) => {
                return (DiagnosticStep::failure(NAME, fault.to_string(), "correct that setting, or the file"), None);
            }
        };
        let dial_timeout = self.settings.dial_timeout;
        let Ok(handshake) = timeout(dial_timeout, observe_handshake(stream, (&server.host, &tls), start_tls)).await else {
            let reason = format!("there was no TLS handshake within {dial_timeout:?} (dial_timeout)");
            let remedy = "check that this port speaks LDAPS (636 does, 389 does not), and that nothing between delays it";
            return (DiagnosticStep::failure(NAME, reason, remedy), None);
        };
        match handshake {
            Ok(observed) => {
                let ca_file = self.settings.ca_file.as_deref();
                let (now, save_ca) = (self.clock.now(), request.save_ca.unwrap_or(SAVE_CA));
                certificate::certificate_step(
                    &observed,
                    &ExpectedCertificate { host: &server.host, tls: &tls, ca_file, save_ca, now },
                )
            }
            Err(fault) => (certificate::handshake_error_step(fault, start_tls), None),
        }
    }

    fn no_tls_step(&self, addresses: &[SocketAddr]) -> DiagnosticStep {
        const NAME: &str = "TLS";
        let reason = "plain LDAP: everybody's password crosses the network readable";
        let remedy = "write an ldaps:// URL in url, or set start_tls = true";
        if addresses.iter().all(|address| address.ip().to_canonical().is_loopback()) {
            DiagnosticStep::skipped(NAME, "plain LDAP, which stays on this machine")
        } else if self.settings.allow_plaintext {
            DiagnosticStep::warning(NAME, reason, format!("{remedy}, and take allow_plaintext out"))
        } else {
            DiagnosticStep::failure(NAME, reason, remedy)
        }
    }

    /// Dials the server as the client does, with its certificate verified, and reads its RootDSE.
    async fn identify_server(&self, server: &ServerAddress, diagnosis: &mut ServerDiagnosis) {
        let section = &mut diagnosis.section;
        let mut connection = match self.dialler.dial(server).await {
            Ok(connection) => connection,
            Err(fault) => {
                section.push(failed_step("RootDSE", &fault));
                section.skip(&SERVER_STEPS[1..], "there is no connection");
                return;
            }
        };
        let identified = async {
            let root = root_dse::read_root_dse(&mut connection).await?;
            let profile = DirectoryProfile::discover(&self.settings, &mut connection).await?;
            Ok::<_, OperationFault>((root, profile))
        };
        match identified.await {
            Ok((root, profile)) => {
                let known = root_dse::directory_facts(&root, &profile);
                section.push(root_dse::root_dse_step(&root, &known));
                section.push(root_dse::clock_step(&root, self.clock.now()));
                diagnosis.identified = Some(IdentifiedServer { connection, profile, facts: known });
            }
            Err(fault) => {
                section.push(failed_step("RootDSE", &fault));
                section.skip(&SERVER_STEPS[1..], "the server does not say what it is");
            }
        }
    }
}
