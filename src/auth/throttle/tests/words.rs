//! Failures that count, counters of the directory that are believed, and words for strangers.

use super::*;

fn own(fixture: &ThrottleFixture) -> Client {
    fixture.own_browser(&["jdoe"], "john")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_wrong_password_again_costs_nothing_for_an_hour() {
    for fixture in [ThrottleFixture::seeing(5), ThrottleFixture::blind(5)] {
        let john = BindCandidate::new(person("john"), Some(policy(5)));
        let own = own(&fixture);
        let tries = async |password: &str| {
            if fixture.lockout.identifies_before_bind {
                return fixture.fails_with("jdoe", password, &own, &john).await;
            }
            fixture.admit_with("jdoe", password, &own).map(|permit| permit.fail(AttemptFailure::Wrong))
        };
        assert_eq!(tries("mistyped").await, Ok(()));
        for _ in 0..50 {
            assert_eq!(tries("mistyped").await, Err(ThrottleReason::SamePassword));
        }
        assert_eq!(tries("another").await, Ok(()));
        assert_eq!(tries("mistyped").await, Err(ThrottleReason::SamePassword));
        fixture.pass(31 * MINUTE);
        assert_eq!(tries("mistyped").await, Ok(()), "the window is over");
    }
    let long = LockoutPolicy { threshold: 5, window: 99_999 * MINUTE };
    let fixture = ThrottleFixture::before(LockoutInfo::new(Some(long), false));
    let own = own(&fixture);
    fixture.admit_with("jdoe", "mistyped", &own).unwrap().fail(AttemptFailure::Wrong);
    fixture.pass(60 * MINUTE);
    assert!(fixture.admit_with("jdoe", "mistyped", &own).is_ok(), "by then it may be the right one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_password_at_once_is_tried_once() {
    for fixture in [ThrottleFixture::seeing(5), ThrottleFixture::blind(5)] {
        let own = own(&fixture);
        let first = fixture.admit_with("jdoe", "mistyped", &own).unwrap();
        let john = BindCandidate::new(person("john"), Some(policy(5)));
        if fixture.lockout.identifies_before_bind {
            first.identify(&john).await.unwrap();
        }
        let second = fixture.admit_with("jdoe", "mistyped", &own);
        let denied = match second {
            Ok(permit) => {
                let identified = permit.identify(&john);
                futures::pin_mut!(identified);
                assert!(futures::poll!(identified.as_mut()).is_pending());
                first.fail(AttemptFailure::Wrong);
                identified.await.or_reason()
            }
            Err(denied) => {
                assert_eq!(denied, ThrottleReason::Pending);
                first.fail(AttemptFailure::Wrong);
                fixture.admit_with("jdoe", "mistyped", &own).map(drop)
            }
        };
        assert_eq!(denied, Err(ThrottleReason::SamePassword));
    }
}

#[test]
fn only_what_the_directory_may_have_counted_counts_against_a_person() {
    for (failure, left) in [
        (AttemptFailure::Wrong, 3),
        (AttemptFailure::Unanswered, 3),
        (AttemptFailure::NoSuchName, 4),
        (AttemptFailure::Unjudged, 4),
    ] {
        let fixture = ThrottleFixture::blind(5);
        let own = own(&fixture);
        fixture.admit_with("jdoe", &unused_password(), &own).unwrap().fail(failure);
        let heard = (0..9).filter(|_| {
            fixture.admit_with("jdoe", &unused_password(), &own).map(|permit| permit.fail(AttemptFailure::Wrong)).is_ok()
        });
        assert_eq!(heard.count(), left, "{failure:?}");
    }
    let fixture = ThrottleFixture::blind(3);
    let own = own(&fixture);
    for _ in 0..2 {
        fixture.admit_with("jdoe", "right", &own).unwrap().fail(AttemptFailure::Unanswered);
    }
    assert!(matches!(fixture.admit_with("jdoe", "right", &own).map(drop), Err(ThrottleReason::Exhausted(_))));
}

/// The counters of a controller that counts so many failures of John's, and has heard of so many just now.
fn counted(fixture: &ThrottleFixture, failures: u32, heard: u32) -> BindCandidate {
    BindCandidate {
        failures: Some(failures),
        failed_at: Some(fixture.clock.now() + Duration::from_millis(heard.into())),
        password_set_at: Some(Timestamp::from_millis(1)),
        ..BindCandidate::new(person("john"), Some(policy(5)))
    }
}

async fn exhausted() -> (ThrottleFixture, Client) {
    let fixture = ThrottleFixture::seeing(5);
    let own = own(&fixture);
    for failures in 0..4 {
        let john = counted(&fixture, failures, failures);
        assert_eq!(fixture.fails_with("jdoe", &unused_password(), &own, &john).await, Ok(()), "{failures}");
    }
    let john = counted(&fixture, 4, 4);
    let denied = fixture.fails_with("jdoe", "right", &own, &john).await;
    assert!(matches!(denied, Err(ThrottleReason::Exhausted(_))), "{denied:?}");
    (fixture, own)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_was_unlocked_or_signed_in_to_elsewhere_does_not_wait_here() {
    let (fixture, own) = exhausted().await;
    assert_eq!(fixture.fails_with("jdoe", "right", &own, &counted(&fixture, 0, 4)).await, Ok(()));
    let (fixture, own) = exhausted().await;
    assert_eq!(fixture.fails_with("jdoe", "right", &own, &counted(&fixture, 2, 6)).await, Ok(()), "two elsewhere since");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_was_set_anew_does_not_wait_here_even_if_it_was_wrong_before() {
    let (fixture, own) = exhausted().await;
    let failed_at = Some(fixture.clock.now());
    let reset = BindCandidate { password_set_at: failed_at, ..counted(&fixture, 0, 4) };
    assert_eq!(fixture.fails_with("jdoe", "right", &own, &reset).await, Ok(()));
    let fixture = ThrottleFixture::seeing(5);
    let own = super::words::own(&fixture);
    let before = counted(&fixture, 0, 0);
    assert_eq!(fixture.fails_with("jdoe", "Welcome1", &own, &before).await, Ok(()));
    let after = counted(&fixture, 1, 1);
    assert_eq!(fixture.fails_with("jdoe", "Welcome1", &own, &after).await, Err(ThrottleReason::SamePassword));
    let reset = BindCandidate { password_set_at: failed_at, ..before };
    assert_eq!(fixture.fails_with("jdoe", "Welcome1", &own, &reset).await, Ok(()), "the helpdesk has set just this one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_that_has_not_heard_of_our_failures_is_not_believed() {
    let (fixture, own) = exhausted().await;
    let just_before = BindCandidate { failures: Some(0), ..counted(&fixture, 0, 3) };
    let denied = fixture.fails_with("jdoe", "right", &own, &just_before).await;
    assert!(
        matches!(denied, Err(ThrottleReason::Exhausted(_))),
        "as before the last attempt, which another judged: {denied:?}"
    );
    fixture.pass(20 * MINUTE);
    let long_ago = Some(fixture.clock.now() - 60 * MINUTE);
    for failed_at in [None, long_ago] {
        let elsewhere = BindCandidate { failed_at, ..counted(&fixture, 0, 0) };
        let denied = fixture.fails_with("jdoe", "right", &own, &elsewhere).await;
        assert!(matches!(denied, Err(ThrottleReason::Exhausted(_))), "{failed_at:?}: {denied:?}");
    }
}

/// One server that judges and counts John's failures, by a clock of its own.
struct Controller {
    name: &'static str,
    clock_ahead: Duration,
    count: u32,
    last: Option<Timestamp>,
}

impl Controller {
    fn new(name: &'static str) -> Self {
        Self { name, clock_ahead: Duration::ZERO, count: 0, last: None }
    }

    fn fails(&mut self, now: Timestamp) {
        self.count += 1;
        self.last = Some(now + self.clock_ahead);
    }

    /// The counters that it tells of John, whose password another is to judge.
    fn tells(&self, judge: &Self) -> BindCandidate {
        BindCandidate {
            failures: Some(self.count),
            failed_at: self.last,
            password_set_at: Some(Timestamp::from_millis(1)),
            told_by: Some(self.name.to_owned()),
            judge: Some(judge.name.to_owned()),
            ..BindCandidate::new(person("john"), Some(policy(5)))
        }
    }
}

/// Fails in the own browser so often as is heard, where this server tells and judges.
async fn fails_at(fixture: &ThrottleFixture, own: &Client, controller: &mut Controller) -> usize {
    let mut heard = 0;
    while fixture.fails_with("jdoe", &unused_password(), own, &controller.tells(controller)).await.is_ok() {
        controller.fails(fixture.clock.now());
        heard += 1;
        assert!(heard < 9, "John is locked");
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_that_judged_our_failures_is_believed_at_once_and_another_never() {
    let fixture = ThrottleFixture::seeing(5);
    let own = own(&fixture);
    let (mut judge, mut other) = (Controller::new("dc1"), Controller::new("dc2"));
    assert_eq!(fails_at(&fixture, &own, &mut judge).await, 4);
    // Somebody mistypes at another server, which has heard of none of ours.
    fixture.pass(Duration::from_secs(1));
    other.fails(fixture.clock.now());
    let denied = fixture.fails_with("jdoe", "right", &own, &other.tells(&judge)).await;
    assert!(matches!(denied, Err(ThrottleReason::Exhausted(_))), "{denied:?}");
    // An unlocking (`lockoutTime` is set to 0) leaves the time of the last wrong one as it is.
    judge.count = 0;
    assert_eq!(fixture.fails_with("jdoe", "right", &own, &judge.tells(&judge)).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_the_last_passwords_which_no_server_counts_does_not_count_here() {
    let fixture = ThrottleFixture::seeing(3);
    let own = own(&fixture);
    let judge = Controller::new("dc1");
    for number in 0..9 {
        // MS-SAMR 3.1.1.7.1: neither the count nor its time changes.
        let tried = fixture.fails_with("jdoe", &format!("last year's {number}"), &own, &judge.tells(&judge)).await;
        assert_eq!(tried, Ok(()), "{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_clock_of_a_server_makes_its_count_shorter_than_it_is() {
    // Of servers whose clock is right, and two hours ahead; one that is behind must not end our count before its own.
    for ahead in [Duration::ZERO, 120 * MINUTE] {
        let fixture = ThrottleFixture::seeing(5);
        let own = own(&fixture);
        let mut judge = Controller { clock_ahead: ahead, ..Controller::new("dc1") };
        assert_eq!(fails_at(&fixture, &own, &mut judge).await, 4, "{ahead:?}");
        fixture.pass(29 * MINUTE);
        assert_eq!(fails_at(&fixture, &own, &mut judge).await, 0, "{ahead:?}");
    }
    let fixture = ThrottleFixture::seeing(5);
    let own = own(&fixture);
    let mut judge = Controller::new("dc1");
    assert_eq!(fails_at(&fixture, &own, &mut judge).await, 4);
    fixture.pass(20 * MINUTE);
    // By its clock, which is an hour behind, they are long over: so the count comes as none.
    let behind =
        BindCandidate { failures: Some(0), failed_at: judge.last.map(|last| last - 60 * MINUTE), ..judge.tells(&judge) };
    let denied = fixture.fails_with("jdoe", &unused_password(), &own, &behind).await;
    assert!(matches!(denied, Err(ThrottleReason::Exhausted(_))), "{denied:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_at_which_the_password_was_set_counts_once_whoever_tells_it_when() {
    let (fixture, own) = exhausted().await;
    let now = fixture.clock.now();
    let reset = BindCandidate { password_set_at: Some(now), ..counted(&fixture, 0, 4) };
    fixture.admit_with("jdoe", "new", &own).unwrap().identify(&reset).await.unwrap();
    let stale = counted(&fixture, 0, 4);
    for number in 0..20 {
        // Now one that lags behind tells it, now one that knows.
        let who = if number % 2 == 0 { &stale } else { &reset };
        let who = BindCandidate { failures: None, ..who.clone() };
        let tried = fixture.fails_with("jdoe", &unused_password(), &own, &who).await;
        assert_eq!(tried.is_ok(), number < 3, "{number}: {tried:?}");
    }
    // Failures since then are none that it has ended.
    let fixture = ThrottleFixture::seeing(5);
    let own = super::words::own(&fixture);
    let unknown = BindCandidate { failures: None, ..counted(&fixture, 0, 0) };
    for _ in 0..4 {
        fixture.fails_with("jdoe", &unused_password(), &own, &unknown).await.unwrap();
    }
    let long_ago = BindCandidate { password_set_at: Some(fixture.clock.now() - 60 * MINUTE), ..unknown };
    let denied = fixture.fails_with("jdoe", "right", &own, &long_ago).await;
    assert!(matches!(denied, Err(ThrottleReason::Exhausted(_))), "set before they were tried: {denied:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_withheld_for_the_directory_s_count_looks_like_a_wrong_password_and_is_open_again_afterwards() {
    let fixture = ThrottleFixture::new();
    let near = BindCandidate { failures: Some(4), ..BindCandidate::new(person("john"), Some(policy(5))) };
    for _ in 0..2 {
        assert_eq!(fixture.fails_as_one_of("jdoe", "192.0.2.1", &near).await, Err(ThrottleReason::NearLockout));
    }
    let limited = fixture.fails_as_one_of("jdoe", "192.0.2.1", &near).await;
    assert_eq!(limited, Err(ThrottleReason::Exhausted(31 * MINUTE)), "as for a name that nobody has");
    let own = own(&fixture);
    let told = fixture.fails_with("jdoe", "right", &own, &near).await;
    assert_eq!(told, Err(ThrottleReason::Exhausted(30 * MINUTE)), "its owner is told");
    let afresh = BindCandidate { failures: Some(0), ..near };
    assert_eq!(fixture.fails_with("jdoe", "right", &own, &afresh).await, Ok(()));
}

/// The waits that a stranger is told of, of tries with these passwords, of which the directory says something or that there is nobody.
async fn told(fixture: &ThrottleFixture, name: &str, passwords: &[&str], who: Option<&BindCandidate>) -> Vec<Option<Duration>> {
    let mut told = Vec::new();
    for (number, password) in passwords.iter().enumerate() {
        let client = from(&format!("203.0.113.{number}"));
        let tried = match who {
            Some(who) if fixture.lockout.identifies_before_bind => fixture.fails_with(name, password, &client, who).await,
            Some(_) => fixture.admit_with(name, password, &client).map(|permit| permit.fail(AttemptFailure::Wrong)),
            None if fixture.lockout.identifies_before_bind => {
                fixture.admit_with(name, password, &client).map(|permit| permit.fail(AttemptFailure::NoSuchName))
            }
            None => fixture.admit_with(name, password, &client).map(|permit| permit.fail(AttemptFailure::Wrong)),
        };
        told.push(match tried {
            Err(ThrottleReason::Exhausted(wait)) => Some(wait),
            _ => None,
        });
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_told_the_same_of_every_name_whatever_has_become_of_it() {
    for threshold in [0, 2, 3, 4, 5, 10, 50] {
        for seeing in [true, false] {
            for passwords in
                [&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][..], &["a", "a", "b", "a", "b", "c", "c", "d"]]
            {
                let fixture = ThrottleFixture::before(LockoutInfo::new(Some(policy(threshold)), seeing));
                let nobody = told(&fixture, "nobody", passwords, None).await;
                let john = BindCandidate::new(person("john"), Some(policy(threshold)));
                assert_eq!(told(&fixture, "jdoe", passwords, Some(&john)).await, nobody, "{threshold} {seeing}: never here");
                let permit = fixture.admit("mary", "198.51.100.9").unwrap();
                permit.succeed(&person("mary"), &["mary", "mary.major"].map(username));
                let mary = BindCandidate::new(person("mary"), Some(policy(threshold)));
                assert_eq!(told(&fixture, "mary", passwords, Some(&mary)).await, nobody, "{threshold} {seeing}: signed in");
                let of_other_name = told(&fixture, "mary.major", passwords, Some(&mary)).await;
                assert_eq!(of_other_name, nobody, "{threshold} {seeing}: under another name, when used up");
                let strict = BindCandidate::new(person("strict"), Some(policy(2)));
                assert_eq!(told(&fixture, "strict", passwords, Some(&strict)).await, nobody, "{threshold} {seeing}: stricter");
                let near =
                    BindCandidate { failures: Some(threshold), ..BindCandidate::new(person("near"), Some(policy(threshold))) };
                assert_eq!(
                    told(&fixture, "near", passwords, Some(&near)).await,
                    nobody,
                    "{threshold} {seeing}: near a lockout"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_password_that_was_withheld_is_not_remembered_as_a_wrong_one() {
    let fixture = ThrottleFixture::blind(10);
    fixture.admit("jdoe", "198.51.100.9").unwrap().succeed(&person("john"), &["jdoe", "john.doe"].map(username));
    let own = own(&fixture);
    for _ in 0..9 {
        fixture.admit_with("jdoe", &unused_password(), &own).unwrap().fail(AttemptFailure::Wrong);
    }
    let stranger = from("203.0.113.7");
    let tries = || fixture.admit_with("john.doe", "right", &stranger).map(AttemptPermit::cancel);
    assert_eq!(tries(), Err(ThrottleReason::Withheld));
    assert_eq!(tries(), Err(ThrottleReason::SamePassword), "for nothing, as with any name");
    fixture.pass(20 * MINUTE);
    fixture.admit_with("jdoe", "mine", &own).map(drop).unwrap_err();
    fixture.pass(11 * MINUTE);
    assert_eq!(tries(), Ok(()));
}
