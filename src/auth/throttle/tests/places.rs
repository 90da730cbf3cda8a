//! Where from: a person's own browsers, the network they last signed in from, and strangers.

use super::*;

/// Signs John in under both of his names, from his office.
async fn john_signs_in(fixture: &ThrottleFixture, john: &BindCandidate) {
    let permit = fixture.admit("jdoe", "198.51.100.9").unwrap();
    if fixture.lockout.identifies_before_bind {
        permit.identify(john).await.unwrap();
    }
    permit.succeed(&john.id, &["jdoe", "john.doe@corp.example.com"].map(username));
}

/// Tries John's names from everywhere, again and again; the worst of the directory's own count.
async fn hammer_john(fixture: &ThrottleFixture, john: &BindCandidate, pause: u64) -> u32 {
    let own = fixture.own_browser(&["jdoe"], "john");
    let mut directory = DirectoryCount::default();
    for attempt in 0..if on_postgres() { 30 } else { 100_u32 } {
        let clients = [from(&format!("192.0.2.{attempt}")), from("198.51.100.9"), own.clone()];
        for (name, client) in ["jdoe", "CORP\\jdoe", "John.Doe@CORP.example.com", "JDOE"]
            .into_iter()
            .flat_map(|name| clients.iter().map(move |client| (name, client)))
        {
            let tried = if fixture.lockout.identifies_before_bind {
                fixture.fails_with(name, &unused_password(), client, john).await
            } else {
                fixture.admit_with(name, &unused_password(), client).map(|permit| permit.fail(AttemptFailure::Wrong))
            };
            if tried.is_ok() {
                directory.fail(fixture.clock.now());
            }
        }
        fixture.pass(Duration::from_secs(pause));
    }
    directory.worst
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_policy_nobody_is_ever_locked_under_any_of_their_names_from_anywhere() {
    let (thresholds, pauses): (&[u32], &[u64]) = if on_postgres() {
        (&[3, 5], &[61])
    } else {
        (&[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], &[1, 61, 601, 1199, 1201, 1799, 1801, 1859])
    };
    for &threshold in thresholds {
        for &pause in pauses {
            for fixture in [ThrottleFixture::seeing(threshold), ThrottleFixture::blind(threshold)] {
                let john = BindCandidate::new(person("john"), Some(policy(threshold)));
                john_signs_in(&fixture, &john).await;
                let worst = hammer_john(&fixture, &john, pause).await;
                let seen = fixture.lockout.identifies_before_bind;
                assert!(worst < threshold, "{threshold}, every {pause} s, {seen}: {worst} in the directory's count");
                assert!(
                    worst >= (threshold - 1).min(9),
                    "{threshold}, every {pause} s, {seen}: {worst}, so tries are given away"
                );
            }
        }
    }
}

#[test]
fn two_unlike_names_that_nobody_signed_in_with_never_add_up_to_a_lockout() {
    let (thresholds, pauses): (&[u32], &[u64]) =
        if on_postgres() { (&[5], &[601]) } else { (&[3, 4, 5, 6, 7, 8, 9, 10, 11, 12], &[1, 601, 1799, 1801, 1859]) };
    for &threshold in thresholds {
        for &pause in pauses {
            let fixture = ThrottleFixture::blind(threshold);
            let mut directory = DirectoryCount::default();
            for attempt in 0..if on_postgres() { 60 } else { 200_u32 } {
                for name in ["jdoe", "CORP\\jdoe", "john.doe@corp.example.com", "John.Doe@CORP.example.com"] {
                    if fixture.fails(name, &format!("192.0.2.{attempt}")).is_ok() {
                        directory.fail(fixture.clock.now());
                    }
                }
                fixture.pass(Duration::from_secs(pause));
            }
            assert!(directory.worst < threshold, "{threshold}, every {pause} s: {} failures", directory.worst);
            assert!(directory.worst >= 2, "{threshold}, every {pause} s: both were tried");
        }
    }
}

/// How many wrong passwords in a row are heard.
async fn heard(fixture: &ThrottleFixture, client: &Client, john: &BindCandidate) -> usize {
    let mut heard = 0;
    for _ in 0..20 {
        let tried = if fixture.lockout.identifies_before_bind {
            fixture.fails_with("jdoe", &unused_password(), client, john).await
        } else {
            fixture.admit_with("jdoe", &unused_password(), client).map(|permit| permit.fail(AttemptFailure::Wrong))
        };
        heard += usize::from(tried.is_ok());
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ones_own_browser_has_tries_that_no_stranger_can_take() {
    // Without a service account, and with one: a stranger's tries, then those of the own browser, and of another in peace.
    for (threshold, blind, seeing) in [(2, (1, 0, 1), (1, 0, 1)), (3, (1, 1, 2), (1, 1, 2)), (4, (1, 2, 3), (2, 1, 3))]
        .into_iter()
        .chain([(5, (2, 2, 4), (2, 2, 4)), (10, (2, 7, 9), (5, 4, 9))])
    {
        let john = BindCandidate::new(person("john"), Some(policy(threshold)));
        for (fixture, expected) in [(ThrottleFixture::blind(threshold), blind), (ThrottleFixture::seeing(threshold), seeing)] {
            john_signs_in(&fixture, &john).await;
            let own = fixture.own_browser(&["jdoe"], "john");
            let mut stranger = 0;
            for address in ["192.0.2.1", "192.0.2.2", "203.0.113.3"] {
                stranger += heard(&fixture, &from(address), &john).await;
            }
            let own_after = heard(&fixture, &own, &john).await;
            fixture.pass(31 * MINUTE);
            let own_in_peace = heard(&fixture, &own, &john).await;
            assert_eq!((stranger, own_after, own_in_peace), expected, "{threshold}: {:?}", fixture.lockout);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_browser_waits_for_an_hour_at_the_most() {
    let weeks = LockoutPolicy { threshold: 4, window: Duration::from_mins(99_999) };
    let fixture = ThrottleFixture::before(LockoutInfo::new(Some(weeks), false));
    let john = BindCandidate::new(person("john"), Some(weeks));
    john_signs_in(&fixture, &john).await;
    let own = fixture.own_browser(&["jdoe"], "john");
    assert_eq!(heard(&fixture, &own, &john).await, 3);
    let denied = fixture.admit_with("jdoe", "right", &own).map(drop);
    assert_eq!(denied, Err(ThrottleReason::Exhausted(60 * MINUTE)));
    fixture.pass(60 * MINUTE);
    fixture.admit_with("jdoe", "wrong", &own).unwrap().fail(AttemptFailure::Wrong);
    let denied = fixture.admit_with("jdoe", "right", &own).map(drop);
    assert_eq!(denied, Err(ThrottleReason::Exhausted(60 * MINUTE)), "one try an hour");
    fixture.pass(60 * MINUTE);
    fixture.admit_with("jdoe", "right", &own).unwrap().succeed(&john.id, &[]);
    fixture.admit_with("jdoe", "wrong", &own).unwrap().cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_own_browser_is_known_under_every_name_of_its_owner_and_to_nobody_else() {
    let fixture = ThrottleFixture::blind(5);
    let own = fixture.own_browser(&["jdoe", "john.doe@corp.example.com"], "john");
    for name in ["jdoe", "john.doe", "someone"] {
        for address in ["203.0.113.5", "203.0.113.6"] {
            let _ = fixture.fails(name, address);
            let _ = fixture.fails(name, address);
        }
    }
    for name in ["jdoe", "CORP\\JDOE", "John.Doe@corp.example.com"] {
        fixture.admit_with(name, &unused_password(), &own).unwrap().cancel();
    }
    assert!(fixture.admit_with("someone", &unused_password(), &own).is_err(), "it opens nobody else's way");
    let forged = from("198.51.100.77").with_device_cookie(Some("forged"));
    assert!(fixture.admit_with("jdoe", &unused_password(), &forged).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_cannot_keep_out_the_network_that_last_signed_in_well() {
    let fixture = ThrottleFixture::new();
    let john = candidate("john");
    john_signs_in(&fixture, &john).await;
    for number in 0..100 {
        let _ = fixture.fails_as_one_of("jdoe", &format!("203.0.113.{number}"), &john).await;
    }
    assert!(fixture.fails_as_one_of("jdoe", "203.0.113.6", &john).await.is_err());
    assert_eq!(heard(&fixture, &from("198.51.100.9"), &john).await, 1, "one more than strangers have");
    let own = fixture.own_browser(&["jdoe"], "john");
    assert_eq!(heard(&fixture, &own, &john).await, 1, "and one is kept back from the network, too");
}

/// The answers to tries at this address in a row: whether one has to wait.
async fn told_at(fixture: &ThrottleFixture, address: &str, name: &str, who: Option<&BindCandidate>) -> Vec<bool> {
    let mut told = Vec::new();
    for _ in 0..20 {
        let client = from(address);
        let tried = match who {
            Some(who) if fixture.lockout.identifies_before_bind => {
                fixture.fails_with(name, &unused_password(), &client, who).await
            }
            _ if fixture.lockout.identifies_before_bind => {
                fixture.admit_with(name, &unused_password(), &client).map(|permit| permit.fail(AttemptFailure::NoSuchName))
            }
            _ => fixture.admit_with(name, &unused_password(), &client).map(|permit| permit.fail(AttemptFailure::Wrong)),
        };
        told.push(matches!(tried, Err(ThrottleReason::Exhausted(_))));
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_shares_the_network_of_an_owner_is_not_told_that_they_are_one() {
    for threshold in [0, 2, 3, 4, 5, 10] {
        for fixture in [ThrottleFixture::seeing(threshold), ThrottleFixture::blind(threshold)] {
            let john = BindCandidate::new(person("john"), Some(policy(threshold)));
            john_signs_in(&fixture, &john).await;
            let office = "198.51.100.9";
            let of_john = told_at(&fixture, office, "jdoe", Some(&john)).await;
            fixture.pass(60 * MINUTE);
            let of_nobody = told_at(&fixture, office, "nobody", None).await;
            fixture.pass(60 * MINUTE);
            let mary = BindCandidate::new(person("mary"), Some(policy(threshold)));
            let of_mary = told_at(&fixture, office, "mary", Some(&mary)).await;
            assert_eq!((&of_john, &of_mary), (&of_nobody, &of_nobody), "{threshold} {:?}", fixture.lockout);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_has_its_limit_also_for_those_who_have_signed_in_from_there() {
    let fixture = ThrottleFixture::seeing(0);
    let mut heard = 0;
    for number in 0..100 {
        let (name, who) = (format!("name{number}"), candidate(&number.to_string()));
        let permit = fixture.admit(&name, "198.51.100.9");
        permit.unwrap().succeed(&who.id, &[]);
    }
    for number in 0..100 {
        let who = candidate(&number.to_string());
        heard += usize::from(fixture.fails_as_one_of(&format!("name{number}"), "198.51.100.9", &who).await.is_ok());
    }
    assert_eq!(heard, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_with_the_letters_of_ones_own_is_somebody_elses() {
    for threshold in 3..=12 {
        let fixture = ThrottleFixture::blind(threshold);
        let eves = fixture.own_browser(&["a.lice"], "eve");
        fixture.admit_with("a.lice", "hers", &eves).unwrap().succeed(&person("eve"), &[username("a.lice")]);
        let mut directory = DirectoryCount::default();
        for name in ["alice", "A-lice", "CORP\\alice"] {
            for _ in 0..9 {
                if fixture.admit_with(name, &unused_password(), &eves).map(|permit| permit.fail(AttemptFailure::Wrong)).is_ok()
                {
                    directory.fail(fixture.clock.now());
                }
            }
        }
        assert!(2 * directory.worst < threshold.max(3), "{threshold}: {} of alice's", directory.worst);
        // And what she tried does not take her own tries.
        fixture.admit_with("a.lice", &unused_password(), &eves).unwrap().fail(AttemptFailure::Wrong);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_familiar_network_is_strange_again_after_a_month() {
    let fixture = ThrottleFixture::new();
    let john = candidate("john");
    john_signs_in(&fixture, &john).await;
    fixture.pass(31 * 24 * 60 * MINUTE);
    assert_eq!(heard(&fixture, &from("203.0.113.5"), &john).await, 2);
    assert!(fixture.fails_as_one_of("jdoe", "198.51.100.9", &john).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_sign_in_starts_the_count_of_its_owner_afresh() {
    for fixture in [ThrottleFixture::seeing(5), ThrottleFixture::blind(5)] {
        let john = BindCandidate::new(person("john"), Some(policy(5)));
        john_signs_in(&fixture, &john).await;
        let own = fixture.own_browser(&["jdoe"], "john");
        for _ in 0..3 {
            assert_eq!(fixture.fails_with_or_blind("jdoe", &own, &john).await, Ok(()));
        }
        let permit = fixture.admit_with("jdoe", "right", &own).unwrap();
        if fixture.lockout.identifies_before_bind {
            permit.identify(&john).await.unwrap();
        }
        permit.succeed(&john.id, &[]);
        assert_eq!(heard(&fixture, &own, &john).await, 4);
    }
}

impl ThrottleFixture {
    async fn fails_with_or_blind(&self, name: &str, client: &Client, who: &BindCandidate) -> Result<(), ThrottleReason> {
        if self.lockout.identifies_before_bind {
            return self.fails_with(name, &unused_password(), client, who).await;
        }
        self.admit_with(name, &unused_password(), client).map(|permit| permit.fail(AttemptFailure::Wrong))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_sign_in_forgives_nothing_that_the_directory_may_count_after_it() {
    let fixture = ThrottleFixture::blind(5);
    let john = BindCandidate::new(person("john"), Some(policy(5)));
    john_signs_in(&fixture, &john).await;
    let own = fixture.own_browser(&["jdoe"], "john");
    let good = fixture.admit_with("jdoe", "right", &own).unwrap();
    assert_eq!(fixture.fails_with_or_blind("jdoe", &own, &john).await, Ok(()));
    assert_eq!(fixture.fails_with_or_blind("jdoe", &own, &john).await, Ok(()));
    good.succeed(&john.id, &[]);
    assert_eq!(heard(&fixture, &own, &john).await, 2, "two of four came while it was pending");
}

#[test]
fn failures_under_another_name_become_the_persons_once_it_is_known_to_be_theirs() {
    let fixture = ThrottleFixture::blind(5);
    let good = fixture.admit("jdoe", "198.51.100.9").unwrap();
    // While it is pending, somebody tries the other name.
    fixture.fails("john.doe", "192.0.2.1").unwrap();
    fixture.fails("john.doe", "192.0.2.2").unwrap();
    good.succeed(&person("john"), &["jdoe", "john.doe"].map(username));
    let own = fixture.own_browser(&["jdoe"], "john");
    let heard = (0..9).filter(|_| {
        fixture.admit_with("jdoe", &unused_password(), &own).map(|permit| permit.fail(AttemptFailure::Wrong)).is_ok()
    });
    assert_eq!(heard.count(), 2, "four in all, and two had failed");
}

#[test]
fn a_name_like_a_colleagues_does_not_wash_their_failures_away() {
    let fixture = ThrottleFixture::blind(5);
    for _ in 0..2 {
        fixture.fails("alice", "192.0.2.1").unwrap();
    }
    // Another account, whose name has the same letters.
    let eves = fixture.own_browser(&["a.lice"], "eve");
    fixture.admit_with("a.lice", "hers", &eves).unwrap().succeed(&person("eve"), &[username("a.lice")]);
    assert!(matches!(fixture.fails("alice", "203.0.113.5"), Err(ThrottleReason::Exhausted(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stricter_policy_of_a_persons_own_holds_for_them() {
    let fixture = ThrottleFixture::seeing(10);
    let strict = Some(LockoutPolicy { threshold: 3, window: 90 * MINUTE });
    let john = BindCandidate::new(person("john"), strict);
    let own = fixture.own_browser(&["jdoe"], "john");
    assert_eq!(heard(&fixture, &from("192.0.2.1"), &john).await, 1);
    assert_eq!(heard(&fixture, &own, &john).await, 1);
    fixture.pass(90 * MINUTE);
    assert_eq!(heard(&fixture, &own, &john).await, 1, "an hour is over");
    fixture.pass(91 * MINUTE);
    assert_eq!(heard(&fixture, &own, &john).await, 2);
}

#[test]
fn what_only_the_bind_told_of_somebodys_policy_holds_at_the_next_try() {
    let fixture = ThrottleFixture::blind(10);
    let permit = fixture.admit("jdoe", "198.51.100.9").unwrap();
    permit.record_policy(policy(3));
    permit.succeed(&person("john"), &[]);
    let own = fixture.own_browser(&["jdoe"], "john");
    let heard = (0..9).filter(|_| {
        fixture.admit_with("jdoe", &unused_password(), &own).map(|permit| permit.fail(AttemptFailure::Wrong)).is_ok()
    });
    assert_eq!(heard.count(), 2);
}
