//! One failed sign-in is one bind: each way in, each kind of refusal, however many servers there are and whenever one of
//! them dies. Whatever a stranger types, it counts once against the account's lockout.
//!
//! Binds are counted where they arrive: by the servers themselves, and by the proxies in front of them.

use std::time::Duration;

use belvedere::config::DirectorySettings;
use belvedere::directory::{DirectoryRefusal, LdapDirectory, PasswordFate, Unreachable};
use futures::future::join_all;
use tempfile::TempDir;

use crate::directory_sign_in::{open, settings, sign_in, with_account};
use crate::harness::directory_389;
use crate::harness::fault_proxy::{Fault, FaultProxy};
use crate::harness::garbage::Garbage;
use crate::harness::ldap_requests::{LdapRequest, SearchScope};
use crate::harness::ldap_server::LdapServer;
use crate::harness::samba::{self, SambaDomain};
use crate::harness::slapd;

/// The deadline for a silent server; a busy machine's servers must be able to answer in it.
const DEADLINE: Duration = Duration::from_secs(5);

/// Nobody's password.
const WRONG: &str = "Wrong-Password-1";

/// A server and its people.
#[derive(Clone, Copy)]
enum ServerKind {
    ActiveDirectory(&'static SambaDomain),
    OpenLdap(&'static LdapServer),
    OpenLdapWithPolicy(&'static LdapServer),
    Directory389(&'static LdapServer),
}

impl ServerKind {
    /// Every server that can be started.
    fn all() -> Vec<Self> {
        let mut servers = Vec::new();
        servers.extend(samba::domain().map(Self::ActiveDirectory));
        servers.extend(slapd::server().map(Self::OpenLdap));
        servers.extend(slapd::server().map(Self::OpenLdapWithPolicy));
        servers.extend(directory_389::server().map(Self::Directory389));
        servers
    }

    fn hire(self, name: &str) {
        match self {
            Self::ActiveDirectory(domain) => domain.hire(name),
            Self::OpenLdap(server) | Self::Directory389(server) => server.hire(name),
            Self::OpenLdapWithPolicy(server) => server.hire_below(slapd::POLICY_BASE_DN, name),
        }
    }

    fn password(self) -> &'static str {
        match self {
            Self::ActiveDirectory(_) => samba::PASSWORD,
            Self::OpenLdap(_) | Self::OpenLdapWithPolicy(_) => slapd::PASSWORD,
            Self::Directory389(_) => directory_389::PASSWORD,
        }
    }

    /// Those whom the server refuses though their password is right, or lets in on a condition.
    fn troubled(self) -> &'static [&'static str] {
        match self {
            Self::ActiveDirectory(_) => &["disabled", "expired", "must-change", "locked"],
            Self::OpenLdap(_) => &[],
            Self::OpenLdapWithPolicy(_) => &["expired", "must-change", "locked"],
            Self::Directory389(_) => &["expired", "must-change", "inactive"],
        }
    }

    /// How many wrong passwords, or binds, the server itself has counted for somebody hired.
    fn counted(self, name: &str) -> usize {
        match self {
            Self::ActiveDirectory(domain) => domain.bad_password_count(name) as usize,
            Self::OpenLdap(server) => server.binds(&slapd::dn(name)),
            Self::OpenLdapWithPolicy(server) => server.binds(&slapd::dn_below(slapd::POLICY_BASE_DN, name)),
            Self::Directory389(server) => server.binds(&directory_389::dn(name)),
        }
    }

    /// The setups for this server: without an account that searches, and with one.
    async fn setups(self) -> [ClientSetup; 2] {
        [ClientSetup::new(self, false).await, ClientSetup::new(self, true).await]
    }
}

/// A directory of two servers, behind a proxy each.
struct ClientSetup {
    name: &'static str,
    directory: LdapDirectory,
    proxies: [FaultProxy; 2],
    _ca: TempDir,
}

impl ClientSetup {
    async fn new(server: ServerKind, has_account: bool) -> Self {
        let (name, account) = match server {
            ServerKind::ActiveDirectory(_) => ("Active Directory", samba::SERVICE_ACCOUNT),
            ServerKind::OpenLdap(_) => ("OpenLDAP", slapd::SERVICE_DN),
            ServerKind::OpenLdapWithPolicy(_) => ("OpenLDAP with a policy", slapd::SERVICE_DN),
            ServerKind::Directory389(_) => ("389 Directory Server", directory_389::SERVICE_DN),
        };
        let proxies = proxies(server).await;
        let ca = tempfile::tempdir().unwrap();
        let mut settings = impatient(server, &proxies, &ca);
        if let ServerKind::OpenLdapWithPolicy(_) = server {
            settings.base_dn = Some(slapd::POLICY_BASE_DN.to_owned());
        }
        if has_account {
            settings = with_account(settings, account, server.password());
        }
        Self { name, directory: open(&settings), proxies, _ca: ca }
    }

    /// How many binds with this person's name have come by, at all servers together.
    fn binds(&self, person: &str) -> usize {
        let names = self.proxies.iter().flat_map(FaultProxy::binds);
        names.filter(|name| name.to_lowercase().contains(&person.to_lowercase())).count()
    }
}

/// Two servers: a controller at both its addresses, or one server twice.
async fn proxies(server: ServerKind) -> [FaultProxy; 2] {
    let url = match server {
        ServerKind::ActiveDirectory(domain) => {
            let proxy = async |url: &str| FaultProxy::with_tls(url, &domain.ca_file).await;
            return [proxy(&domain.ldaps_url()).await, proxy(&domain.second_ldaps_url()).await];
        }
        ServerKind::OpenLdap(server) | ServerKind::OpenLdapWithPolicy(server) | ServerKind::Directory389(server) => {
            server.ldap_url()
        }
    };
    [FaultProxy::before(&url).await, FaultProxy::before(&url).await]
}

/// Settings for both proxies; where they have TLS, both CAs are trusted, by a file in this folder.
fn impatient(server: ServerKind, proxies: &[FaultProxy; 2], folder: &TempDir) -> DirectorySettings {
    let urls: Vec<&str> = proxies.iter().map(FaultProxy::url).collect();
    let ca_file = folder.path().join("ca.pem");
    let mut settings = DirectorySettings { dial_timeout: DEADLINE, operation_timeout: DEADLINE, ..settings(&urls, &ca_file) };
    if let ServerKind::ActiveDirectory(_) = server {
        let both = proxies.iter().map(|proxy| std::fs::read_to_string(proxy.ca_file()).unwrap()).collect::<String>();
        std::fs::write(ca_file, both).unwrap();
    } else {
        settings.ca_file = None;
    }
    settings
}

/// A name that no other test has; short enough for Active Directory.
fn somebody(case: &str, number: usize) -> String {
    format!("{case}-{number:02}")
}

#[tokio::test]
async fn whatever_the_refusal_one_bind_reaches_the_servers() {
    for server in ServerKind::all() {
        for (number, setup) in server.setups().await.into_iter().enumerate() {
            let hired = somebody("once", number);
            server.hire(&hired);
            let refused = sign_in(&setup.directory, &hired, WRONG).await;
            assert_eq!(refused, Err(DirectoryRefusal::WrongCredentials), "{}", setup.name);
            assert_eq!((setup.binds(&hired), server.counted(&hired)), (1, 1), "{}", setup.name);
            for name in server.troubled() {
                // How it ends is another promise; that it is one bind holds even if the person gets in.
                let answer = sign_in(&setup.directory, name, server.password()).await;
                assert_eq!(setup.binds(name), 1, "{}: {name}: {answer:?}", setup.name);
            }
        }
    }
}

#[tokio::test]
async fn nobody_is_bound_for_a_name_that_was_searched_for_in_vain() {
    for server in ServerKind::all() {
        for (number, setup) in server.setups().await.into_iter().enumerate() {
            let refused = sign_in(&setup.directory, "nobody-at-all", WRONG).await;
            assert_eq!(refused, Err(DirectoryRefusal::WrongCredentials), "{}", setup.name);
            // Without an account only the bind can tell, on Active Directory.
            let expected = usize::from(matches!(server, ServerKind::ActiveDirectory(_)) && number == 0);
            assert_eq!(setup.binds("nobody-at-all"), expected, "{}", setup.name);
        }
    }
}

#[tokio::test]
async fn a_server_that_dies_with_the_bind_in_its_hands_has_had_the_only_one() {
    let faults = [
        Fault::Cut,
        Fault::Silent,
        Fault::Refuse,
        Fault::Delay(DEADLINE * 2),
        Fault::Garbage(Garbage::NotLdap),
        Fault::Garbage(Garbage::AnotherId),
        Fault::Garbage(Garbage::BrokenResult),
    ];
    for server in ServerKind::all() {
        let mut scenes = Vec::new();
        for (number, (fault, has_account)) in faults.iter().flat_map(|fault| [(fault, false), (fault, true)]).enumerate() {
            let (setup, hired) = (ClientSetup::new(server, has_account).await, somebody("dies", number));
            server.hire(&hired);
            for proxy in &setup.proxies {
                proxy.set_at_bind(&hired, *fault);
            }
            scenes.push((setup, hired, fault));
        }
        // Silence costs its deadline: all at once.
        let answers = join_all(scenes.iter().map(|(setup, hired, _)| sign_in(&setup.directory, hired, WRONG))).await;
        for ((setup, hired, fault), answer) in scenes.iter().zip(answers) {
            let sent =
                matches!(&answer, Err(DirectoryRefusal::Unreachable(Unreachable { password: PasswordFate::Unanswered, .. })));
            assert!(sent, "{}, {fault:?}: {answer:?}", setup.name);
            assert_eq!(setup.binds(hired), 1, "{}, {fault:?}", setup.name);
            let counted = server.counted(hired);
            assert!(counted <= 1, "{}, {fault:?}: the server counted {counted}", setup.name);
        }
    }
}

#[tokio::test]
async fn a_server_that_dies_before_the_bind_leaves_it_to_the_next_one() {
    for server in ServerKind::all() {
        // Each is noticed at once. A server that falls silent, or begins a message that never ends, costs its first
        // visitor the deadline.
        for fault in [Fault::Cut, Fault::Refuse, Fault::Garbage(Garbage::Zeros), Fault::Garbage(Garbage::NoOperation)] {
            for has_account in [false, true] {
                let setup = ClientSetup::new(server, has_account).await;
                // The first question of all: what kind of directory it is.
                setup.proxies[0].set_when(
                    |request| matches!(request, LdapRequest::Search(search) if search.scope == SearchScope::Base),
                    fault,
                );
                let person = if matches!(server, ServerKind::OpenLdapWithPolicy(_)) { "well" } else { "alice" };
                let answer = sign_in(&setup.directory, person, server.password()).await;
                assert!(answer.is_ok(), "{}, {fault:?}: {answer:?}", setup.name);
                assert_eq!(setup.binds(person), 1, "{}, {fault:?}", setup.name);
            }
        }
    }
}

#[tokio::test]
async fn many_wrong_passwords_at_once_while_a_server_goes_and_comes_are_one_bind_each() {
    for server in ServerKind::all() {
        for (number, setup) in server.setups().await.into_iter().enumerate() {
            let crowd: Vec<String> = (0..12).map(|place| somebody(&format!("crowd{number}"), place)).collect();
            for name in &crowd {
                server.hire(name);
            }
            let (first, directory) = (&setup.proxies[0], &setup.directory);
            let coming_and_going = async {
                for _ in 0..3 {
                    let taken = first.connections();
                    first.set(Fault::Refuse).await;
                    first.set(Fault::Pass).await;
                    // Until somebody has come back to it, or there is nobody left to come.
                    let _ = tokio::time::timeout(DEADLINE, first.until(|seen| seen.connections > taken)).await;
                }
            };
            let sign_ins = join_all(crowd.iter().map(|name| sign_in(directory, name, WRONG)));
            let answers = tokio::select! {
                answers = sign_ins => answers,
                () = async { coming_and_going.await; std::future::pending().await } => unreachable!(),
            };
            for (name, answer) in crowd.iter().zip(answers) {
                assert!(answer.is_err(), "{}: {name}", setup.name);
                assert!(setup.binds(name) <= 1, "{}: {name}: {} binds, {answer:?}", setup.name, setup.binds(name));
                assert!(server.counted(name) <= 1, "{}: {name}: the server counted more", setup.name);
                if answer == Err(DirectoryRefusal::WrongCredentials) {
                    assert_eq!(setup.binds(name), 1, "{}: {name} was judged without a bind", setup.name);
                }
            }
        }
    }
}
