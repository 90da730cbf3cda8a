#![allow(clippy::unwrap_used)]

use futures::FutureExt;

use super::*;
use crate::domain::{ManualClock, Network, Timestamp};

const MAX_WAIT: Duration = Duration::from_secs(5);

const LIMITS: GateLimits = GateLimits {
    places: 4,
    for_known: 3,
    for_strangers: 3,
    per_known: 2,
    per_holder: 8,
    waiting_strangers: 64,
    max_wait: MAX_WAIT,
};

fn gate() -> (FairGate<String>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
    (FairGate::new(LIMITS, clock.clone()), clock)
}

fn stranger(address: &str) -> GateHolder<String> {
    GateHolder::Stranger(Network::narrowest_of(address.parse().ok()))
}

fn familiar(name: &str) -> GateHolder<String> {
    GateHolder::Known(name.to_owned())
}

/// A request that waits for a place.
type Entering<'a> = futures::future::BoxFuture<'a, Result<GatePlace<String>, GateBusy>>;

/// Those who were let in at once, those who wait, and how many were sent away.
type Crowd<'a> = (Vec<GatePlace<String>>, Vec<Entering<'a>>, usize);

fn crowd(gate: &FairGate<String>, holders: impl IntoIterator<Item = GateHolder<String>>) -> Crowd<'_> {
    let (mut inside, mut waiting, mut sent_away) = (Vec::new(), Vec::new(), 0);
    for holder in holders {
        let mut entering = gate.enter(holder).boxed();
        match (&mut entering).now_or_never() {
            Some(Ok(place)) => inside.push(place),
            Some(Err(GateBusy)) => sent_away += 1,
            None => waiting.push(entering),
        }
    }
    (inside, waiting, sent_away)
}

/// Sixty connections from as many links of one site.
fn site() -> impl Iterator<Item = GateHolder<String>> {
    (0..60).map(|link| stranger(&format!("2001:db8:0:{link:x}::1")))
}

#[tokio::test]
async fn a_site_of_strangers_takes_no_place_that_is_kept_for_the_familiar() {
    let (gate, _) = gate();
    let (inside, waiting, sent_away) = crowd(&gate, site());
    assert_eq!(
        (inside.len(), waiting.len(), sent_away),
        (2, 14, 44),
        "half of the strangers' places, and a /56 is two holders"
    );
    let (others, ..) = crowd(&gate, [stranger("192.0.2.1")]);
    assert_eq!(others.len(), 1, "another stranger comes in at once");
    let (admin, ..) = crowd(&gate, [familiar("break-glass")]);
    assert_eq!(admin.len(), 1, "and so does somebody whose browser is familiar");
}

#[tokio::test]
async fn the_familiar_come_before_strangers_and_each_network_has_its_turn() {
    let (gate, _) = gate();
    let (mut of_site, _waiting, _) = crowd(&gate, site());
    let (_other, mut others, _) = crowd(&gate, (0..3).map(|host| stranger(&format!("192.0.2.{host}"))));
    let (admin, mut admins, _) = crowd(&gate, ["break-glass", "break-glass", "alice"].map(familiar));
    assert_eq!((of_site.len(), others.len(), admin.len(), admins.len()), (2, 2, 1, 2));
    of_site.pop();
    let second = admins.remove(0).now_or_never();
    assert!(second.is_some(), "who has waited for a shorter time than thirty strangers");
    of_site.pop();
    let third = admins.remove(0).now_or_never();
    assert!(third.is_some() && (&mut others[0]).now_or_never().is_none());
    drop((admin, second, third));
    assert!((&mut others[0]).now_or_never().is_some(), "the other network's turn comes before the rest of the site");
}

#[tokio::test]
async fn nobody_waits_for_ever_and_whoever_goes_leaves_nothing_behind() {
    let (gate, clock) = gate();
    let (inside, waiting, _) = crowd(&gate, site());
    clock.advance(MAX_WAIT);
    for entering in waiting {
        assert!(entering.await.is_err());
    }
    drop(inside);
    let state = lock(&gate.state);
    assert_eq!((state.inside.len(), state.strangers_inside, state.known_inside), (0, 0, 0));
    assert!(state.inside_by_turn.is_empty() && state.known.is_empty() && state.waiting_strangers.is_empty());
    assert!(state.strangers.has_room(Network::narrowest_of("2001:db8::1".parse().ok()), 1));
}

#[tokio::test]
async fn familiar_accounts_take_neither_all_places_of_each_other_nor_those_of_strangers() {
    let (gate, _) = gate();
    let (of_eve, eves, sent_away) = crowd(&gate, (0..60).map(|_| familiar("eve")));
    assert_eq!((of_eve.len(), eves.len(), sent_away), (2, 6, 52), "half of the places of the known");
    let (of_alice, mut alices, _) = crowd(&gate, (0..2).map(|_| familiar("alice")));
    assert_eq!((of_alice.len(), alices.len()), (1, 1));
    let (first_time, ..) = crowd(&gate, [stranger("192.0.2.1")]);
    assert_eq!(first_time.len(), 1, "somebody who has never signed in from here, and no flood of members keeps them out");
    drop(of_eve);
    assert!((&mut alices[0]).now_or_never().is_some(), "one of two places, though eve's wait longer");
}

#[tokio::test]
async fn a_full_queue_sends_away_the_last_of_whoever_waits_most() {
    let (gate, _) = gate();
    let sites = (0..16).flat_map(|site| (0..8).map(move |_| stranger(&format!("2001:db8:{site:x}::1"))));
    let (inside, mut waiting, _) = crowd(&gate, sites);
    assert_eq!((inside.len(), lock(&gate.state).waiting_strangers.len()), (3, LIMITS.waiting_strangers));
    waiting.retain_mut(|entering| entering.now_or_never().is_none());
    let newcomers: Vec<_> = (0..20).map(|host| stranger(&format!("198.51.{host}.1"))).collect();
    let (_, mut others, sent_away) = crowd(&gate, newcomers);
    assert_eq!((others.len(), sent_away), (20, 0), "who come from elsewhere may wait");
    let displaced =
        waiting.iter_mut().map(FutureExt::now_or_never).filter(|polled| matches!(polled, Some(Err(GateBusy)))).count();
    assert_eq!(displaced, 20);
    assert!(others.iter_mut().all(|entering| entering.now_or_never().is_none()), "none of them for another of theirs");
    drop((inside, waiting, others));
    let state = lock(&gate.state);
    assert!(state.inside.is_empty() && state.waiting_strangers.is_empty());
}

/// Takes those who have an answer out of `waiting`: who was let in, and how many were sent away.
fn take_answered(waiting: &mut Vec<Entering<'_>>) -> (Vec<GatePlace<String>>, usize) {
    let (mut let_in, mut sent_away) = (Vec::new(), 0);
    waiting.retain_mut(|entering| match entering.now_or_never() {
        None => true,
        Some(Ok(place)) => {
            let_in.push(place);
            false
        }
        Some(Err(GateBusy)) => {
            sent_away += 1;
            false
        }
    });
    (let_in, sent_away)
}

/// So many sites, each with one request at a time.
fn sites(count: usize) -> impl Iterator<Item = GateHolder<String>> {
    (0..count).map(|site| stranger(&format!("2001:db8:{site:x}::1")))
}

#[tokio::test]
async fn many_networks_with_one_request_each_keep_out_nobody_who_comes_for_the_first_time() {
    let (gate, clock) = gate();
    // Each waits with one request at a time, and sends the next when that is answered.
    let (inside, mut waiting, _) = crowd(&gate, sites(70));
    assert_eq!((inside.len(), waiting.len()), (3, LIMITS.waiting_strangers));
    drop(inside);
    let second: Vec<_> = waiting.iter_mut().filter_map(FutureExt::now_or_never).collect();
    assert_eq!(second.len(), 3);
    let (_, again, sent_away) = crowd(&gate, sites(3));
    assert_eq!((again.len(), sent_away), (3, 0));
    let newcomers = (0..3).map(|host| stranger(&format!("198.51.{host}.1")));
    let (_, mut newcomers, sent_away) = crowd(&gate, newcomers);
    assert_eq!((newcomers.len(), sent_away), (3, 0), "in place of those who have had a turn");
    let displaced = again.into_iter().filter_map(FutureExt::now_or_never).filter(Result::is_err).count();
    assert_eq!(displaced, 3);
    let (.., sent_away) = crowd(&gate, sites(3));
    assert_eq!(sent_away, 3, "who may wait again when others have had theirs");
    drop((second, waiting));
    assert!(newcomers.iter_mut().all(|newcomer| matches!(newcomer.now_or_never(), Some(Ok(_)))));
    drop(newcomers);
    for _ in 0..2 {
        clock.advance(Duration::from_secs(30));
        lock(&gate.state).recent_strangers.forget_old(gate.clock.now());
    }
    let all = lock(&gate.state).recent_strangers.counts().of(Network::widest_of("2001:db8::1".parse().ok()));
    assert_eq!(all, 0, "a minute later everybody begins anew");
}

#[tokio::test]
async fn links_of_one_site_take_turns_and_a_few_of_them_shut_out_no_other() {
    let (gate, _) = gate();
    // Eight addresses with eight each are all that an IPv4 network may have.
    let (inside, mut waiting, sent_away) =
        crowd(&gate, (0..8).flat_map(|host| (0..8).map(move |_| stranger(&format!("192.0.2.{host}")))));
    assert_eq!((inside.len(), waiting.len(), sent_away), (2, 62, 0));
    let (_, mut ninth, _) = crowd(&gate, [stranger("192.0.2.9")]);
    assert_eq!(ninth.len(), 1, "a colleague may wait");
    let (let_in, sent_away) = take_answered(&mut waiting);
    assert_eq!((let_in.len(), sent_away), (0, 1), "one of those who ask for eight may not");
    drop(inside);
    for _ in 0..4 {
        let (let_in, sent_away) = take_answered(&mut waiting);
        assert_eq!((let_in.len(), sent_away), (2, 0));
    }
    assert!((&mut ninth[0]).now_or_never().is_some(), "it waits for one of each, not for all");
}
