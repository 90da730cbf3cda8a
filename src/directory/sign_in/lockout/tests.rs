use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_309_126_976);

fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

fn filetime(at: Timestamp) -> String {
    ((at.as_millis() + 11_644_473_600_000) * 10_000).to_string()
}

fn with_failures(count: &str, last: &str) -> LdapEntry {
    LdapEntry::with("CN=a", &[(BAD_PASSWORD_COUNT, count.as_bytes()), (BAD_PASSWORD_TIME, last.as_bytes())])
}

fn five() -> LockoutPolicy {
    LockoutPolicy { threshold: 5, window: minutes(30) }
}

#[test]
fn a_policy_is_read_from_the_domain_s_head() {
    let head = LdapEntry::with("DC=x", &[("lockoutThreshold", b"5"), ("lockOutObservationWindow", b"-18000000000")]);
    assert_eq!(parse_policy(&head, DOMAIN_POLICY), Some(five()));
    let bare = LdapEntry::with("DC=x", &[("lockoutThreshold", b"0")]);
    assert_eq!(parse_policy(&bare, DOMAIN_POLICY), Some(LockoutPolicy { threshold: 0, window: DEFAULT_WINDOW }));
    assert_eq!(parse_policy(&LdapEntry::with("DC=x", &[]), DOMAIN_POLICY), None, "not readable");
    for nonsense in [&b"many"[..], b"-1", b"99999999999"] {
        assert_eq!(parse_policy(&LdapEntry::with("DC=x", &[("lockoutThreshold", nonsense)]), DOMAIN_POLICY), None);
    }
    let never = LdapEntry::with("DC=x", &[("lockoutThreshold", b"5"), (DOMAIN_POLICY[1], b"-9223372036854775808")]);
    assert_eq!(parse_policy(&never, DOMAIN_POLICY).unwrap().window, MAX_WINDOW);
}

#[test]
fn the_directory_s_count_holds_until_its_window_is_over_by_both_clocks() {
    let person = with_failures("4", &filetime(NOW));
    let after = |time: Duration| failure_count(&person, Some(five()), NOW + time);
    assert_eq!(after(Duration::ZERO), Some(4));
    assert_eq!(after(minutes(30)), Some(4), "the directory's clock may be behind");
    assert_eq!(after(minutes(35)), Some(0));
    assert_eq!(failure_count(&person, None, NOW + minutes(1000)), Some(4), "no window is known");
    assert_eq!(failure_count(&with_failures("0", "0"), Some(five()), NOW), Some(0));
    assert_eq!(failure_count(&with_failures("x", "0"), Some(five()), NOW), None);
    assert_eq!(failure_count(&LdapEntry::with("CN=a", &[]), Some(five()), NOW), None, "not readable");
}

#[test]
fn of_two_policies_the_stricter_is_the_one_that_locks_sooner() {
    let policy = |threshold, window| LockoutPolicy { threshold, window: minutes(window) };
    assert_eq!(policy(10, 60).stricter(policy(5, 30)), policy(5, 60));
    assert_eq!(policy(3, 10).stricter(policy(5, 30)), policy(3, 30));
    assert_eq!(policy(0, 30).stricter(policy(5, 30)), policy(5, 30), "0 is never");
}
