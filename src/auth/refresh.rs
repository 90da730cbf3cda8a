mod targets;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use itertools::Itertools as _;
use tokio::sync::watch;

use super::Auth;
use super::revocation::EndedCredentials;
use crate::audit::{Audit, AuditEvent};
use crate::directory::{AccountStatus, Directory, RemovalReason, Unreachable};
use crate::domain::{Client, Clock, EndReason, Group, Groups, Person, PersonId, Realm, Timestamp};
use crate::epochs::{ObservedPassword, PersonEpochs, RevocationEvent, RevokedPeople};
use crate::nodes::{Lease, LeaseState};
use crate::sessions::Sessions;
use crate::store::{PeopleBatch, StoreError};
use crate::tokens::Tokens;
use targets::RefreshTargets;

/// The most people in one request to the directory: two searches for them, and one or two a level of nesting for all
/// their groups. More would make a request long, fewer would read the same groups again and again.
const BATCH_SIZE: usize = 200;

/// The most parts that people are divided into over the interval: a steady trickle, in tens of searches.
const MAX_PARTS: usize = 10;

/// The fewest people worth a part of their own.
const MIN_PART_SIZE: usize = 100;

/// The wait before an unreachable directory is tried again …
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(5);

/// … doubled each time, up to this: a minute after it is back, everybody is confirmed.
const MAX_RETRY_DELAY: Duration = Duration::from_mins(1);

/// The number of people that an unreachable directory is tried with.
const RETRY_SAMPLE: usize = 10;

/// A failure for so few people may be about them, and not about the directory.
const ISOLATED_AT_MOST: usize = 3;

/// The background task that refreshes the people of sessions and API tokens from the directory, and ends what those who
/// may not sign in any more have.
///
/// Every person is refreshed once per interval. An unreachable directory ends nothing: its people's sessions live on
/// until they are too old (`sessions.max_staleness`), and are valid again when it answers.
pub struct SessionRefresher {
    directory: Arc<dyn Directory>,
    targets: RefreshTargets,
    epochs: Option<PersonEpochs>,
    audit: Audit,
    clock: Arc<dyn Clock>,
    interval: Duration,
    lease: Lease,
    report: watch::Sender<RefreshReport>,
}

/// The state of the refresh, for admins and for the note that members see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefreshReport {
    /// When the last whole round ended.
    pub last_completed: Option<Timestamp>,
    /// The number of people in it.
    pub people: usize,
    /// The unreachable directories, by their names; the default one has none.
    pub outages: BTreeMap<Realm, DirectoryOutage>,
}

/// The outage of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryOutage {
    /// When it began.
    pub since: Timestamp,
    /// The cause, for admins.
    pub reason: String,
}

/// The position in the current round, and the people of unreachable directories.
#[derive(Default)]
struct RefreshCursor {
    /// The last person that was refreshed in this round.
    after: Option<PersonId>,
    /// The number of people refreshed in this round.
    refreshed: usize,
    /// Some people of each unreachable directory: it is tried again with them.
    unreachable: BTreeMap<Realm, Vec<Person>>,
    /// The wait before that.
    retry_delay: Duration,
}

impl SessionRefresher {
    /// Creates the task; [`SessionRefresher::run`] runs it. Each person is refreshed once per `interval`.
    pub fn new(
        directory: Arc<dyn Directory>,
        sessions: Sessions,
        audit: Audit,
        clock: Arc<dyn Clock>,
        interval: Duration,
    ) -> Self {
        let targets = RefreshTargets { sessions, tokens: None, passwords: None };
        let lease = Lease::always_held();
        Self { directory, targets, epochs: None, audit, clock, interval, lease, report: watch::Sender::default() }
    }

    /// Refreshes people only while this node holds the lease, as one does for all.
    #[must_use]
    pub fn with_lease(self, lease: Lease) -> Self {
        Self { lease, ..self }
    }

    /// Refreshes the people of API tokens as well.
    #[must_use]
    pub fn with_tokens(mut self, tokens: Tokens) -> Self {
        self.targets.tokens = Some(tokens);
        self
    }

    /// Refreshes also those who have proved themselves to `auth` by a password alone, and bumps the epoch of whoever may not sign
    /// in any more, has another password or is no longer in a group.
    #[must_use]
    pub fn with_epochs(mut self, auth: &Auth) -> Self {
        self.targets.passwords = Some(Arc::clone(&auth.password_subjects));
        self.epochs = Some(auth.epochs.clone());
        self
    }

    /// The current state.
    pub fn report(&self) -> RefreshReport {
        self.report.borrow().clone()
    }

    /// The state, as it changes.
    pub fn subscribe(&self) -> watch::Receiver<RefreshReport> {
        self.report.subscribe()
    }

    /// Since when a directory is unreachable; `None` when it is not.
    pub fn unreachable_since(&self, realm: &Realm) -> Option<Timestamp> {
        self.report.borrow().outages.get(realm).map(|outage| outage.since)
    }

    /// Refreshes these people now, out of turn: something about them has changed.
    ///
    /// # Errors
    /// [`StoreError`] when their sessions cannot be written; they follow in the next round.
    pub async fn refresh_now(&self, people: &[Person]) -> Result<(), StoreError> {
        self.refresh_people(&mut RefreshCursor::default(), people).await
    }

    /// The next people, at most `limit`, who have a session or an API token, after `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the stores cannot be asked.
    pub async fn people(&self, after: Option<&PersonId>, limit: usize) -> Result<PeopleBatch, StoreError> {
        self.targets.people(after, limit).await
    }

    /// The time in which each person is refreshed once.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// The lease of this work, and of all that keeps sessions true to accounts.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Runs for as long as it is polled, while this node holds the lease.
    pub async fn run(&self) {
        self.lease.run_while_held(|| self.refresh_rounds()).await;
    }

    /// Refreshes everybody once per interval. Begins with everybody, since nobody knows how long nobody did.
    async fn refresh_rounds(&self) {
        let mut cursor = RefreshCursor::default();
        log_error(self.targets.update_revalidation(|person| self.directory.revalidation(person)).await);
        log_error(self.refresh_all(&mut cursor).await);
        loop {
            let parts = part_count(log_error(self.targets.count_people().await).unwrap_or_default());
            let mut left = self.interval / u32::try_from(parts).unwrap_or(u32::MAX);
            // While a directory is unreachable, it is tried between one part and the next.
            while !cursor.unreachable.is_empty() && !left.is_zero() {
                let delay = cursor.retry_delay.min(left);
                self.clock.sleep(delay).await;
                left -= delay;
                let back = self.retry_unreachable(&mut cursor).await;
                if log_error(back) == Some(true) {
                    log_error(self.refresh_all(&mut cursor).await);
                }
            }
            self.clock.sleep(left).await;
            log_error(self.refresh_part(&mut cursor, parts).await);
        }
    }

    /// Refreshes everybody in one go, as at the start or when a directory is back.
    async fn refresh_all(&self, cursor: &mut RefreshCursor) -> Result<(), StoreError> {
        (cursor.after, cursor.refreshed) = (None, 0);
        while self.refresh_batch(cursor, BATCH_SIZE).await? {}
        Ok(())
    }

    /// Refreshes the next part of the people.
    async fn refresh_part(&self, cursor: &mut RefreshCursor, parts: usize) -> Result<(), StoreError> {
        let mut left = self.targets.count_people().await?.div_ceil(parts);
        loop {
            let goes_on = self.refresh_batch(cursor, left.clamp(1, BATCH_SIZE)).await?;
            left = left.saturating_sub(BATCH_SIZE);
            if !goes_on || left == 0 {
                return Ok(());
            }
        }
    }

    /// Refreshes the next batch, at most `limit` people. `false` at the end of the round.
    async fn refresh_batch(&self, cursor: &mut RefreshCursor, limit: usize) -> Result<bool, StoreError> {
        let PeopleBatch { people, next_after } = self.targets.people(cursor.after.as_ref(), limit).await?;
        let is_last = next_after.is_none();
        cursor.refreshed += people.len();
        cursor.after = next_after;
        // An unreachable directory is tried by itself: nobody else's answer waits for its time-outs.
        let (unreachable, reachable): (Vec<_>, Vec<_>) =
            people.into_iter().partition(|person| cursor.unreachable.contains_key(&person.realm));
        drop(unreachable);
        self.refresh_people(cursor, &reachable).await?;
        if is_last {
            let (now, people) = (self.clock.now(), cursor.refreshed);
            cursor.refreshed = 0;
            self.report.send_if_modified(|report| {
                let is_whole = report.outages.is_empty();
                if is_whole {
                    (report.last_completed, report.people) = (Some(now), people);
                }
                is_whole
            });
        }
        Ok(!is_last)
    }

    /// Tries the unreachable directories with a few of their people. `true` when one of them answers again.
    async fn retry_unreachable(&self, cursor: &mut RefreshCursor) -> Result<bool, StoreError> {
        let before = cursor.unreachable.len();
        let tried: Vec<Person> = cursor.unreachable.values().flatten().cloned().collect();
        self.refresh_people(cursor, &tried).await?;
        cursor.retry_delay = (cursor.retry_delay * 2).min(MAX_RETRY_DELAY);
        Ok(cursor.unreachable.len() < before)
    }

    /// Asks the directory about these people, and updates or ends their sessions and tokens.
    async fn refresh_people(&self, cursor: &mut RefreshCursor, people: &[Person]) -> Result<(), StoreError> {
        if people.is_empty() {
            return Ok(());
        }
        // Noted before the directory is asked: whoever takes the work over meanwhile is told something newer.
        let LeaseState::Held(fence) = self.lease.state() else { return Ok(()) };
        let asked_at = self.clock.now();
        let answers = self.directory.refresh(people).await;
        if self.lease.state() != LeaseState::Held(fence) {
            return Ok(());
        }
        if !self.is_isolated_failure(people, &answers).await {
            self.record_outages(cursor, people, &answers, asked_at);
        }
        let mut here = Vec::new();
        for (before, answer) in people.iter().zip(answers) {
            match answer {
                Ok(AccountStatus::Active(now)) => {
                    self.record_password(&now).await?;
                    if self.audit_group_changes(before, &now) {
                        self.bump(&now.id, RevocationEvent::GroupsLost).await?;
                    }
                    here.push(now);
                }
                Ok(AccountStatus::Removed(removal)) => self.end_all_of(before, removal, asked_at).await?,
                Err(_recorded_as_an_outage) => (),
            }
        }
        self.targets.confirm(&here, asked_at, fence).await
    }

    /// Whether only these few failed although the directory is reachable: somebody in more groups than it sends, say.
    /// That must not keep it from being asked about everybody else.
    async fn is_isolated_failure(&self, people: &[Person], answers: &[Result<AccountStatus, Unreachable>]) -> bool {
        people.len() <= ISOLATED_AT_MOST
            && people.iter().all(|person| person.realm == Realm::Default)
            && answers.iter().all(Result::is_err)
            && self.directory.check_reachable().await.is_ok()
    }

    /// Notes which directories are reachable: one that answered about nobody is not; one that answered about somebody
    /// is, even if it cannot say everything about everybody.
    fn record_outages(
        &self,
        cursor: &mut RefreshCursor,
        people: &[Person],
        answers: &[Result<AccountStatus, Unreachable>],
        now: Timestamp,
    ) {
        let by_realm = people.iter().zip(answers).into_group_map_by(|(person, _)| person.realm.clone());
        self.report.send_modify(|report| {
            for (realm, answers) in by_realm {
                let failed = answers.iter().find_map(|(_, answer)| answer.as_ref().err());
                let is_silent = answers.iter().all(|(_, answer)| answer.is_err());
                match failed.filter(|_| is_silent) {
                    None => {
                        cursor.unreachable.remove(&realm);
                        report.mark_reachable(&realm, now);
                    }
                    Some(Unreachable { reason, .. }) => {
                        if cursor.unreachable.is_empty() {
                            cursor.retry_delay = FIRST_RETRY_DELAY;
                        }
                        let tried_with = answers.iter().take(RETRY_SAMPLE).map(|(person, _)| (*person).clone());
                        cursor.unreachable.entry(realm.clone()).or_insert_with(|| tried_with.collect());
                        report.mark_unreachable(realm, reason, now);
                    }
                }
            }
        });
    }

    /// Records which groups somebody has gained and lost. `true` when they have lost one.
    fn audit_group_changes(&self, before: &Person, now: &Person) -> bool {
        let gained = names_not_in(&now.groups, &before.groups, &now.realm);
        let lost = names_not_in(&before.groups, &now.groups, &now.realm);
        if !gained.is_empty() || !lost.is_empty() {
            let event = AuditEvent::GroupsChanged { person: now, gained: &gained, lost: &lost };
            self.audit.record(&Client::default(), &event);
        }
        !lost.is_empty()
    }

    /// Ends what somebody has proved by a password that was changed in the directory since.
    async fn record_password(&self, now: &Person) -> Result<(), StoreError> {
        let Some(epochs) = self.epochs.as_ref().filter(|_| !now.realm.is_local()) else { return Ok(()) };
        let record = epochs.record_password(&now.id, now.password_set.map(ObservedPassword::new)).await?;
        if let Some(bump) = record.bump {
            self.audit.record(&Client::default(), &AuditEvent::PasswordChangedElsewhere { person: now });
            self.audit_ended(self.targets.end_by_bump(&bump).await?);
        }
        Ok(())
    }

    async fn bump(&self, person: &PersonId, event: RevocationEvent) -> Result<(), StoreError> {
        match &self.epochs {
            Some(epochs) => epochs.bump(RevokedPeople::One(person.clone()), event, None).await.map(drop),
            None => Ok(()),
        }
    }

    async fn end_all_of(&self, person: &Person, removal: RemovalReason, asked_at: Timestamp) -> Result<(), StoreError> {
        self.bump(&person.id, RevocationEvent::AccountClosed).await?;
        let had_password = match &self.targets.passwords {
            Some(passwords) => passwords.remove(&person.id).await?,
            None => false,
        };
        // Whoever has signed in since it was asked has proved that they may.
        let ended = self.targets.end_all_of(&person.id, asked_at).await?;
        if ended.is_empty() && !had_password {
            return Ok(());
        }
        self.audit.record(&Client::default(), &AuditEvent::AccountClosed { person, reason: removal.word() });
        self.audit_ended(ended);
        Ok(())
    }

    fn audit_ended(&self, EndedCredentials { sessions, tokens }: EndedCredentials) {
        for session in sessions {
            let event = AuditEvent::SessionEnded { person: &session.person, session: session.id, reason: EndReason::Revoked };
            self.audit.record(&session.client, &event);
        }
        for token in tokens {
            let event = AuditEvent::TokenEnded { person: &token.person, token: token.id, reason: EndReason::Revoked };
            self.audit.record(&Client::default(), &event);
        }
    }
}

impl RefreshReport {
    fn mark_reachable(&mut self, realm: &Realm, now: Timestamp) {
        if let Some(outage) = self.outages.remove(realm) {
            let away_seconds = now.since(outage.since).as_secs();
            tracing::info!(
                directory = directory_label(realm),
                away_seconds,
                "the directory answers again: everybody who is signed in is asked about at once"
            );
        }
    }

    fn mark_unreachable(&mut self, realm: Realm, reason: &str, now: Timestamp) {
        let outage = self.outages.entry(realm).or_insert_with_key(|realm| {
            tracing::warn!(
                directory = directory_label(realm),
                "nobody can be asked whether those who are signed in still may be: their sessions live on until they \
                 are older than sessions.max_staleness"
            );
            DirectoryOutage { since: now, reason: String::new() }
        });
        reason.clone_into(&mut outage.reason);
    }
}

/// Logs a failure of the store; the next round tries again.
fn log_error<T>(done: Result<T, StoreError>) -> Option<T> {
    done.inspect_err(|error| tracing::error!(%error, "the sessions could not be kept true to the directory")).ok()
}

/// The number of parts that so many people are divided into.
fn part_count(people: usize) -> usize {
    people.div_ceil(MIN_PART_SIZE).clamp(1, MAX_PARTS)
}

fn directory_label(realm: &Realm) -> &str {
    if *realm == Realm::Default { "the default one" } else { realm.as_str() }
}

/// The names of the groups that one has and the other has not. One that could be taken for several stands in quotes.
fn names_not_in(groups: &Groups, others: &Groups, realm: &Realm) -> String {
    let others: HashSet<_> = others.iter().map(|group| &group.id).collect();
    let name = |group: &Group| {
        let name = realm.qualify(&group.name);
        if name.contains([',', '"']) { format!("{name:?}") } else { name }
    };
    groups.iter().filter(|group| !others.contains(&group.id)).map(name).join(", ")
}

#[cfg(test)]
mod tests;
