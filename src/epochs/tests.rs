#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;

use super::*;
use crate::domain::{Clock, ManualClock, PersonEpoch, PersonId, SessionId, Timestamp};
use crate::store::tests::{TestEngine, on_both_engines};

const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

const PROOFS: [ProofKind; 5] =
    [ProofKind::Session, ProofKind::PendingSignIn, ProofKind::ApiToken, ProofKind::SignedToken, ProofKind::Password];

struct EpochsFixture {
    clock: Arc<ManualClock>,
    engine: TestEngine,
}

impl EpochsFixture {
    #[allow(clippy::unused_async, reason = "the other rooms' fixtures open their stores here")]
    async fn new(engine: TestEngine) -> Self {
        Self { clock: Arc::new(ManualClock::at(START)), engine }
    }

    /// The epochs, as each process opens them.
    async fn open(&self) -> PersonEpochs {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        match &self.engine {
            TestEngine::Embedded(_) => PersonEpochs::open(&self.engine.file("epochs.db"), clock).await,
            TestEngine::Postgres(database) => PersonEpochs::open_postgres(database, clock).await,
        }
        .unwrap()
    }
}

on_both_engines! { super::EpochsFixture::new:
    each_event_ends_what_the_table_says_of_its_person_and_of_nobody_else
    what_another_process_bumps_is_known_at_the_next_poll_once_and_ends_live_connections
    everybody_is_bumped_at_once_and_the_session_that_did_it_is_remembered
    a_bump_is_forgotten_when_nothing_lives_that_it_could_end_but_not_before_it_was_applied
    of_many_who_bump_at_once_each_begins_an_epoch_of_its_own
    bumps_are_seen_in_the_order_of_their_epochs_whoever_makes_them_at_once
    a_password_that_was_set_later_than_the_last_one_seen_ends_what_was_proved_before_and_nothing_else_does
    a_first_time_that_a_directory_tells_is_a_change_only_if_it_is_later_than_the_first_look
    a_proof_by_a_new_password_rests_on_the_epoch_that_it_began_unless_something_else_ended_it
    of_many_who_see_a_new_password_at_once_one_bumps
    what_a_directory_tells_again_is_no_question_to_the_store
}

fn alice() -> PersonId {
    PersonId::new("objectGUID:alice")
}

fn only(person: PersonId) -> RevokedPeople {
    RevokedPeople::One(person)
}

async fn each_event_ends_what_the_table_says_of_its_person_and_of_nobody_else(fixture: EpochsFixture) {
    let epochs = fixture.open().await;
    for event in RevocationEvent::ALL {
        let before = epochs.current().await.unwrap();
        let bump = epochs.bump(only(alice()), event, None).await.unwrap();
        for proof in PROOFS {
            assert_eq!(epochs.has_ended(&alice(), proof, before), event.ends(proof), "{event:?} {proof:?}");
            assert!(!epochs.has_ended(&alice(), proof, bump.epoch), "{event:?} {proof:?}: it was made since");
            assert!(!epochs.has_ended(&PersonId::new("objectGUID:bob"), proof, before), "{event:?} {proof:?}");
        }
        assert_eq!(RevocationEvent::from_stored(event.as_str()), event);
    }
    assert!(PROOFS.iter().all(|proof| RevocationEvent::from_stored("a-later-one").ends(*proof)));
}

async fn what_another_process_bumps_is_known_at_the_next_poll_once_and_ends_live_connections(fixture: EpochsFixture) {
    let (server, beside) = (fixture.open().await, fixture.open().await);
    let made_in = server.current().await.unwrap();
    let mut watch = server.watch(&alice(), ProofKind::Password, made_in);
    assert!(futures::poll!(std::pin::pin!(watch.ended())).is_pending());
    server.bump(only(PersonId::new("objectGUID:bob")), RevocationEvent::AllEnded, None).await.unwrap();
    let bump = beside.bump(only(alice()), RevocationEvent::PasswordChanged, None).await.unwrap();
    assert!(!server.has_ended(&alice(), ProofKind::Password, made_in), "nobody has looked");
    assert_eq!(server.poll().await.unwrap(), std::slice::from_ref(&bump), "its own is not another's");
    assert!(server.poll().await.unwrap().is_empty());
    watch.ended().await;
    // Whoever proves themselves between the two looks asks the store, and is not taken for somebody from before.
    beside.bump(only(alice()), RevocationEvent::PasswordChanged, None).await.unwrap();
    let since = server.current().await.unwrap();
    server.poll().await.unwrap();
    assert!(server.has_ended(&alice(), ProofKind::Password, bump.epoch));
    assert!(!server.has_ended(&alice(), ProofKind::Password, since));
}

async fn everybody_is_bumped_at_once_and_the_session_that_did_it_is_remembered(fixture: EpochsFixture) {
    let epochs = fixture.open().await;
    let made_in = epochs.current().await.unwrap();
    let kept = Some(SessionId::new(7));
    let bump = epochs.bump(RevokedPeople::Everybody, RevocationEvent::AllEnded, kept).await.unwrap();
    assert!(epochs.has_ended(&alice(), ProofKind::Password, made_in));
    assert_eq!(fixture.open().await.unapplied().await.unwrap(), std::slice::from_ref(&bump));
    epochs.set_applied(bump.epoch).await.unwrap();
    let restarted = fixture.open().await;
    assert!(restarted.unapplied().await.unwrap().is_empty());
    assert!(restarted.has_ended(&alice(), ProofKind::Password, made_in), "also after a restart");
}

async fn a_bump_is_forgotten_when_nothing_lives_that_it_could_end_but_not_before_it_was_applied(fixture: EpochsFixture) {
    let epochs = fixture.open().await;
    let first = epochs.bump(only(alice()), RevocationEvent::AllEnded, None).await.unwrap();
    fixture.clock.advance(Duration::from_hours(49));
    epochs.set_applied(PersonEpoch::default()).await.unwrap();
    assert_eq!(epochs.unapplied().await.unwrap(), std::slice::from_ref(&first));
    epochs.set_applied(first.epoch).await.unwrap();
    assert!(!fixture.open().await.has_ended(&alice(), ProofKind::Password, PersonEpoch::default()));
}

async fn of_many_who_bump_at_once_each_begins_an_epoch_of_its_own(fixture: EpochsFixture) {
    let both = [fixture.open().await, fixture.open().await];
    let bumps = both.iter().cycle().take(16).map(|epochs| epochs.bump(only(alice()), RevocationEvent::AllEnded, None));
    let mut epochs: Vec<_> = join_all(bumps).await.into_iter().map(|bump| bump.unwrap().epoch).collect();
    epochs.sort_unstable();
    epochs.dedup();
    assert_eq!(epochs.len(), 16);
}

#[tokio::test]
async fn the_epochs_of_a_file_that_was_lost_are_not_given_again() {
    let fixture = EpochsFixture::new(TestEngine::embedded()).await;
    let lost = fixture.open().await;
    let last = lost.bump(only(alice()), RevocationEvent::AllEnded, None).await.unwrap().epoch;
    fixture.clock.advance(Duration::from_secs(1));
    let anew = EpochsFixture { clock: Arc::clone(&fixture.clock), engine: TestEngine::embedded() };
    let epochs = anew.open().await;
    epochs.bump(only(alice()), RevocationEvent::AllEnded, None).await.unwrap();
    assert!(epochs.has_ended(&alice(), ProofKind::Password, last));
}

#[tokio::test]
async fn the_epochs_of_a_file_that_was_restored_are_not_given_again() {
    let fixture = EpochsFixture::new(TestEngine::embedded()).await;
    let file = fixture.engine.file("epochs.db");
    fixture.open().await.close().await;
    let copy = std::fs::read(&file).unwrap();
    fixture.clock.advance(Duration::from_hours(1));
    let epochs = fixture.open().await;
    for _ in 0..3 {
        epochs.bump(only(alice()), RevocationEvent::AllEnded, None).await.unwrap();
    }
    let made_in = epochs.current().await.unwrap();
    epochs.close().await;
    std::fs::write(&file, copy).unwrap();
    fixture.clock.advance(Duration::from_secs(1));
    let restored = fixture.open().await;
    restored.bump(only(alice()), RevocationEvent::AllEnded, None).await.unwrap();
    assert!(restored.has_ended(&alice(), ProofKind::ApiToken, made_in));
}

async fn a_password_that_was_set_later_than_the_last_one_seen_ends_what_was_proved_before_and_nothing_else_does(
    fixture: EpochsFixture,
) {
    let (server, beside) = (fixture.open().await, fixture.open().await);
    let set = |minutes| Some(ObservedPassword::SetAt(START + Duration::from_mins(minutes)));
    let must_change = Some(ObservedPassword::MustChange);
    assert_eq!(server.record_password(&alice(), set(2)).await.unwrap(), PasswordRecord::default(), "the first is no change");
    // (what the directory tells, whether it is another password)
    let told = [
        (set(2), false),
        (set(1), false),
        (None, false),
        (set(3), true),
        (set(2), false),
        (must_change, true),
        (must_change, false),
        (set(3), false),
        (must_change, false),
        (set(4), true),
        (must_change, true),
        (set(5), true),
    ];
    for (number, (observed, is_another)) in told.into_iter().enumerate() {
        let made_in = server.current().await.unwrap();
        let record = server.record_password(&alice(), observed).await.unwrap();
        assert_eq!(record.bump.is_some(), is_another, "{number}: {observed:?}");
        assert_eq!(server.has_ended(&alice(), ProofKind::Session, made_in), is_another, "{number}");
        assert_eq!(beside.poll().await.unwrap().len(), usize::from(is_another), "{number}");
        // Somebody else who sees the same, also after a restart, ends nothing more, and knows which epoch it began.
        let again = fixture.open().await.record_password(&alice(), observed).await.unwrap();
        assert!(again.bump.is_none(), "{number}");
        assert!(!is_another || again.began == record.began, "{number}");
    }
}

async fn a_first_time_that_a_directory_tells_is_a_change_only_if_it_is_later_than_the_first_look(fixture: EpochsFixture) {
    let set = [("alice", START - Duration::from_hours(9), false), ("bob", START + Duration::from_mins(9), true)];
    for (name, set_at, is_another) in set {
        let (epochs, person) = (fixture.open().await, PersonId::new(name));
        assert!(epochs.record_password(&person, None).await.unwrap().bump.is_none());
        let record = epochs.record_password(&person, Some(ObservedPassword::SetAt(set_at))).await.unwrap();
        assert_eq!(record.bump.is_some(), is_another);
    }
}

async fn a_proof_by_a_new_password_rests_on_the_epoch_that_it_began_unless_something_else_ended_it(fixture: EpochsFixture) {
    let epochs = fixture.open().await;
    let set = |minutes| Some(ObservedPassword::SetAt(START + Duration::from_mins(minutes)));
    epochs.record_password(&alice(), set(0)).await.unwrap();
    // Two sign-ins with the new password at once: whoever comes second is not ended by the first.
    let noted = epochs.current().await.unwrap();
    for _ in 0..2 {
        let began = epochs.record_password(&alice(), set(1)).await.unwrap().began;
        let epoch = epochs.epoch_of_password(&alice(), noted, began);
        assert!(!epochs.has_ended(&alice(), ProofKind::Session, epoch));
    }
    assert!(epochs.has_ended(&alice(), ProofKind::Session, noted));
    // One with the password before has no part in it.
    let began = epochs.record_password(&alice(), set(0)).await.unwrap().began;
    assert_eq!(epochs.epoch_of_password(&alice(), noted, began), noted);
    epochs.bump(only(alice()), RevocationEvent::AllEnded, None).await.unwrap();
    let began = epochs.record_password(&alice(), set(2)).await.unwrap().began;
    assert_eq!(epochs.epoch_of_password(&alice(), noted, began), noted);
}

/// Whoever reads on from the last epoch that they have seen misses none.
async fn bumps_are_seen_in_the_order_of_their_epochs_whoever_makes_them_at_once(fixture: EpochsFixture) {
    let (reader, writers) = (fixture.open().await, [fixture.open().await, fixture.open().await]);
    let people: Vec<PersonId> = (0..40).map(|number| PersonId::new(format!("id:{number}"))).collect();
    for person in people.iter().step_by(2) {
        writers[0].record_password(person, Some(ObservedPassword::SetAt(START))).await.unwrap();
    }
    let later = Some(ObservedPassword::SetAt(START + Duration::from_hours(1)));
    let bumps = people.iter().enumerate().map(async |(number, person)| match number % 2 {
        0 => writers[number % 4 / 2].record_password(person, later).await.map(|record| record.bump.unwrap()),
        _ => writers[number % 4 / 2].bump(only(person.clone()), RevocationEvent::AllEnded, None).await,
    });
    let (is_done, mut read) = (AtomicBool::new(false), Vec::new());
    let write = async {
        let bumps = join_all(bumps).await;
        is_done.store(true, Ordering::SeqCst);
        bumps
    };
    let read_on = async {
        loop {
            let is_last = is_done.load(Ordering::SeqCst);
            read.extend(reader.poll().await.unwrap());
            if is_last {
                break;
            }
        }
    };
    let (bumps, ()) = tokio::join!(write, read_on);
    let mut bumps: Vec<Bump> = bumps.into_iter().map(Result::unwrap).collect();
    bumps.sort_by_key(|bump| bump.epoch);
    assert_eq!(read, bumps);
    for bump in bumps.iter().filter(|bump| bump.new.event == RevocationEvent::PasswordChanged) {
        let RevokedPeople::One(person) = &bump.new.people else { panic!("{bump:?}") };
        let began = fixture.open().await.record_password(person, later).await.unwrap().began;
        assert_eq!(began, bump.epoch, "the password knows the epoch that it began");
    }
}

async fn of_many_who_see_a_new_password_at_once_one_bumps(fixture: EpochsFixture) {
    let both = [fixture.open().await, fixture.open().await];
    let set = |minutes| Some(ObservedPassword::SetAt(START + Duration::from_mins(minutes)));
    both[0].record_password(&alice(), set(0)).await.unwrap();
    let alice = alice();
    let records = join_all(both.iter().cycle().take(16).map(|epochs| epochs.record_password(&alice, set(1)))).await;
    let records: Vec<_> = records.into_iter().map(Result::unwrap).collect();
    assert_eq!(records.iter().filter(|record| record.bump.is_some()).count(), 1);
    assert!(records.iter().all(|record| record.began == records[0].began && record.began > PersonEpoch::default()));
}

async fn what_a_directory_tells_again_is_no_question_to_the_store(fixture: EpochsFixture) {
    let epochs = fixture.open().await;
    let set_at = Some(ObservedPassword::SetAt(START));
    for _ in 0..2 {
        epochs.record_password(&alice(), set_at).await.unwrap();
    }
    epochs.close().await;
    for observed in [set_at, None] {
        assert_eq!(epochs.record_password(&alice(), observed).await.unwrap(), PasswordRecord::default());
    }
    assert!(epochs.record_password(&alice(), Some(ObservedPassword::MustChange)).await.is_err(), "that is news");
}
