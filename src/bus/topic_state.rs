use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::context::EntryContext;
use super::entry::{BusEntry, Role, TopicUse};
use super::envelope::{EntryOrder, Envelope};
use super::key::TopicName;

/// The most that waits for whoever follows a topic: as much as its stream has. Who is slower loses the oldest.
const MAX_WAITING_ENTRIES: usize = 4_096;
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;

/// How long a node that gives a lease back for others to try lets them go first: they are told at once.
const STANDS_BACK: Duration = Duration::from_millis(1_500);

/// The place of an entry in its stream: the server's milliseconds, and a number among those of one.
pub(super) type StreamId = (u64, u64);

/// A topic as the bus sees it.
pub(super) struct TopicState {
    pub(super) name: TopicName,
    progress: Mutex<TopicProgress>,
    /// Notified when there is an entry, or another role.
    pub(super) changed: Notify,
}

/// How far a node is in a topic.
pub(super) struct TopicProgress {
    pub(super) role: Role,
    topic_use: TopicUse,
    /// How many wishes to lead there are.
    pub(super) wishes: usize,
    /// Whether the past has been read since the connection was made, so that nothing of it is asked again.
    pub(super) has_caught_up: bool,
    /// Whether the lease is being given back: until then it is not claimed again.
    pub(super) is_releasing: bool,
    /// Until when others go first.
    stands_back_until: Option<Instant>,
    /// The lease that is held, by its fencing number.
    pub(super) held: Option<u64>,
    /// How far the stream was read.
    pub(super) cursor: Option<StreamId>,
    /// The newest entry that was received, or appended.
    seen: EntryOrder,
    entries: VecDeque<BusEntry>,
    bytes: usize,
}

/// The outcome of an entry that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// It was new, or known.
    Done,
    /// Entries before it are missing: they are in the stream.
    Behind,
}

impl TopicState {
    pub(super) fn new(name: TopicName, role: Role, topic_use: TopicUse) -> Self {
        let progress = TopicProgress {
            role,
            topic_use,
            wishes: usize::from(topic_use != TopicUse::OnDemand),
            has_caught_up: false,
            is_releasing: false,
            stands_back_until: None,
            held: None,
            cursor: None,
            seen: EntryOrder::default(),
            entries: VecDeque::new(),
            bytes: 0,
        };
        Self { name, progress: Mutex::new(progress), changed: Notify::new() }
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, TopicProgress> {
        // Whole at every moment.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_role(&self, role: Role) {
        let mut progress = self.progress();
        if progress.role != role {
            progress.role = role;
            drop(progress);
            self.changed.notify_one();
        }
    }

    /// Takes an entry that has just been sent. It is left where one before it is missing.
    pub(super) fn receive(&self, bytes: &[u8], context: &EntryContext) -> Received {
        let Some(envelope) = Envelope::parse(bytes) else { return Received::Behind };
        let mut progress = self.progress();
        if envelope.order <= progress.seen {
            return Received::Done;
        }
        if !progress.has_caught_up || !progress.seen.is_followed_by(envelope.order) {
            return Received::Behind;
        }
        progress.take(&envelope, &self.name, context, false);
        drop(progress);
        self.changed.notify_one();
        Received::Done
    }

    /// Takes an entry that stands in the stream, unless it is known.
    pub(super) fn read(&self, id: StreamId, bytes: &[u8], context: &EntryContext) {
        let mut progress = self.progress();
        progress.cursor = Some(id);
        let Some(envelope) = Envelope::parse(bytes).filter(|envelope| envelope.order > progress.seen) else { return };
        progress.take(&envelope, &self.name, context, true);
        drop(progress);
        self.changed.notify_one();
    }

    /// An entry of this node's own stands in the stream.
    pub(super) fn echo(&self, entry: BusEntry) {
        self.progress().queue(entry);
        self.changed.notify_one();
    }

    /// The lease was lost, to another holder or because this node was late.
    pub(super) fn lose(&self, fence: u64) {
        let mut progress = self.progress();
        if progress.held == Some(fence) {
            progress.held = None;
            progress.role = Role::Following;
            drop(progress);
            self.changed.notify_one();
        }
    }
}

impl TopicProgress {
    /// Whether this node would lead.
    pub(super) fn is_wanted(&self) -> bool {
        self.wishes > 0
    }

    /// Whether this node receives its own entries.
    pub(super) fn is_agreed(&self) -> bool {
        self.topic_use == TopicUse::Agreed
    }

    /// Whether the lease may be claimed, or renewed.
    pub(super) fn may_claim(&self) -> bool {
        let stands_back = self.stands_back_until.is_some_and(|until| Instant::now() < until);
        self.is_wanted() && self.has_caught_up && !self.is_releasing && !stands_back
    }

    /// Lets others go first for a while.
    pub(super) fn step_back(&mut self) {
        self.stands_back_until = Some(Instant::now() + STANDS_BACK);
    }

    /// The number of the newest lease that is known.
    pub(super) fn newest_fence(&self) -> u64 {
        self.seen.fence.max(self.held.unwrap_or_default())
    }

    /// The place of the next entry of this node.
    pub(super) fn next_order(&mut self, fence: u64) -> EntryOrder {
        let number = if self.seen.fence == fence { self.seen.number + 1 } else { 1 };
        self.seen = EntryOrder { fence, number };
        self.seen
    }

    pub(super) fn take_entry(&mut self) -> Option<BusEntry> {
        let entry = self.entries.pop_front()?;
        self.bytes -= entry.text.len();
        Some(entry)
    }

    fn take(&mut self, envelope: &Envelope<'_>, name: &TopicName, context: &EntryContext, is_past: bool) {
        let Some(entry) = context.open(envelope, name, is_past) else { return };
        self.seen = envelope.order;
        self.queue(entry);
    }

    fn queue(&mut self, entry: BusEntry) {
        if self.topic_use == TopicUse::OnDemand {
            (self.bytes, self.entries) = (0, VecDeque::new());
        }
        self.bytes += entry.text.len();
        self.entries.push_back(entry);
        while self.entries.len() > MAX_WAITING_ENTRIES || (self.bytes > MAX_WAITING_BYTES && self.entries.len() > 1) {
            let _ = self.take_entry();
        }
    }
}
