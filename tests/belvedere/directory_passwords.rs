//! Passwords that their owners change: on a Samba domain controller, on slapd and on 389 Directory Server.

use std::time::Duration;

use belvedere::config::DirectorySettings;
use belvedere::directory::{
    BindDenied, ChangeRefusal, Directory as _, DirectoryRefusal, LdapDirectory, PasswordChange, PasswordRule, PasswordState,
};
use belvedere::domain::{Clock as _, Password, PersonId, SystemClock, Username};

use crate::directory_sign_in::{AlwaysAllowed, NeverAllowed, open, settings, sign_in, with_account};
use crate::harness::ldap_server::LdapServer;
use crate::harness::ldif::{LdifChange, LdifEntry};
use crate::harness::{directory_389, samba, slapd};

/// A password that every directory here takes.
const NEW: &str = "A-Battery-Of-Horses-9";

const WRONG: &str = "Not-The-Password-5";

async fn change(directory: &LdapDirectory, name: &str, old: &str, new: &str) -> Result<PersonId, ChangeRefusal> {
    let password = |text: &str| Password::parse(text.to_owned()).unwrap();
    let change = PasswordChange { old: password(old), new: password(new) };
    directory.change_password(&Username::parse(name).unwrap(), &change, &AlwaysAllowed).await
}

fn over_ldaps(domain: &samba::SambaDomain) -> DirectorySettings {
    settings(&[&domain.ldaps_url()], &domain.ca_file)
}

fn with_samba_account(settings: DirectorySettings) -> DirectorySettings {
    with_account(settings, samba::SERVICE_ACCOUNT, samba::PASSWORD)
}

/// Without an account, and with one.
fn both_ways_to_samba(domain: &samba::SambaDomain) -> [(&'static str, LdapDirectory); 2] {
    let settings = over_ldaps(domain);
    [("as themselves", open(&settings)), ("with an account", open(&with_samba_account(settings)))]
}

/// The DN of the policy for one person.
fn policy_of(name: &str) -> String {
    format!("CN=for {name},CN=Password Settings Container,CN=System,{}", samba::BASE_DN)
}

/// In steps of 100 ns, counted backwards, as Active Directory has it.
fn age_of(days: i64) -> String {
    (days * 24 * 60 * 60 * -10_000_000).to_string()
}

/// Hires somebody who may change their password as often as they like. It is good for so many `days`.
pub(crate) fn hire_for(domain: &samba::SambaDomain, name: &str, days: i64) {
    domain.hire(name);
    let policy = LdifEntry::at(&policy_of(name))
        .with("objectClass", "msDS-PasswordSettings")
        .with("msDS-PasswordSettingsPrecedence", "10")
        .with("msDS-PasswordReversibleEncryptionEnabled", "FALSE")
        .with("msDS-PasswordHistoryLength", "3")
        .with("msDS-PasswordComplexityEnabled", "TRUE")
        .with("msDS-MinimumPasswordLength", "10")
        .with("msDS-MinimumPasswordAge", "0")
        .with("msDS-MaximumPasswordAge", age_of(days))
        .with("msDS-LockoutThreshold", samba::LOCKOUT_THRESHOLD.to_string())
        .with("msDS-LockoutObservationWindow", "-18000000000")
        .with("msDS-LockoutDuration", "-18000000000")
        .with("msDS-PSOAppliesTo", dn(name));
    domain.modify(&policy.ldif());
}

/// A person who must change their password before they sign in.
pub(crate) fn hire_who_must_change(domain: &samba::SambaDomain, name: &str) {
    hire_for(domain, name, 100);
    domain.modify(&LdifChange::at(&dn(name)).replace("pwdLastSet", "0").ldif());
}

/// A person whose password is older than the policy allows.
pub(crate) fn hire_whose_password_ran_out(domain: &samba::SambaDomain, name: &str) {
    hire_for(domain, name, 100);
    // A FILETIME in the year 2001.
    domain.backdate_password(&dn(name), 126_500_000_000_000_000);
}

/// LDIF by which somebody's password never expires (`DONT_EXPIRE_PASSWORD`, MS-ADTS 2.2.16).
pub(crate) fn never_expires(name: &str) -> String {
    LdifChange::at(&dn(name)).replace("userAccountControl", (0x200 | 0x10000).to_string()).ldif()
}

fn dn(name: &str) -> String {
    format!("CN={name},OU=Staff,{}", samba::BASE_DN)
}

#[tokio::test]
async fn on_active_directory_people_change_their_password_and_the_old_one_is_good_no_more() {
    let Some(domain) = samba::domain() else { return };
    for (number, (way, directory)) in both_ways_to_samba(domain).into_iter().enumerate() {
        let name = format!("changes-{number}");
        hire_for(domain, &name, 100);
        let changed = change(&directory, &name, samba::PASSWORD, NEW).await.unwrap();
        let person = sign_in(&directory, &name, NEW).await.unwrap();
        assert_eq!(changed, person.id, "{way}");
        // For an hour Active Directory takes the old one from other ways in (MS-SAMR 3.1.1.7.1), but not for a change.
        let again = change(&directory, &name, samba::PASSWORD, "Another-Battery-8").await;
        assert_eq!(again, Err(DirectoryRefusal::WrongCredentials.into()), "{way}");
    }
}

#[tokio::test]
async fn with_a_service_account_who_must_change_their_password_can_and_without_one_they_hear_where() {
    let Some(domain) = samba::domain() else { return };
    hire_who_must_change(domain, "reset");
    hire_whose_password_ran_out(domain, "overdue");
    let [(_, alone), (_, with_account)] = both_ways_to_samba(domain);
    for (name, refusal, state) in [
        ("reset", DirectoryRefusal::MustChangePassword, PasswordState::MustChange),
        ("overdue", DirectoryRefusal::PasswordExpired, PasswordState::Expired),
    ] {
        let username = Username::parse(name).unwrap();
        assert_eq!(sign_in(&alone, name, samba::PASSWORD).await, Err(refusal.clone()), "{name}");
        assert!(!alone.can_change_password(&username, state), "{name}");
        let here = change(&alone, name, samba::PASSWORD, NEW).await;
        assert!(matches!(here, Err(ChangeRefusal::NotHere { .. })), "{name}: {here:?}");

        assert_eq!(sign_in(&with_account, name, samba::PASSWORD).await, Err(refusal), "{name}");
        assert!(with_account.can_change_password(&username, state), "{name}");
        change(&with_account, name, samba::PASSWORD, NEW).await.unwrap();
        sign_in(&with_account, name, NEW).await.unwrap();
    }
}

#[tokio::test]
async fn on_active_directory_a_wrong_old_password_counts_once() {
    let Some(domain) = samba::domain() else { return };
    for (number, (way, directory)) in both_ways_to_samba(domain).into_iter().enumerate() {
        let name = format!("miscounts-{number}");
        hire_for(domain, &name, 100);
        for count in 1..samba::LOCKOUT_THRESHOLD {
            assert_eq!(change(&directory, &name, WRONG, NEW).await, Err(DirectoryRefusal::WrongCredentials.into()), "{way}");
            assert_eq!(domain.bad_password_count(&name), count, "{way}");
        }
        change(&directory, &name, samba::PASSWORD, NEW).await.unwrap();
    }
}

#[tokio::test]
async fn without_leave_nobodys_password_is_sent() {
    let Some(domain) = samba::domain() else { return };
    for (way, directory) in both_ways_to_samba(domain) {
        let password = |text: &str| Password::parse(text.to_owned()).unwrap();
        let change = PasswordChange { old: password(WRONG), new: password(NEW) };
        let name = Username::parse("bob").unwrap();
        let refused = directory.change_password(&name, &change, &NeverAllowed::default()).await;
        assert_eq!(refused, Err(DirectoryRefusal::BindDenied(BindDenied).into()), "{way}");
    }
    assert_eq!(domain.bad_password_count("bob"), 0);
}

#[tokio::test]
async fn active_directorys_rules_are_told_in_its_own_words() {
    let Some(domain) = samba::domain() else { return };
    for (number, (way, directory)) in both_ways_to_samba(domain).into_iter().enumerate() {
        let name = format!("ruled-{number}");
        hire_for(domain, &name, 100);
        for (new, rule, words) in [
            ("Ab1-", PasswordRule::TooShort, "The password is too short. It should be equal or longer than 10 characters."),
            ("abcdefghijkl", PasswordRule::TooSimple, "The password does not meet the complexity criteria."),
            (samba::PASSWORD, PasswordRule::InHistory, "The password was already used (previous password)."),
        ] {
            let expected = ChangeRefusal::Policy { rule: Some(rule), message: Some(words.to_owned()) };
            assert_eq!(change(&directory, &name, samba::PASSWORD, new).await, Err(expected), "{way}: {new}");
        }
        // Nothing of this was a wrong password.
        assert_eq!(domain.bad_password_count(&name), 0, "{way}");
    }
    // Under the domain's own policy a new password stays for a day.
    domain.hire("hasty");
    let [(_, directory), _] = both_ways_to_samba(domain);
    let refused = change(&directory, "hasty", samba::PASSWORD, NEW).await;
    let Err(ChangeRefusal::Policy { rule, message }) = refused else { panic!("{refused:?}") };
    assert_eq!(rule, Some(PasswordRule::TooYoung), "{message:?}");
}

#[tokio::test]
async fn strangers_and_awkward_names_are_refused_like_a_wrong_password() {
    let Some(domain) = samba::domain() else { return };
    for (way, directory) in both_ways_to_samba(domain) {
        for name in ["nobody", "*", "OTHER\\alice", "al*"] {
            let refused = change(&directory, name, samba::PASSWORD, NEW).await;
            assert_eq!(refused, Err(DirectoryRefusal::WrongCredentials.into()), "{way}: {name}");
        }
    }
}

#[tokio::test]
async fn active_directory_tells_when_a_password_expires() {
    let Some(domain) = samba::domain() else { return };
    hire_for(domain, "expires", 6);
    for (way, directory) in both_ways_to_samba(domain) {
        let person = sign_in(&directory, "expires", samba::PASSWORD).await.unwrap();
        let expires = person.password_expires.unwrap_or_else(|| panic!("{way}: it does not tell"));
        let left = expires.since(SystemClock.now());
        let days = Duration::from_hours(24);
        assert!(left > days * 5 && left <= days * 6, "{way}: {left:?}");
    }
}

#[tokio::test]
async fn on_openldap_people_change_their_password_by_rfc_3062() {
    let Some(server) = slapd::server() else { return };
    let ldaps = settings(&[&server.ldaps_url()], &server.ca_file);
    let ways =
        [("anonymously", open(&ldaps)), ("with an account", open(&with_account(ldaps, slapd::SERVICE_DN, slapd::PASSWORD)))];
    for (number, (way, directory)) in ways.into_iter().enumerate() {
        let name = format!("changes-{number}");
        server.hire(&name);
        let binds = || server.binds(&slapd::dn(&name));
        assert_eq!(change(&directory, &name, WRONG, NEW).await, Err(DirectoryRefusal::WrongCredentials.into()), "{way}");
        assert_eq!(binds(), 1, "{way}: a wrong password is one bind");
        let changed = change(&directory, &name, slapd::PASSWORD, NEW).await.unwrap();
        assert_eq!(binds(), 2, "{way}: and so is a right one");
        assert_eq!(sign_in(&directory, &name, NEW).await.unwrap().id, changed, "{way}");
        assert_eq!(sign_in(&directory, &name, slapd::PASSWORD).await, Err(DirectoryRefusal::WrongCredentials), "{way}");
    }
}

fn where_passwords_age(server: &LdapServer) -> LdapDirectory {
    let settings = settings(&[&server.ldaps_url()], &server.ca_file);
    open(&DirectorySettings { base_dn: Some(slapd::POLICY_BASE_DN.to_owned()), ..settings })
}

#[tokio::test]
async fn openldaps_password_policy_is_heard() {
    let Some(server) = slapd::server() else { return };
    let directory = where_passwords_age(server);
    for (name, expected) in [
        ("must-change", DirectoryRefusal::MustChangePassword),
        ("expired", DirectoryRefusal::PasswordExpired),
        ("locked", DirectoryRefusal::Locked),
    ] {
        assert_eq!(sign_in(&directory, name, slapd::PASSWORD).await, Err(expected), "{name}");
    }
    for name in ["must-change", "expired"] {
        assert_eq!(sign_in(&directory, name, WRONG).await, Err(DirectoryRefusal::WrongCredentials), "{name}");
    }
    assert_eq!(sign_in(&directory, "well", slapd::PASSWORD).await.unwrap().password_expires, None, "too far off");
    let expires = sign_in(&directory, "expiring", slapd::PASSWORD).await.unwrap().password_expires.unwrap();
    let left = expires.since(SystemClock.now());
    let day = Duration::from_hours(24);
    assert!(left > day * 2 && left <= day * 3, "{left:?}");
}

#[tokio::test]
async fn on_openldap_a_password_that_was_reset_is_changed_and_an_expired_one_is_not() {
    let Some(server) = slapd::server() else { return };
    let directory = where_passwords_age(server);
    server.hire_below(slapd::POLICY_BASE_DN, "renewed");
    let renewed = slapd::dn_below(slapd::POLICY_BASE_DN, "renewed");
    server.administrator().apply(&LdifChange::at(&renewed).replace("pwdReset", "TRUE").ldif()).unwrap();
    assert_eq!(sign_in(&directory, "renewed", slapd::PASSWORD).await, Err(DirectoryRefusal::MustChangePassword));
    assert!(directory.can_change_password(&Username::parse("renewed").unwrap(), PasswordState::MustChange));
    let too_short = &NEW[..slapd::MIN_PASSWORD_LENGTH - 1];
    for (new, rule) in [(too_short, PasswordRule::TooShort), (slapd::PASSWORD, PasswordRule::InHistory)] {
        let refused = change(&directory, "renewed", slapd::PASSWORD, new).await;
        assert_eq!(refused, Err(ChangeRefusal::Policy { rule: Some(rule), message: None }));
    }
    change(&directory, "renewed", slapd::PASSWORD, NEW).await.unwrap();
    sign_in(&directory, "renewed", NEW).await.unwrap();

    let expired = change(&directory, "expired", slapd::PASSWORD, NEW).await;
    assert!(matches!(expired, Err(ChangeRefusal::NotHere { .. })), "{expired:?}");
    assert!(!directory.can_change_password(&Username::parse("expired").unwrap(), PasswordState::Expired));
}

#[tokio::test]
async fn on_389_passwords_age_and_are_changed() {
    let Some(server) = directory_389::server() else { return };
    let ldaps = settings(&[&server.ldaps_url()], &server.ca_file);
    let ways = [
        ("anonymously", open(&ldaps)),
        ("with an account", open(&with_account(ldaps, directory_389::SERVICE_DN, directory_389::PASSWORD))),
    ];
    for (number, (way, directory)) in ways.into_iter().enumerate() {
        let old = directory_389::PASSWORD;
        for (name, expected) in
            [("must-change", DirectoryRefusal::MustChangePassword), ("expired", DirectoryRefusal::PasswordExpired)]
        {
            assert_eq!(sign_in(&directory, name, old).await, Err(expected), "{way}: {name}");
            assert_eq!(sign_in(&directory, name, WRONG).await, Err(DirectoryRefusal::WrongCredentials), "{way}: {name}");
        }
        let expires = sign_in(&directory, "expiring", old).await.unwrap().password_expires.unwrap();
        let left = expires.since(SystemClock.now());
        let day = Duration::from_hours(24);
        // With its first warning it gives the whole time of the warning once more.
        assert!(left > day * 2 && left <= day * 7, "{way}: {left:?}");

        let name = format!("changes-{number}");
        server.hire(&name);
        let changed = change(&directory, &name, old, NEW).await.unwrap();
        assert_eq!(sign_in(&directory, &name, NEW).await.unwrap().id, changed, "{way}");
        assert_eq!(change(&directory, &name, WRONG, old).await, Err(DirectoryRefusal::WrongCredentials.into()), "{way}");
    }
    let directory = open(&settings(&[&server.ldaps_url()], &server.ca_file));
    let refused = change(&directory, "must-change", directory_389::PASSWORD, "short").await;
    assert!(matches!(refused, Err(ChangeRefusal::Policy { .. })), "{refused:?}");
}

#[tokio::test]
async fn where_the_settings_say_so_nobody_changes_a_password_and_none_is_sent() {
    let Some(server) = slapd::server() else { return };
    let off = DirectorySettings { password_change: false, ..settings(&[&server.ldaps_url()], &server.ca_file) };
    let directory = open(&off);
    server.hire("stays");
    assert!(!directory.can_change_password(&Username::parse("stays").unwrap(), PasswordState::Good));
    let refused = change(&directory, "stays", slapd::PASSWORD, NEW).await;
    assert!(matches!(refused, Err(ChangeRefusal::NotHere { .. })), "{refused:?}");
    assert_eq!(server.binds(&slapd::dn("stays")), 0);
}
