//! The harness keeps its own promises: each fault that a test orders really happens, and what is counted was there.

use std::time::{Duration, Instant};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope as LdapScope};

use crate::harness::black_hole::BlackHole;
use crate::harness::certificates::client_config;
use crate::harness::fault_proxy::{Fault, FaultProxy};
use crate::harness::garbage::Garbage;
use crate::harness::ldap_requests::{SearchScope, SentSearch};
use crate::harness::{samba, slapd};

/// The time that a client is kept waiting, and how much longer a busy machine may take.
const PATIENCE: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);

async fn client(url: &str, patience: Duration) -> Result<Ldap, LdapError> {
    let (connection, ldap) = LdapConnAsync::with_settings(LdapConnSettings::new().set_conn_timeout(patience), url).await?;
    ldap3::drive!(connection);
    Ok(ldap)
}

/// Asks for the RootDSE.
async fn ask(ldap: &mut Ldap, patience: Duration) -> Result<LdapResult, LdapError> {
    ldap.with_timeout(patience)
        .search("", LdapScope::Base, "(objectClass=*)", vec!["namingContexts"])
        .await
        .map(|found| found.1)
}

async fn alice_binds(ldap: &mut Ldap) -> Result<LdapResult, LdapError> {
    ldap.with_timeout(PATIENCE).simple_bind(ALICE, slapd::PASSWORD).await
}

const ALICE: &str = "cn=Alice Archer,dc=example,dc=org";

#[tokio::test]
async fn a_proxy_that_passes_counts_connections_binds_and_searches() {
    let Some(server) = slapd::server() else { return };
    let proxy = FaultProxy::before(&server.ldap_url()).await;
    let before = server.binds(ALICE);
    for _ in 0..2 {
        let mut ldap = client(proxy.url(), LONG).await.unwrap();
        ldap.simple_bind(ALICE, slapd::PASSWORD).await.unwrap().success().unwrap();
        let filter = "(&(uid=a*c\\2ae*)(!(cn:1.2.3:=\\fcx))(|(sn>=m)(o=*)))";
        ldap.search("dc=example,dc=org", LdapScope::Subtree, filter, vec!["cn", "uid"]).await.unwrap();
        ldap.unbind().await.unwrap();
    }
    let seen = proxy.until(|seen| seen.open == 0).await;
    assert_eq!((seen.connections, proxy.connections()), (2, 2));
    assert_eq!(proxy.binds(), [ALICE, ALICE]);
    assert_eq!(server.binds(ALICE) - before, 2, "the server counts the same");
    let search = SentSearch {
        base: "dc=example,dc=org".into(),
        scope: SearchScope::Subtree,
        filter: "(&(uid=a*c\\2ae*)(!(cn:1.2.3:=\\fcx))(|(sn>=m)(o=*)))".into(),
        attributes: vec!["cn".into(), "uid".into()],
    };
    assert_eq!(proxy.searches(), [search.clone(), search]);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_dead_and_comes_back_on_the_same_port() {
    let Some(server) = slapd::server() else { return };
    let proxy = FaultProxy::before(&server.ldap_url()).await;
    let mut early = client(proxy.url(), LONG).await.unwrap();
    assert!(ask(&mut early, LONG).await.is_ok());
    for _ in 0..3 {
        proxy.set(Fault::Refuse).await;
        assert!(ask(&mut early, LONG).await.is_err(), "its connections are gone");
        let Err(refused) = client(proxy.url(), LONG).await else { panic!("the port is open") };
        assert!(refused.to_string().contains("refused"), "{refused}");
        proxy.set(Fault::Pass).await;
        early = client(proxy.url(), LONG).await.unwrap();
        assert!(ask(&mut early, LONG).await.is_ok());
    }
}

#[tokio::test]
async fn a_silent_proxy_hears_and_says_nothing_on_old_and_new_connections() {
    let Some(server) = slapd::server() else { return };
    let proxy = FaultProxy::before(&server.ldap_url()).await;
    let mut early = client(proxy.url(), LONG).await.unwrap();
    assert!(ask(&mut early, LONG).await.is_ok());
    proxy.set(Fault::Silent).await;
    let mut late = client(proxy.url(), LONG).await.unwrap();
    for ldap in [&mut early, &mut late] {
        assert!(matches!(ask(ldap, PATIENCE).await, Err(LdapError::Timeout { .. })));
    }
    assert_eq!(proxy.until(|seen| seen.searches.len() == 3).await.open, 2, "it does not hang up");
    proxy.set(Fault::Pass).await;
    assert!(matches!(ask(&mut early, PATIENCE).await, Err(LdapError::Timeout { .. })), "what fell silent stays so");
    assert!(ask(&mut client(proxy.url(), LONG).await.unwrap(), LONG).await.is_ok());
}

#[tokio::test]
async fn a_cut_comes_in_the_middle_of_an_answer() {
    let Some(server) = slapd::server() else { return };
    let proxy = FaultProxy::before(&server.ldap_url()).await;
    let mut ldap = client(proxy.url(), LONG).await.unwrap();
    proxy.set(Fault::Cut).await;
    let cut = ask(&mut ldap, LONG).await;
    assert!(!matches!(cut, Err(LdapError::Timeout { .. })) && cut.is_err(), "{cut:?}");
    proxy.until(|seen| seen.open == 0).await;
}

#[tokio::test]
async fn a_delayed_answer_comes_late_and_a_mended_wire_brings_it_at_once() {
    let Some(server) = slapd::server() else { return };
    let proxy = FaultProxy::before(&server.ldap_url()).await;
    let mut ldap = client(proxy.url(), LONG).await.unwrap();
    proxy.set(Fault::Delay(PATIENCE)).await;
    let started = Instant::now();
    assert!(ask(&mut ldap, LONG).await.is_ok());
    assert!(started.elapsed() >= PATIENCE, "{:?}", started.elapsed());

    proxy.set(Fault::Delay(LONG * 2)).await;
    let (answer, ()) = tokio::join!(ask(&mut ldap, LONG), async {
        proxy.until(|seen| seen.searches.len() == 2).await;
        proxy.set(Fault::Pass).await;
    });
    assert!(answer.is_ok(), "{answer:?}");
}

#[tokio::test]
async fn garbage_of_every_kind_is_no_answer() {
    let Some(server) = slapd::server() else { return };
    let proxy = FaultProxy::before(&server.ldap_url()).await;
    for kind in Garbage::ALL {
        proxy.set(Fault::Pass).await;
        let mut ldap = client(proxy.url(), LONG).await.unwrap();
        proxy.set(Fault::Garbage(kind)).await;
        // In a task of its own: there is garbage on which the client's library panics.
        let bound = tokio::spawn(async move { alice_binds(&mut ldap).await?.success() }).await;
        assert!(!matches!(bound, Ok(Ok(_))), "{kind:?}: {bound:?}");
    }
}

#[test]
fn the_deepest_garbage_is_whole() {
    // No library reads it here: those that recurse would end this process.
    let bytes = Garbage::Deep.bytes(1);
    let mut inside = &bytes[..];
    let mut levels = 0;
    while let [0x30, 0x84, a, b, c, d, rest @ ..] = inside {
        assert_eq!(u32::from_be_bytes([*a, *b, *c, *d]) as usize, rest.len(), "at level {levels}");
        (inside, levels) = (rest, levels + 1);
    }
    assert_eq!((levels, inside), (4000, &[][..]));
}

#[tokio::test]
async fn a_black_hole_neither_takes_nor_refuses_a_connection() {
    for hole in [BlackHole::open().await, BlackHole::open_at([127, 0, 0, 9].into()).await] {
        let dialled = tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(hole.address())).await;
        assert!(dialled.is_err(), "{dialled:?}");
    }
}

#[tokio::test]
async fn a_fault_that_waits_for_a_bind_lets_the_bind_reach_the_server_and_not_its_answer() {
    let Some(server) = slapd::server() else { return };
    server.hire("waited for");
    let dn = slapd::dn("waited for");
    for (times, fault) in [Fault::Silent, Fault::Cut].into_iter().enumerate() {
        let proxy = FaultProxy::before(&server.ldap_url()).await;
        let mut ldap = client(proxy.url(), LONG).await.unwrap();
        proxy.set_at_bind("waited for", fault);
        alice_binds(&mut ldap).await.unwrap().success().unwrap();
        let answer = ldap.with_timeout(PATIENCE).simple_bind(&dn, slapd::PASSWORD).await;
        assert!(answer.is_err(), "{fault:?}: {answer:?}");
        assert_eq!(server.binds(&dn), times + 1, "{fault:?}");
    }
}

#[tokio::test]
async fn over_ldaps_a_proxy_passes_what_it_cannot_read_or_reads_it_with_tls_of_its_own() {
    let Some(domain) = samba::domain() else { return };
    let blind = FaultProxy::before(&domain.ldaps_url()).await;
    let seeing = FaultProxy::with_tls(&domain.ldaps_url(), &domain.ca_file).await;
    for (proxy, ca_file, binds) in [(&blind, domain.ca_file.clone(), 0), (&seeing, seeing.ca_file(), 1)] {
        let settings = LdapConnSettings::new().set_config(client_config(&ca_file)).set_conn_timeout(LONG);
        let (connection, mut ldap) = LdapConnAsync::with_settings(settings, proxy.url()).await.unwrap();
        ldap3::drive!(connection);
        ldap.simple_bind("CORP\\alice", samba::PASSWORD).await.unwrap().success().unwrap();
        assert_eq!((proxy.connections(), proxy.binds().len()), (1, binds));
    }
    assert_eq!(seeing.binds(), ["CORP\\alice"]);
}
