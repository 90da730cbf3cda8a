//! Connections to a directory are kept, never mixed up, and let go in time.

use std::sync::Arc;
use std::time::Duration;

use belvedere::config::{DirectoryKind, DirectorySettings, ServiceAccount};
use belvedere::directory::{DirectoryRefusal, LdapDirectory, PasswordFate, Unreachable};
use belvedere::domain::{ManualClock, Password, Timestamp};
use futures::future::join_all;

use crate::directory_sign_in::{settings, sign_in};
use crate::harness::fault_proxy::{Fault, FaultProxy};
use crate::harness::ldap_server::LdapServer;
use crate::harness::slapd;

/// slapd behind a proxy that counts, with a service account, on a clock of its own.
struct CountedPool {
    proxy: FaultProxy,
    clock: Arc<ManualClock>,
    settings: DirectorySettings,
}

impl CountedPool {
    async fn before(server: &LdapServer) -> Self {
        let proxy = FaultProxy::before(&server.ldap_url()).await;
        let password = Password::parse(slapd::PASSWORD.to_owned()).unwrap();
        let settings = DirectorySettings {
            kind: Some(DirectoryKind::Ldap),
            base_dn: Some(slapd::BASE_DN.to_owned()),
            service_account: Some(ServiceAccount { name: slapd::SERVICE_DN.to_owned(), password, password_file: None }),
            ..settings(&[proxy.url()], &server.ca_file)
        };
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
        Self { proxy, clock, settings }
    }

    fn open(&self) -> LdapDirectory {
        LdapDirectory::new(&self.settings, self.clock.clone()).unwrap()
    }

    fn binds_of(&self, name: &str) -> usize {
        self.proxy.binds().iter().filter(|bind| bind.contains(name)).count()
    }
}

#[tokio::test]
async fn two_connections_serve_everybody_who_comes_in_turn_and_only_one_of_them_hears_passwords() {
    let Some(server) = slapd::server() else { return };
    let counted = CountedPool::before(server).await;
    let directory = counted.open();
    for name in ["alice", "bob", "alice", "bob"] {
        assert_eq!(sign_in(&directory, name, slapd::PASSWORD).await.unwrap().username, name);
        assert_eq!(sign_in(&directory, name, "wrong").await, Err(DirectoryRefusal::WrongCredentials));
    }
    assert_eq!(counted.proxy.connections(), 2, "one that searches, one that proves");
    // Were a person bound where the service account searches, it would have to be bound again.
    assert_eq!(counted.binds_of("Belvedere"), 1);
    assert_eq!(counted.proxy.binds().len(), 1 + 8);
}

#[tokio::test]
async fn many_at_once_share_the_connections_there_may_be() {
    let Some(server) = slapd::server() else { return };
    let counted = CountedPool::before(server).await;
    let directory =
        LdapDirectory::new(&DirectorySettings { connections: 3, ..counted.settings.clone() }, counted.clock.clone()).unwrap();
    let many = join_all((0..40).map(|_| sign_in(&directory, "alice", slapd::PASSWORD))).await;
    assert!(many.iter().all(Result::is_ok));
    assert!(counted.proxy.connections() <= 6, "{}", counted.proxy.connections());
}

#[tokio::test]
async fn idle_connections_are_let_go_before_the_server_or_a_firewall_cuts_them() {
    let Some(server) = slapd::server() else { return };
    let counted = CountedPool::before(server).await;
    let directory = counted.open();
    sign_in(&directory, "alice", slapd::PASSWORD).await.unwrap();
    counted.proxy.until(|seen| seen.open == 2).await;
    counted.clock.advance(Duration::from_mins(5));
    counted.proxy.until(|seen| seen.open == 0).await;
    sign_in(&directory, "alice", slapd::PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_living_line_is_used_again_long_after_whoever_used_it_last_had_their_deadline() {
    let Some(server) = slapd::server() else { return };
    let counted = CountedPool::before(server).await;
    let deadline = Duration::from_secs(1);
    let settings = DirectorySettings { operation_timeout: deadline, ..counted.settings.clone() };
    let directory = LdapDirectory::new(&settings, counted.clock.clone()).unwrap();
    sign_in(&directory, "alice", slapd::PASSWORD).await.unwrap();
    // Deadlines go by the machine's own time, so it is the machine's time that must pass.
    tokio::time::sleep(deadline).await;
    counted.clock.advance(Duration::from_mins(1));
    sign_in(&directory, "alice", slapd::PASSWORD).await.unwrap();
    assert_eq!(counted.proxy.connections(), 2, "still the same two");
}

#[tokio::test]
async fn a_line_that_went_dead_without_a_word_is_noticed_before_a_password_is_sent_on_it() {
    let Some(server) = slapd::server() else { return };
    let counted = CountedPool::before(server).await;
    let settings = DirectorySettings { dial_timeout: Duration::from_secs(2), ..counted.settings.clone() };
    let directory = LdapDirectory::new(&settings, counted.clock.clone()).unwrap();
    join_all((0..8).map(|_| sign_in(&directory, "alice", slapd::PASSWORD))).await;
    let alice = counted.binds_of("Alice");
    // What is open now falls silent for good; what is dialled from now on passes.
    counted.proxy.set(Fault::Silent).await;
    counted.proxy.set(Fault::Pass).await;
    counted.clock.advance(Duration::from_mins(1));
    sign_in(&directory, "alice", slapd::PASSWORD).await.unwrap();
    assert_eq!(counted.binds_of("Alice"), alice + 1, "the one password went to a living line");
}

#[tokio::test]
async fn a_refused_service_account_is_not_tried_by_every_visitor_so_that_it_is_not_locked() {
    let Some(server) = slapd::server() else { return };
    let counted = CountedPool::before(server).await;
    let password = Password::parse("not the password".to_owned()).unwrap();
    let account = Some(ServiceAccount { name: slapd::SERVICE_DN.to_owned(), password, password_file: None });
    let settings = DirectorySettings { service_account: account, ..counted.settings.clone() };
    let directory = LdapDirectory::new(&settings, counted.clock.clone()).unwrap();
    // A crowd that comes at once, and those who come after it.
    for _ in 0..3 {
        for answer in join_all((0..10).map(|_| sign_in(&directory, "alice", slapd::PASSWORD))).await {
            let Err(DirectoryRefusal::Unreachable(Unreachable { reason, password: PasswordFate::NotSent, .. })) = answer else {
                panic!("{answer:?}")
            };
            assert!(reason.contains("bind_password"), "{reason}");
        }
    }
    assert_eq!(counted.binds_of("Belvedere"), 1);
    // No lockout policy looks back so far that it would see two of its tries.
    for minute in 1..=62 {
        counted.clock.advance(Duration::from_mins(1));
        let _ = sign_in(&directory, "alice", slapd::PASSWORD).await;
        assert_eq!(counted.binds_of("Belvedere"), 1 + minute / 31, "after {minute} minutes");
    }
}
