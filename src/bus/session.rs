use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::StreamExt;
use redis::aio::{MultiplexedConnection, PubSubSink, PubSubStream};
use redis::{RedisError, RedisResult};
use tokio::sync::Notify;

use super::connection::{BusConnections, RESPONSE_TIMEOUT};
use super::entry::Role;
use super::error::BusError;
use super::key::{FENCE_KEY, TopicName};
use super::scripts::{APPEND, CLAIM, LONG_ENTRY, RELEASE};
use super::shared::{BusShared, BusState, OutgoingEntry, lock};
use super::topic_state::{Received, TopicState};

/// How long a lease lasts without being renewed: three rounds, so that one that is late loses nothing. It is also how long a
/// board may stand still whose node was killed.
const LEASE: Duration = Duration::from_secs(3);

/// The interval in which leases are claimed and renewed.
const ROUND: Duration = Duration::from_secs(1);

/// How many topics one command is about: each takes the server some microseconds, in which others wait.
const MAX_TOPICS_AT_A_TIME: usize = 256;

/// How many entries one command appends, and how many bytes of them.
const MAX_APPENDED: usize = 128;
const MAX_APPENDED_BYTES: usize = 1024 * 1024;

/// The longest entry that is sent to who listens. A longer one is fetched by whoever needs it, as the server cuts listeners off
/// for whom too much waits.
const MAX_SENT_BYTES: usize = 64 * 1024;

/// A connection to the bus, from its beginning to its end.
pub(super) struct BusSession<'a> {
    server: String,
    pub(super) commands: MultiplexedConnection,
    listening: PubSubSink,
    pub(super) shared: &'a BusShared,
    /// The topics whose stream has to be read.
    behind: Mutex<HashMap<TopicName, Arc<TopicState>>>,
    fell_behind: Notify,
}

impl<'a> BusSession<'a> {
    /// Works until the connection fails, and returns why.
    pub(super) async fn run(connections: BusConnections, shared: &'a BusShared) -> BusError {
        let BusConnections { server, commands, news, driver: _driver } = connections;
        let (listening, news) = news.split();
        let (behind, fell_behind) = (Mutex::default(), Notify::new());
        let session = Self { server, commands, listening, shared, behind, fell_behind };
        match session.work(news).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn work(&self, news: PubSubStream) -> Result<Infallible, BusError> {
        // Whether the server does as it is told, and its clock.
        self.claim(&[]).await?;
        self.shared.rejoin_all();
        *lock(&self.shared.commands) = Some(self.commands.clone());
        self.shared.set_state(BusState::Up);
        tracing::info!(server = self.server, "the bus is there: queries are executed once for all nodes");
        tokio::select! {
            failed = self.follow_membership() => failed,
            failed = self.receive(news) => failed,
            failed = self.hold_leases() => failed,
            failed = self.append() => failed,
            failed = self.catch_up() => failed,
        }
    }

    /// Listens to topics that are joined, and gives back what is held of those that are left.
    async fn follow_membership(&self) -> Result<Infallible, BusError> {
        loop {
            self.shared.membership_changed.notified().await;
            let changes = std::mem::take(&mut *lock(&self.shared.membership));
            let given_back: Vec<_> = changes.left.iter().chain(&changes.released).collect();
            for names in given_back.chunks(MAX_TOPICS_AT_A_TIME) {
                let mut release = RELEASE.arg(&self.shared.holder);
                for name in names {
                    release.key(name.lease()).key(name.stream());
                }
                self.check(release.invoke_async::<()>(&mut self.commands.clone()).await)?;
            }
            changes.released.iter().filter_map(|name| self.shared.topic(name)).for_each(|topic| self.has_released(&topic));
            let gone = changes.left.iter().filter(|name| self.shared.topic(name).is_none());
            let gone: Vec<_> = gone.map(TopicName::stream).collect();
            for names in gone.chunks(MAX_TOPICS_AT_A_TIME) {
                self.in_time(self.listening.clone().unsubscribe(names)).await?;
            }
            for topics in changes.joined.chunks(MAX_TOPICS_AT_A_TIME) {
                let names: Vec<_> = topics.iter().map(|topic| topic.name.stream()).collect();
                self.in_time(self.listening.clone().subscribe(names)).await?;
                // The past after that: between the two nothing is missed.
                for topic in topics {
                    self.fall_behind(topic);
                }
            }
            self.shared.membership_settled.notify_waiters();
        }
    }

    /// Takes what other nodes send.
    async fn receive(&self, mut news: PubSubStream) -> Result<Infallible, BusError> {
        while let Some(message) = news.next().await {
            let name = TopicName::of_stream(message.get_channel_name());
            let Some(topic) = name.and_then(|name| self.shared.topic(&name)) else { continue };
            match message.get_payload_bytes() {
                [] => self.may_be_claimed(&topic),
                LONG_ENTRY => self.fall_behind(&topic),
                entry if topic.receive(entry, &self.shared.context) == Received::Behind => self.fall_behind(&topic),
                _ => (),
            }
        }
        Err(BusError::Failed(self.server.clone(), "it has hung up".to_owned()))
    }

    /// Claims and renews leases: all of them each round, and those of new topics at once.
    async fn hold_leases(&self) -> Result<Infallible, BusError> {
        let mut rounds = tokio::time::interval(ROUND);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let is_round = tokio::select! {
                _ = rounds.tick() => true,
                () = self.shared.claims.notified() => false,
            };
            let topics = self.shared.topics().into_iter().filter(|topic| {
                let progress = topic.progress();
                progress.may_claim() && (is_round || matches!(progress.role, Role::Undecided | Role::Alone))
            });
            for topics in topics.collect::<Vec<_>>().chunks(MAX_TOPICS_AT_A_TIME) {
                self.claim(topics).await?;
            }
            if is_round {
                // Who only listens would not notice that nobody speaks any more.
                self.in_time(self.listening.clone().ping::<redis::Value>()).await?;
            }
        }
    }

    /// Claims the leases of these topics, and learns what time it is there.
    async fn claim(&self, topics: &[Arc<TopicState>]) -> Result<(), BusError> {
        let mut claim = CLAIM.key(FENCE_KEY);
        claim.arg(&self.shared.holder).arg(millis(LEASE));
        for topic in topics {
            claim.key(topic.name.lease()).arg(topic.progress().newest_fence());
        }
        let context = &self.shared.context;
        let asked = Instant::now();
        let answer: Vec<i64> = self.check(claim.invoke_async(&mut self.commands.clone()).await)?;
        let [seconds, micros, fences @ ..] = answer.as_slice() else {
            return Err(BusError::Failed(self.server.clone(), "it answers something else".to_owned()));
        };
        context.offset.learn(&*context.clock, seconds * 1000 + micros / 1000, asked.elapsed());
        for (topic, fence) in topics.iter().zip(fences) {
            self.decide(topic, u64::try_from(*fence).unwrap_or_default());
        }
        Ok(())
    }

    /// Settles who leads a topic, by the number of the lease that is held now, or 0.
    fn decide(&self, topic: &Arc<TopicState>, fence: u64) {
        let mut progress = topic.progress();
        let role = match fence {
            0 => {
                progress.held = None;
                Role::Following
            }
            fence if !progress.is_wanted() => {
                progress.held = Some(fence);
                drop(progress);
                return self.shared.give_back(topic);
            }
            fence if progress.held == Some(fence) => Role::Leading(fence),
            fence => {
                // What its last holder has appended comes first.
                progress.held = Some(fence);
                drop(progress);
                return self.fall_behind(topic);
            }
        };
        drop(progress);
        topic.set_role(role);
    }

    /// Appends what this node has been answered.
    async fn append(&self) -> Result<Infallible, BusError> {
        loop {
            let entries = self.shared.take_outgoing(MAX_APPENDED, MAX_APPENDED_BYTES);
            if entries.is_empty() {
                self.shared.outgoing_changed.notified().await;
                continue;
            }
            let mut append = APPEND.prepare_invoke();
            for OutgoingEntry { topic, fence, bytes, most, kept, is_last, .. } in &entries {
                append.key(topic.name.lease()).key(topic.name.stream());
                append.arg(format!("{fence} {}", self.shared.holder)).arg(*most).arg(millis(*kept));
                append.arg(u8::from(*is_last)).arg(u8::from(bytes.len() > MAX_SENT_BYTES)).arg(&**bytes);
            }
            let appended: Vec<u8> = self.check(append.invoke_async(&mut self.commands.clone()).await)?;
            self.shared.context.metrics.add_sent(entries.len());
            for (entry, appended) in entries.into_iter().zip(appended) {
                if entry.is_last {
                    self.has_released(&entry.topic);
                } else if appended == 0 {
                    entry.topic.lose(entry.fence);
                } else if let Some(echo) = entry.echo {
                    entry.topic.echo(echo);
                }
            }
        }
    }

    /// Reads the streams of topics of which something is missing.
    async fn catch_up(&self) -> Result<Infallible, BusError> {
        loop {
            self.fell_behind.notified().await;
            loop {
                let topics: Vec<_> = {
                    let mut behind = lock(&self.behind);
                    let names: Vec<_> = behind.keys().take(Self::MAX_PASTS_AT_A_TIME).cloned().collect();
                    names.iter().filter_map(|name| behind.remove(name)).collect()
                };
                if topics.is_empty() {
                    break;
                }
                self.read_pasts(&topics).await?;
                for topic in &topics {
                    self.has_caught_up(topic);
                }
            }
        }
    }

    fn has_caught_up(&self, topic: &Arc<TopicState>) {
        let mut progress = topic.progress();
        progress.has_caught_up = true;
        let (held, is_wanted) = (progress.held, progress.is_wanted());
        drop(progress);
        match held {
            Some(fence) if is_wanted => topic.set_role(Role::Leading(fence)),
            Some(_) => self.shared.give_back(topic),
            None if is_wanted => self.shared.claims.notify_one(),
            None => topic.set_role(Role::Undecided),
        }
    }

    fn fall_behind(&self, topic: &Arc<TopicState>) {
        lock(&self.behind).insert(topic.name.clone(), Arc::clone(topic));
        self.fell_behind.notify_one();
    }

    /// Claims a lease at once that its holder has given back.
    fn may_be_claimed(&self, topic: &TopicState) {
        let progress = topic.progress();
        if progress.is_wanted() && progress.role == Role::Following {
            drop(progress);
            topic.set_role(Role::Undecided);
            self.shared.claims.notify_one();
        }
    }

    fn has_released(&self, topic: &TopicState) {
        let mut progress = topic.progress();
        progress.is_releasing = false;
        if progress.is_wanted() {
            self.shared.claims.notify_one();
        }
    }

    pub(super) fn check<T>(&self, result: RedisResult<T>) -> Result<T, BusError> {
        result.map_err(|error| BusError::of_command(&self.server, &error))
    }

    /// Waits for an answer to who listens, for which the library knows no deadline.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, RedisError>>) -> Result<T, BusError> {
        match tokio::time::timeout(RESPONSE_TIMEOUT, work).await {
            Ok(result) => self.check(result),
            Err(_) => Err(BusError::TimedOut(self.server.clone())),
        }
    }
}

/// Lets the server execute a script, and answer who listens.
///
/// # Errors
/// Why it does not.
pub(super) async fn probe(connections: &mut BusConnections) -> Result<(), BusError> {
    let BusConnections { server, commands, news, .. } = connections;
    let mut claim = CLAIM.key(FENCE_KEY);
    let claimed = claim.arg("nobody").arg(1).invoke_async::<Vec<i64>>(commands).await;
    claimed.map_err(|error| BusError::of_command(server, &error))?;
    let listening = tokio::time::timeout(RESPONSE_TIMEOUT, news.ping::<redis::Value>()).await;
    listening.map_err(|_| BusError::TimedOut(server.clone()))?.map_err(|error| BusError::of_command(server, &error))?;
    Ok(())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
