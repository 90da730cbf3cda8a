//! The cluster of the model, its people and its time, and what events do to them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use belvedere::demo_directory::{SampleDomain, SampleLockoutPolicy};
use reqwest::StatusCode;

use super::events::{Edge, Event, PEOPLE};
use super::members::{SessionFate, SignedIn, SignedInPeople};
use super::virtual_time::VirtualTime;
use crate::cluster::count_page;
use crate::harness::cluster::{Cluster, NODES};
use crate::harness::fault_proxy::Fault;
use crate::harness::json_server::JsonServer;
use crate::harness::viewer::Viewer;
use crate::harness::visitor::{Response, Visitor};

/// The people who sign in.
pub(super) const USERNAMES: [&str; PEOPLE] = ["alice", "bob", "carol", "zoe"];

/// The rule of the directory, which is strict: what is counted wrongly is seen.
const LOCKOUT: SampleLockoutPolicy =
    SampleLockoutPolicy { threshold: 5, observation_window: Duration::from_mins(30), duration: Duration::from_mins(30) };

/// The most sessions that live at a time.
const MAX_LIVING: usize = 12;

/// The longest time for which a node is cut off from its store: longer than any row goes unchecked, and shorter than
/// `sessions.max_staleness`, for which live connections go on.
const MAX_CUT: Duration = Duration::from_mins(3);

/// By when a node has reached its store again: generous, for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is asked meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// The cookie of a session.
const SESSION_COOKIE: &str = "belvedere";

/// The cluster with all that is known of it.
pub(super) struct World {
    pub(super) cluster: Cluster,
    pub(super) people: SignedInPeople,
    pub(super) counts: Counts,
    pub(super) time: VirtualTime,
    /// The state of each node's way to the store.
    ways: [Fault; NODES],
    /// The time that has passed since the first of them was cut.
    cut_for: Duration,
    /// The cookies of each person's browser, in which they have signed in.
    browsers: [BTreeMap<String, String>; PEOPLE],
    edits: usize,
    guesses: usize,
    _counter: JsonServer,
}

/// How often what matters has happened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    signed_in: usize,
    guesses_heard: usize,
    guesses_held: usize,
    ended: usize,
    nodes_gone: usize,
    pages_read: usize,
}

impl Counts {
    pub(super) fn of_what_matters(self) -> [(&'static str, usize); 6] {
        [
            ("sign-ins", self.signed_in),
            ("wrong passwords", self.guesses_heard),
            ("refused tries", self.guesses_held),
            ("sign-outs and revocations", self.ended),
            ("nodes that died or were updated", self.nodes_gone),
            ("pages read", self.pages_read),
        ]
    }
}

impl World {
    /// `None`, said loudly, where a server cannot be started.
    pub(super) async fn open() -> Option<Self> {
        let counter = JsonServer::counting().await;
        let page = members_page(0);
        let builder = Cluster::builder()?.page("members", &page).set("sources.counter.kind", "http");
        let time = VirtualTime::of(&builder).await;
        let settings = [
            ("directory.bind_name", "svc-reader@belvedere.example"),
            ("directory.bind_password", "svc-reader-demo"),
            ("sessions.idle", "300d"),
            ("sessions.absolute", "300d"),
            ("live.heartbeat", "5m"),
            ("live.batch_interval", "10ms"),
            ("store.connect_timeout", "1s"),
            ("store.statement_timeout", "1s"),
        ];
        let builder = settings.into_iter().fold(builder, |builder, (path, value)| builder.set(path, value));
        let builder = builder.set("sources.counter.url", counter.url("/count")).set("admins.users", vec!["grace"]);
        let sample = SampleDomain { lockout: LOCKOUT, ..SampleDomain::demo() };
        let cluster = builder.on(sample, time.clock(), time.nodes()).open().await?;
        Some(Self {
            cluster,
            people: SignedInPeople::default(),
            counts: Counts::default(),
            time,
            ways: [Fault::Pass; NODES],
            cut_for: Duration::ZERO,
            browsers: [const { BTreeMap::new() }; PEOPLE],
            edits: 0,
            guesses: 0,
            _counter: counter,
        })
    }

    /// Has something happen, as far as it can.
    pub(super) async fn apply(&mut self, event: Event) {
        match event {
            Event::SignIn { node, person } if self.runs(node) => self.sign_in(node, person).await,
            Event::Guess { node, person, is_known, password } if self.runs(node) => {
                self.guess(node, person, is_known, password).await;
            }
            Event::SignOut { node, member } if self.runs(node) => self.sign_out(node, member).await,
            Event::EndOthers { node, member } if self.runs(node) => self.end_others(node, member).await,
            Event::Revoke { node, person } if self.runs(node) => self.revoke(node, person).await,
            Event::Browse { node, member } if self.runs(node) => self.browse(node, member).await,
            Event::EditPage => {
                self.edits += 1;
                self.cluster.nodes.iter().for_each(|node| node.write_page("members", &members_page(self.edits)));
            }
            // One is left at least.
            Event::Die { node } if self.runs(node) && self.running() > 1 => {
                self.cluster.nodes[node].kill().await;
                self.is_gone(node);
            }
            Event::StartAll => self.start_all().await,
            Event::Update { node } if self.runs(node) && self.running() > 1 => {
                // Otherwise it goes on trying to write down what it has to, as long as it may.
                self.connect(node, Edge::Store, Fault::Pass).await;
                self.cluster.nodes[node].shut_down().await;
                self.is_gone(node);
                self.start(node).await;
            }
            Event::Connect { node, edge, fault } => self.connect(node, edge, fault).await,
            Event::Heal => self.heal().await,
            Event::Pass(duration) => {
                self.cut_for += duration;
                if self.cut_for > MAX_CUT && self.ways.iter().any(|way| *way != Fault::Pass) {
                    self.heal().await;
                }
                self.time.pass(duration).await;
            }
            // It is not there.
            _ => {}
        }
    }

    /// Starts all nodes that have died.
    pub(super) async fn start_all(&mut self) {
        for node in 0..self.cluster.nodes.len() {
            if !self.runs(node) {
                self.start(node).await;
            }
        }
    }

    /// Frees all ways, and waits until they are used again.
    pub(super) async fn heal(&mut self) {
        let was_cut = self.ways.iter().any(|way| *way != Fault::Pass);
        for node in 0..self.cluster.nodes.len() {
            self.connect(node, Edge::Both, Fault::Pass).await;
        }
        if was_cut {
            self.stores_are_reached().await;
        }
        self.cut_for = Duration::ZERO;
    }

    /// Waits until each node serves somebody whose session lives, for which it has to ask its store. Without that, time that passes at
    /// once is time for which sessions could not be looked up.
    async fn stores_are_reached(&mut self) {
        let Some(index) = self.people.living(0) else { return };
        let deadline = Instant::now() + PATIENCE;
        for node in (0..self.cluster.nodes.len()).filter(|node| self.cluster.nodes[*node].runs()) {
            let visitor = self.people.0[index].at(self.cluster.nodes[node].address);
            while visitor.opens("/p/members").await.status == StatusCode::SERVICE_UNAVAILABLE && Instant::now() < deadline {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        }
    }

    /// A person's own browser, signed out.
    fn browser(&self, node: usize, person: usize) -> Visitor {
        let mut browser = self.visitor(node, &format!("192.0.2.{}", person + 1));
        browser.cookies.clone_from(&self.browsers[person]);
        browser
    }

    /// A browser without cookies at this address, which asks a node.
    fn visitor(&self, node: usize, address: &str) -> Visitor {
        self.cluster.nodes[node].visitor().at(address)
    }

    async fn sign_in(&mut self, node: usize, person: usize) {
        if self.people.0.iter().filter(|member| member.fate == SessionFate::Lives).count() >= MAX_LIVING {
            return;
        }
        let (username, password) = (USERNAMES[person], self.cluster.password(USERNAMES[person]).to_owned());
        let mut visitor = self.browser(node, person);
        let answer = visitor.tries_to_sign_in(username, &password, "/").await;
        if answer.status != StatusCode::SEE_OTHER {
            return is_held(&answer);
        }
        self.counts.signed_in += 1;
        self.browsers[person] = visitor.cookies.clone();
        self.browsers[person].remove(SESSION_COOKIE);
        let mut servers = self.cluster.addresses();
        servers.rotate_left(node);
        let viewer = Viewer::of("members", "count", &visitor, &servers);
        self.people.0.push(SignedIn { visitor, person, fate: SessionFate::Lives, viewer });
    }

    async fn guess(&mut self, node: usize, person: usize, is_known: bool, password: usize) {
        self.guesses += 1;
        let stranger = format!("203.0.113.{}", self.guesses % 9 + 1);
        let mut visitor = if is_known { self.browser(node, person) } else { self.visitor(node, &stranger) };
        let answer = visitor.tries_to_sign_in(USERNAMES[person], &format!("wrong {password}"), "/").await;
        match answer.status {
            StatusCode::UNAUTHORIZED => self.counts.guesses_heard += 1,
            StatusCode::TOO_MANY_REQUESTS => self.counts.guesses_held += 1,
            _ => is_held(&answer),
        }
    }

    async fn sign_out(&mut self, node: usize, choice: usize) {
        let (Some(index), address) = (self.people.living(choice), self.cluster.nodes[node].address) else { return };
        let visitor = self.people.0[index].at(address);
        let home = visitor.opens("/").await;
        let Some(csrf) = home.field("/logout", "csrf") else { return };
        let cookies = visitor.cookies.clone();
        let answer = visitor.posts("/logout", &[("csrf", &csrf)]).await;
        // It goes on being asked with the cookie, as a thief would.
        visitor.cookies = cookies;
        let is_written = self.ways[node] == Fault::Pass;
        self.people.0[index].fate = match answer.status {
            StatusCode::SEE_OTHER if is_written => SessionFate::Ended,
            StatusCode::SEE_OTHER => SessionFate::EndedAt(node),
            _ => SessionFate::Unknown,
        };
        self.counts.ended += 1;
    }

    async fn end_others(&mut self, node: usize, choice: usize) {
        let (Some(index), address) = (self.people.living(choice), self.cluster.nodes[node].address) else { return };
        let visitor = self.people.0[index].at(address);
        let Some(csrf) = visitor.opens("/account").await.field("/account/sessions/end-others", "csrf") else { return };
        let answer = visitor.posts("/account/sessions/end-others", &[("csrf", &csrf)]).await;
        self.have_ended(&answer, self.people.0[index].person, Some(index));
    }

    async fn revoke(&mut self, node: usize, person: usize) {
        let mut grace = self.visitor(node, "192.0.2.99");
        let signed_in = grace.tries_to_sign_in("grace", self.cluster.password("grace"), "/").await;
        if signed_in.status != StatusCode::SEE_OTHER {
            return is_held(&signed_in);
        }
        let list = grace.opens(&format!("/admin/sessions?name={}", USERNAMES[person])).await;
        let action = "/admin/sessions/end-all-of";
        if let (Some(of), Some(csrf)) = (list.field(action, "person"), list.field(action, "csrf")) {
            let answer = grace.posts(action, &[("person", &of), ("csrf", &csrf)]).await;
            self.have_ended(&answer, person, None);
        }
    }

    /// All sessions of a person, but for one, have ended if the answer says so.
    fn have_ended(&mut self, answer: &Response, person: usize, but: Option<usize>) {
        let is_done = answer.status == StatusCode::SEE_OTHER
            && answer.location.as_ref().is_some_and(|location| location.contains("ended"));
        self.people.end_all_of(person, but, if is_done { SessionFate::Ended } else { SessionFate::Unknown });
        self.counts.ended += usize::from(is_done);
    }

    async fn browse(&mut self, node: usize, choice: usize) {
        let (Some(index), address) = (self.people.living(choice), self.cluster.nodes[node].address) else { return };
        let member = &mut self.people.0[index];
        let answer = member.at(address).opens("/p/members").await;
        match answer.status {
            StatusCode::OK => self.counts.pages_read += 1,
            StatusCode::SERVICE_UNAVAILABLE => {}
            status => panic!("a session that lives is answered {status} {:?}: {}", answer.location, answer.body),
        }
    }

    async fn connect(&mut self, node: usize, edge: Edge, fault: Fault) {
        let proxies = &self.cluster.nodes[node];
        if matches!(edge, Edge::Store | Edge::Both) {
            if self.ways.iter().all(|way| *way == Fault::Pass) {
                self.cut_for = Duration::ZERO;
            }
            proxies.store.set(fault).await;
            self.ways[node] = fault;
        }
        if matches!(edge, Edge::Bus | Edge::Both) {
            proxies.bus.set(fault).await;
        }
    }

    /// Starts a node, which it does not without its store.
    async fn start(&mut self, node: usize) {
        self.connect(node, Edge::Store, Fault::Pass).await;
        self.cluster.nodes[node].start().await;
    }

    fn is_gone(&mut self, node: usize) {
        self.people.forget_what_only_knew(node);
        self.counts.nodes_gone += 1;
    }

    fn runs(&self, node: usize) -> bool {
        self.cluster.nodes[node].runs()
    }

    fn running(&self) -> usize {
        self.cluster.nodes.iter().filter(|node| node.runs()).count()
    }
}

/// The sign-in was put off, and not judged.
fn is_held(answer: &Response) {
    let is_put_off = matches!(answer.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
    assert!(is_put_off, "{} {:?} {}", answer.status, answer.location, answer.body);
}

/// The page that all watch, after so many edits.
fn members_page(edits: usize) -> String {
    count_page(&format!("Members {edits}"), "5s").replace("\"public\"", "\"signed-in\"")
}
