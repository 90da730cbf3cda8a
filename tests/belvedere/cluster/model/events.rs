//! The events of the model, at random.

use std::ops::Range;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::harness::cluster::NODES;
use crate::harness::fault_proxy::Fault;

/// The number of people, who are each as likely.
pub(super) const PEOPLE: usize = 4;

/// A number by which somebody is chosen among those who are there.
pub(super) type Choice = usize;

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// Somebody signs in with their password, and watches a page.
    SignIn { node: usize, person: usize },
    /// Somebody else, or they themselves in a browser that is known, tries a password that is wrong.
    Guess { node: usize, person: usize, is_known: bool, password: usize },
    /// A member signs out.
    SignOut { node: usize, member: Choice },
    /// A member ends all their other sessions.
    EndOthers { node: usize, member: Choice },
    /// An administrator ends all sessions of a person.
    Revoke { node: usize, person: usize },
    /// A member opens a page.
    Browse { node: usize, member: Choice },
    /// The page gets another title.
    EditPage,
    /// A node dies.
    Die { node: usize },
    /// Those that have died are started again.
    StartAll,
    /// A node is stopped in good order and started again.
    Update { node: usize },
    /// A node's way to the store, or the bus, changes.
    Connect { node: usize, edge: Edge, fault: Fault },
    /// All ways are free again.
    Heal,
    /// Time passes.
    Pass(Duration),
}

/// What a node reaches through a proxy.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edge {
    Store,
    Bus,
    Both,
}

/// A source of events, which a seed determines.
pub(super) struct Events {
    runner: TestRunner,
    strategy: BoxedStrategy<Event>,
}

impl Events {
    pub(super) fn from_seed(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Self { runner: TestRunner::new_with_rng(Config::default(), rng), strategy: strategy() }
    }

    pub(super) fn next(&mut self) -> Event {
        self.strategy.new_tree(&mut self.runner).unwrap().current()
    }
}

fn strategy() -> BoxedStrategy<Event> {
    const NODE: Range<usize> = 0..NODES;
    const PERSON: Range<usize> = 0..PEOPLE;
    let edge = prop_oneof![Just(Edge::Store), Just(Edge::Bus), Just(Edge::Both)];
    // What falls silent is found out by waiting, so it is seldom.
    let fault = prop_oneof![
        4 => Just(Fault::Refuse),
        1 => Just(Fault::Silent),
        2 => Just(Fault::Delay(Duration::from_millis(50))),
        2 => Just(Fault::Pass),
    ];
    let guess = (NODE, PERSON, prop::bool::weighted(0.2), 0..9_usize);
    prop_oneof![
        9 => (NODE, PERSON).prop_map(|(node, person)| Event::SignIn { node, person }),
        12 => guess.prop_map(|(node, person, is_known, password)| Event::Guess { node, person, is_known, password }),
        3 => (NODE, any::<Choice>()).prop_map(|(node, member)| Event::SignOut { node, member }),
        2 => (NODE, any::<Choice>()).prop_map(|(node, member)| Event::EndOthers { node, member }),
        2 => (NODE, PERSON).prop_map(|(node, person)| Event::Revoke { node, person }),
        8 => (NODE, any::<Choice>()).prop_map(|(node, member)| Event::Browse { node, member }),
        2 => Just(Event::EditPage),
        2 => NODE.prop_map(|node| Event::Die { node }),
        3 => Just(Event::StartAll),
        2 => NODE.prop_map(|node| Event::Update { node }),
        5 => (NODE, edge, fault).prop_map(|(node, edge, fault)| Event::Connect { node, edge, fault }),
        4 => Just(Event::Heal),
        25 => (1..80_u64).prop_map(|seconds| Event::Pass(Duration::from_secs(seconds))),
    ]
    .boxed()
}
