//! Binds: which account a name and password prove (RFC 4511 4.2, MS-ADTS 5.1.1.1).

use ldap3_proto::proto::{LdapBindCred, LdapBindRequest, LdapResult};
use zeroize::Zeroizing;

use super::accounts::BindOutcome;
use super::realm::DemoRealm;
use super::results;
use super::sample::SampleAccountId;
use super::tree::DemoEntry;
use crate::domain::Dn;

/// The protocol version (RFC 4511, 4.2).
const VERSION: i64 = 3;

/// Answers a bind. The account it proved, if it proved one; an anonymous bind succeeds and proves none.
///
/// A name with an empty password is an *unauthenticated* bind (RFC 4513, 5.1.2). It succeeds here as anonymous, as
/// it does in Active Directory, so that a client which takes it for a proof is found out by the searches it is then
/// refused.
pub(super) fn bind(realm: &DemoRealm, request: LdapBindRequest) -> (LdapResult, Option<SampleAccountId>) {
    if request.version != VERSION {
        return (results::version_not_spoken(), None);
    }
    let LdapBindCred::Simple(password) = request.cred else {
        return (results::only_simple_binds(), None);
    };
    let password = Zeroizing::new(password);
    if password.is_empty() {
        return (results::success(), None);
    }
    let account = account_named(realm, &request.dn);
    let outcome = realm.accounts.check_password(account, &password, realm.clock.now());
    (results::bind_result(outcome), account.filter(|_| outcome == BindOutcome::Success))
}

/// The account a bind's name means: a principal name, a down-level name, or a DN. A bare name means nobody, as in
/// Active Directory.
fn account_named(realm: &DemoRealm, name: &str) -> Option<SampleAccountId> {
    let person = by_principal(realm, name)
        .or_else(|| by_down_level(realm, name))
        .or_else(|| name.parse::<Dn>().ok().and_then(|dn| realm.tree.find(&dn)))?;
    person.account
}

/// The entry with a principal name, `alice@belvedere.example`: first as somebody's `userPrincipalName`, then as an
/// account in the domain of that DNS or NetBIOS name.
fn by_principal<'a>(realm: &'a DemoRealm, name: &str) -> Option<&'a DemoEntry> {
    let (account, suffix) = name.rsplit_once('@')?;
    find_by_text(realm, "userPrincipalName", name).or_else(|| in_domain(realm, suffix, account))
}

/// The entry with a down-level name, `DEMO\alice`.
fn by_down_level<'a>(realm: &'a DemoRealm, name: &str) -> Option<&'a DemoEntry> {
    let (domain, account) = name.split_once('\\')?;
    in_domain(realm, domain, account)
}

fn in_domain<'a>(realm: &'a DemoRealm, domain: &str, account: &str) -> Option<&'a DemoEntry> {
    let here = domain.eq_ignore_ascii_case(&realm.netbios_name) || domain.eq_ignore_ascii_case(&realm.dns_domain);
    if here { find_by_text(realm, "sAMAccountName", account) } else { None }
}

fn find_by_text<'a>(realm: &'a DemoRealm, attribute: &str, text: &str) -> Option<&'a DemoEntry> {
    let text = text.to_lowercase();
    let has_it = |value: &Vec<u8>| String::from_utf8_lossy(value).to_lowercase() == text;
    realm.tree.entries().find(|entry| entry.account.is_some() && entry.values(attribute).iter().any(has_it))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::sync::Arc;

    use ldap3_proto::proto::LdapResultCode;

    use super::*;
    use crate::demo_directory::SampleDomain;
    use crate::domain::{ManualClock, Timestamp};

    fn realm() -> DemoRealm {
        let clock = ManualClock::at(Timestamp::from_millis(1_795_309_126_976));
        DemoRealm::new(&SampleDomain::demo(), Arc::new(clock)).unwrap()
    }

    fn simple(name: &str, password: &str) -> LdapBindRequest {
        LdapBindRequest { version: 3, dn: name.to_owned(), cred: LdapBindCred::Simple(password.to_owned()) }
    }

    #[test]
    fn every_form_of_name_means_the_same_person() {
        let realm = realm();
        for name in [
            "alice@belvedere.example",
            "ALICE@BELVEDERE.EXAMPLE",
            "alice@demo",
            r"DEMO\alice",
            r"demo\Alice",
            r"belvedere.example\alice",
            "CN=Alice Johnson,OU=New York,OU=People,DC=belvedere,DC=example",
            "cn=alice johnson, ou=new york, ou=people, dc=belvedere, dc=example",
        ] {
            assert_eq!(account_named(&realm, name), Some(SampleAccountId(0)), "{name:?}");
        }
    }

    #[test]
    fn awkward_names_are_found() {
        let realm = realm();
        for (name, username) in [
            (r"CN=Müller\, Jörg (Sales),OU=Montréal,OU=People,DC=belvedere,DC=example", "jmueller"),
            (r"CN=M\C3\BCller\2C J\C3\B6rg (Sales),OU=Montréal,OU=People,DC=belvedere,DC=example", "jmueller"),
            (r"CN=Lobby screen #2 * (NYC\\LA),OU=New York,OU=People,DC=belvedere,DC=example", "lobby"),
            ("s.o'neil@belvedere.example", "s.o'neil"),
            ("zoe.luczak@southside.example", "zoe"),
            ("zoe@belvedere.example", "zoe"),
        ] {
            let request = simple(name, &format!("{username}-demo"));
            let (answer, account) = bind(&realm, request);
            assert_eq!(answer.code, LdapResultCode::Success, "{name:?}");
            assert!(account.is_some(), "{name:?}");
        }
    }

    #[test]
    fn a_name_that_means_nobody_is_refused_like_a_wrong_password() {
        let realm = realm();
        let (wrong, _) = bind(&realm, simple("alice@belvedere.example", "wrong"));
        for name in [
            "alice",
            "Alice Johnson",
            "alice@elsewhere.example",
            r"ELSEWHERE\alice",
            r"DEMO\",
            "@belvedere.example",
            "nobody@belvedere.example",
            "CN=dash-ops,OU=Groups,DC=belvedere,DC=example",
            "dash-ops@belvedere.example",
        ] {
            let (answer, account) = bind(&realm, simple(name, "alice-demo"));
            assert_eq!((answer, account), (wrong.clone(), None), "{name:?}");
        }
    }

    #[test]
    fn an_empty_password_proves_nobody() {
        let (answer, account) = bind(&realm(), simple("alice@belvedere.example", ""));
        assert_eq!((answer.code, account), (LdapResultCode::Success, None));
    }

    #[test]
    fn only_version_3_and_only_simple_binds_are_taken() {
        let realm = realm();
        let old = LdapBindRequest { version: 2, ..simple(r"DEMO\alice", "alice-demo") };
        assert_eq!(bind(&realm, old).0.code, LdapResultCode::ProtocolError);
        let unknown = LdapBindRequest { cred: LdapBindCred::Unsupported, ..simple("", "") };
        assert_eq!(bind(&realm, unknown).0.code, LdapResultCode::AuthMethodNotSupported);
    }
}
