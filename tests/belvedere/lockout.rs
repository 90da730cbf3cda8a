//! Nobody is ever locked out of Active Directory through this program, whatever a stranger types and wherever else
//! passwords are mistyped.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use belvedere::directory::{
    BindCandidate, BindDenied, BindGate, Directory as _, DirectoryRefusal, LdapDirectory, LockoutPolicy,
};
use belvedere::domain::{Clock as _, ManualClock, Password, SystemClock, Username};
use futures::future::join_all;
use reqwest::StatusCode;

use crate::directory_sign_in::{open, settings, sign_in, with_account};
use crate::harness::ldif::{LdifChange, LdifEntry};
use crate::harness::samba;
use crate::harness::test_server::{TestServer, TestServerBuilder};
use crate::sign_in::{WRONG, is_welcomed, refused};

/// The number of the stranger's addresses.
const ADDRESSES: usize = 6;

/// A server on the domain controller that believes what a proxy says of addresses.
fn builder(domain: &samba::SambaDomain) -> TestServerBuilder {
    let ca_file = domain.ca_file.to_str().unwrap();
    let builder = TestServerBuilder::with_directory(&domain.ldaps_url()).set("directory.ca_file", ca_file);
    builder.set("directory.operation_timeout", "10s").set("ip_header", "X-Real-IP")
}

fn builder_with_account(domain: &samba::SambaDomain) -> TestServerBuilder {
    builder(domain)
        .set("directory.bind_name", samba::SERVICE_ACCOUNT)
        .set("directory.bind_password", samba::PASSWORD)
        .set("directory.sign_in_by_mail", true)
}

/// Hires somebody whose principal name is unlike their account's, and who has a mail address; every name there is.
fn hire(domain: &samba::SambaDomain, name: &str) -> Vec<String> {
    domain.hire(name);
    let (principal, mail) = (format!("{name}.unlike@brand.example"), format!("mail-of-{name}@shop.example"));
    let change = LdifChange::at(&samba::dn(name)).replace("userPrincipalName", &principal).replace("mail", &mail);
    domain.modify(&change.ldif());
    let accented = name.replacen('e', "é", 1);
    vec![
        name.to_owned(),
        name.to_uppercase(),
        accented,
        format!("CORP\\{name}"),
        format!("corp\\{}", name.to_uppercase()),
        format!("corp.example.com\\{name}"),
        format!("{name}@corp.example.com"),
        format!("{name}@CORP"),
        principal.to_uppercase(),
        principal,
        mail,
    ]
}

/// Tries each name with a wrong password, from each address, all at once and then one after the other.
async fn hammer(house: &TestServer, names: &[String]) {
    let addresses: Vec<String> = (1..=ADDRESSES).map(|number| format!("203.0.113.{number}")).collect();
    let attempt = async |name: &str, address: &str| {
        let answer = house.visitor().at(address).tries_to_sign_in(name, WRONG, "/").await;
        // 503 is for whoever waited too long for others' tries; nothing was sent for them.
        let status = answer.status;
        assert!(
            matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE),
            "{name}: {status}"
        );
    };
    let at_once = names.iter().flat_map(|name| addresses.iter().map(move |address| (name, address)));
    join_all(at_once.map(|(name, address)| attempt(name, address))).await;
    for name in names {
        attempt(name, &addresses[0]).await;
        attempt(name, "198.51.100.7").await;
    }
}

/// The account is open, by the word of the directory itself.
async fn is_not_locked(domain: &samba::SambaDomain, name: &str) {
    let count = domain.bad_password_count(name);
    assert!(count < samba::LOCKOUT_THRESHOLD, "{name}: {count} wrong passwords reached the domain controller");
    assert!(count >= 1, "{name}: somebody tried at all");
    let elsewhere = open(&settings(&[&domain.ldaps_url()], &domain.ca_file));
    assert!(sign_in(&elsewhere, name, samba::PASSWORD).await.is_ok(), "{name} is locked");
}

#[tokio::test]
async fn a_stranger_who_hammers_every_name_of_somebody_never_locks_them() {
    let Some(domain) = samba::domain() else { return };
    let names = hire(domain, "hammered");
    let house = builder_with_account(domain).open().await;
    hammer(&house, &names).await;
    is_not_locked(domain, "hammered").await;
}

#[tokio::test]
async fn the_same_without_a_service_account_once_anybody_has_signed_in() {
    let Some(domain) = samba::domain() else { return };
    let names = hire(domain, "hammered-too");
    let house = builder(domain).open().await;
    is_welcomed(&house, "bob", samba::PASSWORD, "Bob Baker").await;
    hammer(&house, &names).await;
    is_not_locked(domain, "hammered-too").await;
}

#[tokio::test]
async fn an_owner_whose_name_is_hammered_still_signs_in_from_where_they_did_before() {
    let Some(domain) = samba::domain() else { return };
    let names = hire(domain, "hammered-owner");
    let house = builder_with_account(domain).open().await;
    let mut owner = house.visitor().at("198.51.100.200");
    owner.signs_in("hammered-owner", samba::PASSWORD).await;
    hammer(&house, &names).await;
    let mut owner = house.visitor().at("198.51.100.200");
    owner.signs_in("hammered-owner", samba::PASSWORD).await;
    is_not_locked_after_a_good_sign_in(domain, "hammered-owner").await;
}

async fn is_not_locked_after_a_good_sign_in(domain: &samba::SambaDomain, name: &str) {
    assert_eq!(domain.bad_password_count(name), 0, "the good sign-in reached the directory");
    let elsewhere = open(&settings(&[&domain.ldaps_url()], &domain.ca_file));
    assert!(sign_in(&elsewhere, name, samba::PASSWORD).await.is_ok(), "{name} is locked");
}

#[tokio::test]
async fn after_failures_elsewhere_a_try_that_could_lock_is_withheld_until_they_are_forgotten() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("mistyped-elsewhere");
    let elsewhere = open(&settings(&[&domain.ldaps_url()], &domain.ca_file));
    for _ in 1..samba::LOCKOUT_THRESHOLD {
        let refusal = sign_in(&elsewhere, "mistyped-elsewhere", WRONG).await;
        assert_eq!(refusal, Err(DirectoryRefusal::WrongCredentials));
    }
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let house = builder_with_account(domain).clock(clock.clone()).open().await;
    for password in [WRONG, samba::PASSWORD] {
        let (status, body) = refused(&house, "mistyped-elsewhere", password).await;
        assert_eq!((status, body), refused(&house, "nobody-at-all", WRONG).await, "a stranger learns nothing");
        assert_eq!(domain.bad_password_count("mistyped-elsewhere"), samba::LOCKOUT_THRESHOLD - 1, "no bind");
    }
    clock.advance(Duration::from_mins(36));
    is_welcomed(&house, "mistyped-elsewhere", samba::PASSWORD, "mistyped-elsewhere").await;
    assert_eq!(domain.bad_password_count("mistyped-elsewhere"), 0);
}

/// A gate that denies every bind, and records who was found.
#[derive(Default)]
struct RecordingGate(Mutex<Vec<BindCandidate>>);

#[async_trait]
impl BindGate for RecordingGate {
    async fn allow_bind(&self, who: Option<&BindCandidate>) -> Result<(), BindDenied> {
        self.0.lock().unwrap().extend(who.cloned());
        Err(BindDenied)
    }
}

async fn candidate(directory: &LdapDirectory, name: &str) -> BindCandidate {
    let notes = RecordingGate::default();
    let password = Password::parse(WRONG.to_owned()).unwrap();
    let refused = directory.sign_in(&Username::parse(name).unwrap(), &password, &notes).await;
    assert_eq!(refused, Err(DirectoryRefusal::BindDenied(BindDenied)), "{name}");
    notes.0.into_inner().unwrap().remove(0)
}

#[tokio::test]
async fn the_policy_and_the_count_are_read_with_the_person() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("counted");
    let directory =
        open(&with_account(settings(&[&domain.ldaps_url()], &domain.ca_file), samba::SERVICE_ACCOUNT, samba::PASSWORD));
    let name = Username::parse("counted").unwrap();
    assert_eq!(directory.lockout_info(&name).policy, None, "nobody was asked");
    let policy = LockoutPolicy { threshold: samba::LOCKOUT_THRESHOLD, window: Duration::from_mins(30) };
    for failures in 0..2 {
        let who = candidate(&directory, "counted").await;
        assert_eq!((who.policy, who.failures), (Some(policy), Some(failures)));
        assert_eq!(sign_in(&directory, "counted", WRONG).await, Err(DirectoryRefusal::WrongCredentials));
    }
    let known = directory.lockout_info(&name);
    assert_eq!((known.policy, known.identifies_before_bind), (Some(policy), true), "kept in memory");
}

#[tokio::test]
async fn without_a_service_account_the_policy_is_read_by_whoever_signs_in() {
    let Some(domain) = samba::domain() else { return };
    let directory = open(&settings(&[&domain.ldaps_url()], &domain.ca_file));
    let name = Username::parse("bob").unwrap();
    assert_eq!(directory.lockout_info(&name).policy, None);
    sign_in(&directory, "bob", samba::PASSWORD).await.unwrap();
    let known = directory.lockout_info(&name);
    assert_eq!(known.policy.map(|policy| policy.threshold), Some(samba::LOCKOUT_THRESHOLD));
    assert!(!known.identifies_before_bind);
}

#[tokio::test]
async fn a_policy_of_somebodys_own_holds_for_them_or_is_taken_to_be_strict_where_it_may_not_be_read() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("under-pso");
    domain.modify(&password_settings("lenient", 12, "under-pso").ldif());
    let plain = settings(&[&domain.ldaps_url()], &domain.ca_file);
    let administrator = domain.administrator();
    let may_read = open(&with_account(plain.clone(), &administrator.name, administrator.password));
    let own = LockoutPolicy { threshold: 12, window: Duration::from_mins(10) };
    assert_eq!(candidate(&may_read, "under-pso").await.policy, Some(own));

    let may_not = open(&with_account(plain, samba::SERVICE_ACCOUNT, samba::PASSWORD));
    let assumed = candidate(&may_not, "under-pso").await.policy.unwrap();
    assert_eq!(assumed.threshold, 3, "{assumed:?}");
}

/// A password settings object for one person.
pub(crate) fn password_settings(name: &str, threshold: u32, person: &str) -> LdifEntry {
    let ten_minutes = "-6000000000";
    LdifEntry::at(&format!("CN={name},CN=Password Settings Container,CN=System,{}", samba::BASE_DN))
        .with("objectClass", "msDS-PasswordSettings")
        .with("msDS-PasswordSettingsPrecedence", "1")
        .with("msDS-PasswordReversibleEncryptionEnabled", "FALSE")
        .with("msDS-PasswordHistoryLength", "0")
        .with("msDS-PasswordComplexityEnabled", "FALSE")
        .with("msDS-MinimumPasswordLength", "1")
        .with("msDS-MinimumPasswordAge", "0")
        .with("msDS-MaximumPasswordAge", "-9223372036854775808")
        .with("msDS-LockoutThreshold", threshold.to_string())
        .with("msDS-LockoutObservationWindow", ten_minutes)
        .with("msDS-LockoutDuration", ten_minutes)
        .with("msDS-PSOAppliesTo", samba::dn(person))
}
