#![allow(clippy::unwrap_used)]

use futures::FutureExt;

use super::*;
use crate::domain::{ManualClock, Network, Timestamp};

const MAX_WAIT: Duration = Duration::from_secs(5);

const LIMITS: GateLimits =
    GateLimits { places: 4, for_strangers: 3, per_known: 4, per_holder: 8, waiting_strangers: 64, max_wait: MAX_WAIT };

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

/// Those who were let in at once, those who wait, and how many were sent away.
type Crowd<'a> = (Vec<GatePlace<String>>, Vec<futures::future::BoxFuture<'a, Result<GatePlace<String>, GateBusy>>>, usize);

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
    let (admin, mut admins, _) = crowd(&gate, (0..3).map(|_| familiar("break-glass")));
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
    assert_eq!((state.inside.len(), state.strangers_inside, state.waiting_strangers.len), (0, 0, 0));
    assert!(state.inside_by_turn.is_empty() && state.known.is_empty() && state.waiting_strangers.turns.is_empty());
    assert!(state.strangers.has_room(Network::narrowest_of("2001:db8::1".parse().ok()), 1));
}

#[tokio::test]
async fn one_familiar_account_does_not_take_all_places_of_the_others() {
    let (gate, _) = gate();
    let (inside, waiting, sent_away) = crowd(&gate, (0..60).map(|_| familiar("eve")));
    assert_eq!((inside.len(), waiting.len(), sent_away), (4, 4, 52));
    let (_, mut of_alice, _) = crowd(&gate, [familiar("alice")]);
    let mut inside = inside;
    inside.pop();
    inside.pop();
    assert!(of_alice[0].as_mut().now_or_never().is_some(), "the second turn is hers");
}
