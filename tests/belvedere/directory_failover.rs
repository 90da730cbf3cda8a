//! Servers die, fall silent, talk nonsense and come back: what that costs, and whom.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use belvedere::config::{DirectoryKind, DirectorySettings};
use belvedere::directory::{DirectoryRefusal, LdapDirectory, PasswordFate, Unreachable};
use belvedere::domain::{ManualClock, Person, Timestamp};
use futures::future::join_all;
use tokio::time::sleep;

use crate::directory_sign_in::{settings, sign_in};
use crate::harness::black_hole::BlackHole;
use crate::harness::fault_proxy::{Fault, FaultProxy, ProxyTraffic};
use crate::harness::garbage::Garbage;
use crate::harness::ldap_requests::LdapRequest;
use crate::harness::ldap_server::LdapServer;
use crate::harness::slapd;

/// The dial deadline of these tests.
const DIAL: Duration = Duration::from_secs(1);

/// Time for what is no wait, on a busy machine: less than one more dial deadline would take.
const AT_ONCE: Duration = Duration::from_millis(800);

fn impatient(urls: &[&str], ca_file: &Path) -> DirectorySettings {
    DirectorySettings {
        kind: Some(DirectoryKind::Ldap),
        base_dn: Some(slapd::BASE_DN.to_owned()),
        dial_timeout: DIAL,
        operation_timeout: DIAL * 5,
        ..settings(urls, ca_file)
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)))
}

/// Two servers, as far as the client can tell.
async fn two_proxies(server: &LdapServer) -> [FaultProxy; 2] {
    [FaultProxy::before(&server.ldap_url()).await, FaultProxy::before(&server.ldap_url()).await]
}

async fn timed(directory: &LdapDirectory) -> (Duration, Result<Person, DirectoryRefusal>) {
    let started = Instant::now();
    let answer = sign_in(directory, "alice", slapd::PASSWORD).await;
    (started.elapsed(), answer)
}

#[tokio::test]
async fn a_server_that_is_not_there_costs_one_dial_deadline_and_then_nothing() {
    let Some(server) = slapd::server() else { return };
    let hole = BlackHole::open().await;
    let dead = format!("ldap://{}", hole.address());
    let directory = LdapDirectory::new(&impatient(&[&dead, &server.ldap_url()], &server.ca_file), clock()).unwrap();
    // Those who come at once wait together, not in turn.
    let started = Instant::now();
    let first = join_all((0..10).map(|_| sign_in(&directory, "alice", slapd::PASSWORD))).await;
    assert!(first.iter().all(Result::is_ok));
    assert!(started.elapsed() < DIAL + AT_ONCE, "{:?}", started.elapsed());
    for _ in 0..5 {
        let (took, answer) = timed(&directory).await;
        assert!(answer.is_ok() && took < AT_ONCE, "{took:?}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_with_kept_connections_costs_one_dial_deadline_and_then_nothing() {
    let Some(server) = slapd::server() else { return };
    let [preferred, other] = two_proxies(server).await;
    let clock = clock();
    let urls = impatient(&[preferred.url(), other.url()], &server.ca_file);
    let directory = LdapDirectory::new(&urls, clock.clone()).unwrap();
    join_all((0..5).map(|_| sign_in(&directory, "alice", slapd::PASSWORD))).await;
    assert_eq!(other.connections(), 0, "the first is preferred while it answers");

    preferred.set(Fault::Silent).await;
    let started = Instant::now();
    let all = join_all((0..10).map(|_| sign_in(&directory, "alice", slapd::PASSWORD))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert!(started.elapsed() < DIAL + AT_ONCE, "{:?}", started.elapsed());
    let (took, answer) = timed(&directory).await;
    assert!(answer.is_ok() && took < AT_ONCE, "{took:?}");

    // It is tried in the background, and preferred again when it is back.
    let before = preferred.connections();
    preferred.set(Fault::Pass).await;
    clock.advance(Duration::from_mins(1));
    preferred.until(|seen| seen.connections > before && !seen.searches.is_empty()).await;
    other.set(Fault::Refuse).await;
    let (took, answer) = timed(&directory).await;
    assert!(answer.is_ok() && took < AT_ONCE, "{took:?} {answer:?}");
}

#[tokio::test]
async fn a_server_that_was_slow_once_is_still_found_again_when_it_comes_back_from_the_dead() {
    let Some(server) = slapd::server() else { return };
    let [preferred, other] = two_proxies(server).await;
    let clock = clock();
    let urls = impatient(&[preferred.url(), other.url()], &server.ca_file);
    let directory = LdapDirectory::new(&urls, clock.clone()).unwrap();
    // Slow enough to be asked whether it is there, and its answer comes before that of the probe: nobody hears the probe.
    // On a busy machine the probe may even fail; what follows must hold in either case.
    preferred.set(Fault::Delay(DIAL * 3 / 10)).await;
    let _ = sign_in(&directory, "alice", slapd::PASSWORD).await;
    preferred.set(Fault::Refuse).await;
    // Long enough that no kept connection is used unasked.
    clock.advance(Duration::from_secs(10));
    assert!(sign_in(&directory, "alice", slapd::PASSWORD).await.is_ok());
    let before = preferred.connections();
    preferred.set(Fault::Pass).await;
    clock.advance(Duration::from_mins(1));
    preferred.until(|seen| seen.connections > before).await;
    other.set(Fault::Refuse).await;
    assert!(sign_in(&directory, "alice", slapd::PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_server_that_answers_nothing_but_probes_is_left_out_after_a_few() {
    let Some(server) = slapd::server() else { return };
    let [preferred, other] = two_proxies(server).await;
    let hanging =
        DirectorySettings { operation_timeout: DIAL / 2, ..impatient(&[preferred.url(), other.url()], &server.ca_file) };
    let directory = LdapDirectory::new(&hanging, clock()).unwrap();
    for _ in 0..3 {
        // The connection hangs from the first real question on; the probe's own is answered as ever.
        let is_real = |request: &LdapRequest| matches!(request, LdapRequest::Search(search) if !search.base.is_empty());
        let so_far = preferred.searches().iter().filter(|search| !search.base.is_empty()).count();
        preferred.set_when(is_real, Fault::Silent);
        let hangs_alone = async {
            let real = |seen: &ProxyTraffic| seen.searches.iter().filter(|search| !search.base.is_empty()).count();
            preferred.until(|seen| real(seen) > so_far).await;
            preferred.set(Fault::Pass).await;
        };
        let (answer, ()) = tokio::join!(sign_in(&directory, "alice", slapd::PASSWORD), hangs_alone);
        assert!(
            matches!(answer, Err(DirectoryRefusal::Unreachable(Unreachable { password: PasswordFate::NotSent, .. }))),
            "{answer:?}"
        );
    }
    assert!(sign_in(&directory, "alice", slapd::PASSWORD).await.is_ok());
    assert!(!other.binds().is_empty(), "the other one was asked");
}

#[tokio::test]
async fn no_fault_of_one_server_is_ever_an_answer_about_a_person_and_none_hangs() {
    let Some(server) = slapd::server() else { return };
    let faults = [Fault::Refuse, Fault::Silent, Fault::Cut, Fault::Delay(DIAL * 10), Fault::Garbage(Garbage::ALL[0])];
    let garbage = Garbage::ALL.iter().skip(1).chain([&Garbage::Deep]).map(|garbage| Fault::Garbage(*garbage));
    for fault in faults.into_iter().chain(garbage) {
        let [first, second] = two_proxies(server).await;
        let both = LdapDirectory::new(&impatient(&[first.url(), second.url()], &server.ca_file), clock()).unwrap();
        let alone = LdapDirectory::new(&impatient(&[first.url()], &server.ca_file), clock()).unwrap();
        for directory in [&both, &alone] {
            assert!(sign_in(directory, "alice", slapd::PASSWORD).await.is_ok());
        }
        first.set(fault).await;
        let (took, answer) = timed(&both).await;
        let sent =
            matches!(&answer, Err(DirectoryRefusal::Unreachable(Unreachable { password: PasswordFate::Unanswered, .. })));
        assert!(answer.is_ok() || sent, "{fault:?}: {answer:?}");
        assert!(took < DIAL * 5 + AT_ONCE, "{fault:?}: {took:?}");
        let (took, answer) = timed(&both).await;
        assert!(answer.is_ok(), "{fault:?}: later ones go to the other: {answer:?}");
        assert!(took < DIAL + AT_ONCE, "{fault:?}: {took:?}");

        let (took, answer) = timed(&alone).await;
        assert!(matches!(answer, Err(DirectoryRefusal::Unreachable(_))), "{fault:?}: {answer:?}");
        assert!(took < DIAL * 5 + AT_ONCE, "{fault:?}: {took:?}");
        first.set(Fault::Pass).await;
        let (_, answer) = timed(&alone).await;
        assert!(answer.is_ok(), "{fault:?}: it is back at once: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_dies_and_comes_back_under_fifty_sign_ins_a_second_loses_none_that_it_answers() {
    let Some(server) = slapd::server() else { return };
    let [first, second] = two_proxies(server).await;
    let urls = impatient(&[first.url(), second.url()], &server.ca_file);
    let directory = Arc::new(LdapDirectory::new(&urls, Arc::new(belvedere::domain::SystemClock)).unwrap());
    let visitors: Vec<_> = (0..200)
        .map(|n| {
            let directory = Arc::clone(&directory);
            tokio::spawn(async move {
                // Fifty a second; what is tested does not depend on the pace.
                sleep(Duration::from_millis(20 * n)).await;
                sign_in(&directory, "alice", slapd::PASSWORD).await
            })
        })
        .collect();
    for fault in [Fault::Refuse, Fault::Cut, Fault::Silent] {
        for (proxy, other) in [(&first, &second), (&second, &first)] {
            proxy.set(fault).await;
            // Others are served meanwhile, by the other one.
            let so_far = other.binds().len();
            other.until(|seen| seen.binds.len() > so_far + 5).await;
            proxy.set(Fault::Pass).await;
        }
    }
    let (mut answered, mut sent_in_vain) = (0, 0);
    for visitor in visitors {
        match visitor.await.unwrap() {
            Ok(_) => answered += 1,
            // A fault met the bind or its answer on the way: the one thing that is not done twice.
            Err(DirectoryRefusal::Unreachable(Unreachable {
                password: PasswordFate::Unanswered | PasswordFate::Answered,
                ..
            })) => sent_in_vain += 1,
            Err(other) => panic!("{other}"),
        }
    }
    let binds = [&first, &second].map(|proxy| proxy.binds().iter().filter(|name| name.contains("Alice")).count());
    assert_eq!(binds.iter().sum::<usize>(), answered + sent_in_vain, "everybody was bound once, and nobody twice");
    assert!(answered > sent_in_vain * 3, "{sent_in_vain} of 200");
    let (took, answer) = timed(&directory).await;
    assert!(answer.is_ok() && took < AT_ONCE, "{took:?}");
}
