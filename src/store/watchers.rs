use std::collections::{BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use tokio::sync::Notify;

use super::StoreError;
use super::watch::{Post, Watch};
use crate::domain::{Clock, EndReason, Fingerprint, Person, Timestamp};

/// A row that is watched is looked at this often, although news is told at once: a laptop's sleep stops timers, and another
/// process may have written into the file.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// When a row cannot be read, it is looked at again after this long …
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// … for so long in all. Then nobody can say that it still holds, and it does not.
const GIVE_UP_AFTER: Duration = Duration::from_mins(1);

/// So many rows are looked at by one question.
const LOOKED_AT_TOGETHER: usize = 256;

/// How a row stands that live connections hang on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is good until then, if nothing more is done.
    Lives {
        /// The first moment at which it is not.
        until: Timestamp,
        /// Its person, as the row has them: JSON.
        person: Vec<u8>,
    },
    /// It opens nothing for now: nobody could confirm its person for too long.
    Unconfirmed,
    /// It is over, and why.
    Ended(EndReason),
}

/// A store with rows that live connections hang on.
#[async_trait]
pub trait Watched: Clone + Send + Sync + 'static {
    /// What a row is, in the log: `session`.
    const ROW: &'static str;

    /// Who listens to its rows.
    fn watchers(&self) -> &Watchers;

    /// What the time is.
    fn clock(&self) -> &dyn Clock;

    /// How these rows stand, in any order. One that is missing in the answer is over.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    async fn standings(&self, rows: &[i64]) -> Result<Vec<(i64, Standing)>, StoreError>;
}

/// Who listens to which row of a store. A row has an entry for as long as somebody does, so there are never more than live
/// connections; and one task looks after all of them, with one question for many rows, and one timer.
#[derive(Default)]
pub struct Watchers {
    shared: Arc<Shared>,
}

#[derive(Default)]
pub(super) struct Shared {
    book: Mutex<Book>,
    /// Told when a look is due sooner than was planned.
    sooner: Notify,
}

#[derive(Default)]
struct Book {
    entries: HashMap<i64, Entry>,
    /// When which row is looked at, the next one first.
    agenda: BTreeSet<(Timestamp, i64)>,
    /// How many looks have begun.
    looks: u64,
    is_looked_after: bool,
}

struct Entry {
    post: Arc<Post>,
    listeners: usize,
    look_at: Timestamp,
    /// Since when it cannot be read.
    unread_since: Option<Timestamp>,
    /// Of the person as the row has them and as every listener knows them; `None` when one of them may not.
    written: Option<Fingerprint>,
    /// The newest look that had begun when the last listener came.
    joined: u64,
}

/// What the one who looks after the rows does next.
enum Next {
    /// Looks at these; it is the look of that number.
    Look(u64, Vec<i64>),
    /// Waits so long.
    Rest(Duration),
}

impl Watchers {
    /// Watches over a row of `store` whose person is `known` so, for as long as the watch is kept.
    ///
    /// Nothing is missed: what came before the watch is found in the store, what comes later is told. Must be called within
    /// a Tokio runtime, which looks after the rows.
    pub fn watch<S: Watched>(store: &S, row: i64, known: &Person) -> Watch {
        let shared = &store.watchers().shared;
        let now = store.clock().now();
        // Rows are written so too. Of one that was not, whoever listens is told once what they know.
        let known = Fingerprint::of(known);
        let mut book = shared.book();
        let (post, heard) = book.listen(row, known, now);
        let begins = !std::mem::replace(&mut book.is_looked_after, true);
        drop(book);
        shared.sooner.notify_one();
        if begins {
            tokio::spawn(look_after(store.clone(), Arc::clone(shared)));
        }
        Watch::new(Arc::clone(shared), row, post, heard)
    }

    /// Tells everybody who listens that the row is over, and forgets them.
    pub fn tell_the_end(&self, row: i64, reason: EndReason) {
        if let Some(entry) = self.shared.book().remove(row) {
            entry.post.ends(reason);
        }
    }

    /// Has everybody who listens hear what the row says now.
    pub fn tell_of_change(&self, row: i64) {
        self.shared.book().plan(row, Timestamp::from_millis(0));
        self.shared.sooner.notify_one();
    }

    /// How many listen to this row.
    pub fn listeners(&self, row: i64) -> usize {
        self.shared.book().entries.get(&row).map_or(0, |entry| entry.listeners)
    }

    /// How many rows somebody listens to.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shared.book().entries.len()
    }

    /// Every row that somebody listens to.
    pub fn rows(&self) -> Vec<i64> {
        self.shared.book().entries.keys().copied().collect()
    }
}

/// Looks after the rows until nobody listens any more.
async fn look_after<S: Watched>(store: S, shared: Arc<Shared>) {
    loop {
        let next = shared.book().next(store.clock().now());
        match next {
            None => return,
            Some(Next::Look(look, rows)) => {
                let looked = async {
                    let standings = store.standings(&rows).await;
                    shared.book().take(S::ROW, look, &rows, standings, store.clock().now());
                };
                // Whoever listens must not be left deaf. The panic itself is in the log.
                if AssertUnwindSafe(looked).catch_unwind().await.is_err() {
                    let now = store.clock().now();
                    for row in &rows {
                        shared.book().puzzled(*row, S::ROW, now);
                    }
                }
            }
            Some(Next::Rest(length)) => tokio::select! {
                () = store.clock().sleep(length) => (),
                () = shared.sooner.notified() => (),
            },
        }
    }
}

impl Shared {
    /// A panic elsewhere leaves the book whole: nothing that changes it can panic in between.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One listener has left.
    pub(super) fn leave(&self, row: i64, post: &Arc<Post>) {
        let mut book = self.book();
        // A row that has ended is out of the book, and a later one may have its place.
        let Some(entry) = book.entries.get_mut(&row).filter(|entry| Arc::ptr_eq(&entry.post, post)) else { return };
        entry.listeners -= 1;
        if entry.listeners == 0 {
            book.remove(row);
            if book.entries.is_empty() {
                self.sooner.notify_one();
            }
        }
    }
}

impl Book {
    /// One more listener, who knows the person so: where to listen, and up to which look they have heard.
    fn listen(&mut self, row: i64, known: Fingerprint, now: Timestamp) -> (Arc<Post>, u64) {
        let entry = self.entries.entry(row).or_insert_with(|| Entry {
            post: Arc::default(),
            listeners: 0,
            look_at: now,
            unread_since: None,
            written: Some(known),
            joined: 0,
        });
        entry.listeners += 1;
        entry.joined = self.looks;
        if entry.written != Some(known) {
            // One of them is mistaken. The next look tells everybody.
            entry.written = None;
        }
        let post = Arc::clone(&entry.post);
        self.plan(row, now);
        (post, self.looks)
    }

    /// Has a row looked at then.
    fn plan(&mut self, row: i64, at: Timestamp) {
        if let Some(entry) = self.entries.get_mut(&row) {
            self.agenda.remove(&(entry.look_at, row));
            entry.look_at = at;
            self.agenda.insert((at, row));
        }
    }

    fn remove(&mut self, row: i64) -> Option<Entry> {
        let entry = self.entries.remove(&row)?;
        self.agenda.remove(&(entry.look_at, row));
        Some(entry)
    }

    /// What there is to do; nothing, when nobody listens.
    fn next(&mut self, now: Timestamp) -> Option<Next> {
        let Some((first, _)) = self.agenda.first() else {
            self.is_looked_after = false;
            return None;
        };
        // Nothing is planned further off than this, unless the clock was set back: that must not put a look off until it has
        // caught up.
        let too_far = self.agenda.range((now + LOOK_AGAIN, i64::MAX)..);
        let due = self.agenda.range(..=(now, i64::MAX)).chain(too_far).map(|(_, row)| *row);
        let due: Vec<_> = due.take(LOOKED_AT_TOGETHER).collect();
        if due.is_empty() {
            return Some(Next::Rest(first.since(now)));
        }
        self.looks += 1;
        for row in &due {
            // Whoever begins to listen meanwhile, or is told of a change, has it looked at once more.
            self.plan(*row, now + LOOK_AGAIN);
        }
        Some(Next::Look(self.looks, due))
    }

    /// Takes in what a look has shown, and tells those who listen.
    fn take(
        &mut self,
        what: &str,
        look: u64,
        rows: &[i64],
        standings: Result<Vec<(i64, Standing)>, StoreError>,
        now: Timestamp,
    ) {
        let mut standings: HashMap<_, _> = match standings {
            Ok(standings) => standings.into_iter().collect(),
            Err(error) => {
                tracing::warn!(rows = rows.len(), %error, "what live connections hang on cannot be looked up: {what}s");
                for row in rows {
                    self.puzzled(*row, what, now);
                }
                return;
            }
        };
        for row in rows {
            match standings.remove(row).unwrap_or(Standing::Ended(EndReason::Expired)) {
                Standing::Ended(reason) => {
                    if let Some(entry) = self.remove(*row) {
                        entry.post.ends(reason);
                    }
                }
                Standing::Unconfirmed => {
                    if let Some(entry) = self.entries.get_mut(row) {
                        entry.unread_since = None;
                        entry.post.is_unconfirmed(look);
                    }
                }
                Standing::Lives { until, person } => self.lives(*row, what, look, until, &person, now),
            }
        }
    }

    fn lives(&mut self, row: i64, what: &str, look: u64, until: Timestamp, person: &[u8], now: Timestamp) {
        let Some(entry) = self.entries.get_mut(&row) else { return };
        let written = Fingerprint::of_bytes(person);
        if entry.written != Some(written) {
            let read: Person = match serde_json::from_slice(person) {
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(row, %error, "the person of a live connection's {what} cannot be read");
                    self.puzzled(row, what, now);
                    return;
                }
            };
            entry.written = Some(written);
            entry.post.is_of(look, read);
        }
        if entry.joined == look {
            // Whoever came while this look was under way has not heard what it showed. The one that they asked for tells everybody,
            // and nobody is harmed by hearing what they know.
            entry.written = None;
        }
        entry.unread_since = None;
        entry.post.is_good();
        // What began meanwhile to be due at once stays so.
        if entry.look_at > until {
            self.plan(row, until);
        }
    }

    /// A row could not be read: it is looked at again, and given up after a while.
    fn puzzled(&mut self, row: i64, what: &str, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(&row) else { return };
        let since = *entry.unread_since.get_or_insert(now);
        if now.since(since) < GIVE_UP_AFTER {
            // What began meanwhile to be due sooner stays so.
            if entry.look_at > now + TRY_AGAIN {
                self.plan(row, now + TRY_AGAIN);
            }
        } else if let Some(entry) = self.remove(row) {
            tracing::error!(row, "live connections end: their {what} cannot be looked up");
            entry.post.ends(EndReason::Expired);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::{Groups, ManualClock, PersonId};
    use crate::store::RowNews;

    const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

    /// Rows in memory, and how many questions were asked about them, and about how many rows each.
    #[derive(Clone)]
    struct Shelf {
        watchers: Arc<Watchers>,
        clock: Arc<ManualClock>,
        rows: Arc<Mutex<HashMap<i64, Standing>>>,
        questions: Arc<Mutex<Vec<usize>>>,
        /// Answers are held back while it is closed.
        gate: Arc<tokio::sync::Semaphore>,
    }

    #[async_trait]
    impl Watched for Shelf {
        const ROW: &'static str = "row";

        fn watchers(&self) -> &Watchers {
            &self.watchers
        }

        fn clock(&self) -> &dyn Clock {
            &*self.clock
        }

        async fn standings(&self, rows: &[i64]) -> Result<Vec<(i64, Standing)>, StoreError> {
            self.questions.lock().unwrap().push(rows.len());
            let answer = {
                let known = self.rows.lock().unwrap();
                rows.iter().filter_map(|row| Some((*row, known.get(row)?.clone()))).collect()
            };
            drop(self.gate.acquire().await);
            Ok(answer)
        }
    }

    impl Shelf {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::at(START));
            let gate = Arc::new(tokio::sync::Semaphore::new(1));
            Self { watchers: Arc::default(), clock, rows: Arc::default(), questions: Arc::default(), gate }
        }

        fn write(&self, row: i64, person: &Person) {
            let person = serde_json::to_vec(person).unwrap();
            self.set(row, Standing::Lives { until: START + Duration::from_hours(1), person });
        }

        fn set(&self, row: i64, standing: Standing) {
            self.rows.lock().unwrap().insert(row, standing);
        }

        fn watch(&self, row: i64, known: &Person) -> Watch {
            Watchers::watch(self, row, known)
        }

        /// Once everybody has done what there is to do now.
        async fn rests(&self) {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        }

        fn asked(&self) -> Vec<usize> {
            std::mem::take(&mut *self.questions.lock().unwrap())
        }
    }

    fn alice(name: &str) -> Person {
        Person {
            id: PersonId::new("objectGUID:1"),
            directory: None,
            username: "alice".into(),
            principal: None,
            display_name: name.into(),
            groups: Groups::default(),
            password_expires: None,
        }
    }

    async fn news(watch: &mut Watch) -> Option<RowNews> {
        tokio::select! {
            biased;
            news = watch.news() => Some(news),
            () = async { for _ in 0..100 { tokio::task::yield_now().await } } => None,
        }
    }

    #[tokio::test]
    async fn many_rows_are_looked_at_by_few_questions() {
        let shelf = Shelf::new();
        (0..1_000).for_each(|row| shelf.write(row, &alice("Alice")));
        let watches: Vec<_> = (0..1_000).map(|row| shelf.watch(row, &alice("Alice"))).collect();
        shelf.rests().await;
        assert_eq!(shelf.asked(), [256, 256, 256, 232], "they came at once");
        shelf.clock.advance(LOOK_AGAIN / 2);
        shelf.rests().await;
        assert_eq!(shelf.asked(), [0; 0]);
        shelf.clock.advance(LOOK_AGAIN / 2);
        shelf.rests().await;
        assert_eq!(shelf.asked(), [256, 256, 256, 232]);
        drop(watches);
        shelf.rests().await;
        assert_eq!(shelf.watchers.len(), 0);
        shelf.clock.advance(LOOK_AGAIN);
        shelf.rests().await;
        assert_eq!(shelf.asked(), [0; 0], "nobody is there");
        let _again = shelf.watch(1, &alice("Alice"));
        shelf.rests().await;
        assert_eq!(shelf.asked(), [1], "and somebody is again");
    }

    #[tokio::test]
    async fn two_who_know_their_person_otherwise_both_come_to_know_them() {
        for (now, heard) in
            [("Old", [None, Some("Old")]), ("New", [Some("New"), None]), ("Newest", [Some("Newest"); 2])]
        {
            let shelf = Shelf::new();
            shelf.write(1, &alice("Old"));
            let mut first = shelf.watch(1, &alice("Old"));
            shelf.rests().await;
            shelf.write(1, &alice(now));
            let mut second = shelf.watch(1, &alice("New"));
            shelf.rests().await;
            for (watch, heard) in [&mut first, &mut second].into_iter().zip(heard) {
                let news = news(watch).await;
                // Who is told what they know already can do nothing wrong by it.
                let known = news == Some(RowNews::Changed(alice(now)));
                assert!(known || heard.is_none() && news.is_none(), "{news:?}, expected {heard:?} of {now}");
            }
        }
    }

    #[tokio::test]
    async fn who_comes_while_a_change_is_looked_up_hears_of_it_too() {
        let shelf = Shelf::new();
        shelf.write(1, &alice("Old"));
        let mut first = shelf.watch(1, &alice("Old"));
        shelf.rests().await;
        let closed = Arc::clone(&shelf.gate).acquire_owned().await.unwrap();
        shelf.write(1, &alice("New"));
        shelf.watchers.tell_of_change(1);
        shelf.rests().await;
        let mut second = shelf.watch(1, &alice("Old"));
        drop(closed);
        assert_eq!(news(&mut first).await, Some(RowNews::Changed(alice("New"))));
        assert_eq!(news(&mut second).await, Some(RowNews::Changed(alice("New"))));

        // The same where the first has gone by then, and the row is begun anew.
        let closed = Arc::clone(&shelf.gate).acquire_owned().await.unwrap();
        shelf.write(1, &alice("Newest"));
        shelf.watchers.tell_of_change(1);
        shelf.rests().await;
        drop((first, second));
        let mut third = shelf.watch(1, &alice("New"));
        drop(closed);
        assert_eq!(news(&mut third).await, Some(RowNews::Changed(alice("Newest"))));
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_puts_no_row_off() {
        let shelf = Shelf::new();
        (0..1_000).for_each(|row| shelf.write(row, &alice("Alice")));
        let _watches: Vec<_> = (0..1_000).map(|row| shelf.watch(row, &alice("Alice"))).collect();
        shelf.rests().await;
        shelf.asked();
        shelf.clock.set_back(Duration::from_hours(24));
        shelf.clock.advance(LOOK_AGAIN);
        shelf.rests().await;
        assert_eq!(shelf.asked(), [256, 256, 256, 232], "all of them, and each once");
    }

    #[tokio::test]
    async fn what_nobody_could_confirm_and_somebody_did_since_is_no_news() {
        let shelf = Shelf::new();
        shelf.write(1, &alice("Alice"));
        let mut watch = shelf.watch(1, &alice("Alice"));
        assert_eq!(news(&mut watch).await, None);
        shelf.set(1, Standing::Unconfirmed);
        shelf.watchers.tell_of_change(1);
        shelf.rests().await;
        shelf.write(1, &alice("Alice"));
        shelf.watchers.tell_of_change(1);
        shelf.rests().await;
        assert_eq!(news(&mut watch).await, None);
        shelf.set(1, Standing::Unconfirmed);
        shelf.watchers.tell_of_change(1);
        assert_eq!(news(&mut watch).await, Some(RowNews::Unconfirmed));
        assert_eq!(news(&mut watch).await, None, "once for each look");
    }

    #[tokio::test]
    async fn a_row_is_looked_at_when_its_time_is_over_and_after_a_clock_was_set_back() {
        let shelf = Shelf::new();
        let person = serde_json::to_vec(&alice("Alice")).unwrap();
        shelf.set(1, Standing::Lives { until: START + Duration::from_secs(10), person });
        let mut watch = shelf.watch(1, &alice("Alice"));
        assert_eq!(news(&mut watch).await, None);
        shelf.clock.set_back(Duration::from_hours(24));
        shelf.set(1, Standing::Ended(EndReason::Expired));
        shelf.clock.advance(Duration::from_secs(10));
        assert_eq!(news(&mut watch).await, Some(RowNews::Ended(EndReason::Expired)));
        assert_eq!(news(&mut watch).await, Some(RowNews::Ended(EndReason::Expired)), "and to whoever asks again");
    }
}
