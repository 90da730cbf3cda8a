use super::*;
use crate::domain::{GroupId, PersonId};

/// What somebody may be called: every kind of reference, as a name, besides names that are no reference at all.
const HOSTILE_NAMES: &[&str] = &[
    "alice",
    r"local\root",
    r"LOCAL\root",
    r"default\alice",
    r"default\local\root",
    r"brand\alice",
    r"brand\local\root",
    r"CORP\alice",
    "alice@corp.example.com",
    r"local\root@corp.example.com",
    r"brand\alice@corp.example.com",
    "CN=alice,DC=corp",
    r"brand\CN=alice,DC=corp",
    "S-1-5-32-544",
    r"brand\S-1-5-32-544",
    "objectGUID:1",
    "local:1",
    " alice",
    "alice ",
    "\u{212a}elvin",
    "kelvin",
    "",
    r"\",
    "@",
    "*",
];

fn brand() -> Realm {
    Realm::Additional("brand".parse().unwrap())
}

fn realms() -> [Realm; 3] {
    [Realm::Local, Realm::Default, brand()]
}

/// Somebody of this realm who is called `name` in every attribute, and whose group is, too.
fn called(realm: &Realm, name: &str) -> Person {
    let group = Group { id: GroupId::new(name), name: name.to_owned(), dn: name.to_owned(), shares_name: false };
    Person {
        id: PersonId::new("x:1"),
        realm: realm.clone(),
        principal: name.parse().ok(),
        groups: [group].into_iter().collect(),
        ..Person::named(name)
    }
}

fn opens(reference: &GroupRef, person: &Person) -> bool {
    person.groups.iter().any(|group| reference.matches(group, person))
}

/// Everybody whom a reference lets in, by realm and name.
fn admitted<'a>(matches: impl Fn(&Person) -> bool, names: &[&'a str]) -> Vec<(String, &'a str)> {
    let all = realms().into_iter().flat_map(|realm| names.iter().map(move |name| (realm.clone(), *name)));
    all.filter(|(realm, name)| matches(&called(realm, name))).map(|(realm, name)| (realm.to_string(), name)).collect()
}

#[test]
fn a_reference_to_a_person_lets_in_its_own_kind_and_nobody_whom_a_directory_calls_so() {
    for (written, expected) in [
        ("alice", vec![("default", "alice")]),
        ("ALICE", vec![("default", "alice")]),
        (r"default\Alice", vec![("default", "alice")]),
        (r"local\root", vec![]),
        (r"local\alice", vec![("local", "alice")]),
        (r"brand\alice", vec![("brand", "alice")]),
        (r"BRAND\ALICE", vec![("brand", "alice")]),
        (r"corp\alice", vec![]),
        (r"default\local\root", vec![("default", r"local\root"), ("default", r"LOCAL\root")]),
        (r"default\alice@corp.example.com", vec![("default", "alice@corp.example.com")]),
        ("kelvin", vec![("default", "kelvin")]),
        ("objectGUID:1", vec![("default", "objectGUID:1")]),
        ("local:1", vec![("default", "local:1")]),
        ("*", vec![("default", "*")]),
    ] {
        let reference: UserRef = written.parse().unwrap();
        let expected: Vec<_> = expected.into_iter().map(|(realm, name)| (realm.to_owned(), name)).collect();
        assert_eq!(admitted(|person| reference.matches(person), HOSTILE_NAMES), expected, "{written}");
    }
}

#[test]
fn a_principal_name_is_compared_with_principal_names_alone() {
    let reference: UserRef = "Alice@corp.example.com".parse().unwrap();
    let person = called(&Realm::Default, "alice@corp.example.com");
    assert!(reference.matches(&person));
    assert!(!reference.matches(&Person { principal: None, ..person.clone() }), "an account's name passed for one");
    for attribute in [r"local\root", r"brand\alice", "alice", "", "@", "a@", "@b", " a@b", "a\n@b", r"a\b@c"] {
        assert!(attribute.parse::<PrincipalName>().is_err(), "{attribute:?}");
    }
    for account in [r"local\root", r"brand\alice", "alice"] {
        let reference: UserRef = account.parse().unwrap();
        let principal = format!("{account}@corp.example.com").parse().ok();
        assert!(!reference.matches(&Person { username: "mallory".to_owned(), principal, ..person.clone() }), "{account}");
    }
}

#[test]
fn a_reference_to_a_group_lets_in_its_own_kind_and_nobody_whose_group_a_directory_calls_so() {
    for (written, expected) in [
        ("alice", vec![("default", "alice")]),
        (r"local\alice", vec![("local", "alice")]),
        (r"local\root", vec![]),
        (r"brand\alice", vec![("brand", "alice")]),
        (r"corp\alice", vec![]),
        (r"default\brand\alice", vec![("default", r"brand\alice")]),
        ("alice@corp.example.com", vec![("default", "alice@corp.example.com")]),
        ("cn=Alice, dc=corp", vec![("default", "CN=alice,DC=corp")]),
        (r"brand\cn=Alice, dc=corp", vec![("brand", "CN=alice,DC=corp")]),
        ("s-1-5-32-544", vec![("default", "S-1-5-32-544")]),
        (r"brand\S-1-5-32-544", vec![("brand", "S-1-5-32-544")]),
    ] {
        let reference: GroupRef = written.parse().unwrap();
        let expected: Vec<_> = expected.into_iter().map(|(realm, name)| (realm.to_owned(), name)).collect();
        assert_eq!(admitted(|person| opens(&reference, person), HOSTILE_NAMES), expected, "{written}");
    }
}

#[test]
fn a_group_that_is_named_like_a_dn_or_sid_is_not_that_one() {
    for name in ["CN=admins,DC=corp", "S-1-5-32-544"] {
        let reference: GroupRef = name.parse().unwrap();
        let group =
            Group { id: GroupId::new("S-1-5-21-1"), name: name.to_owned(), dn: "CN=x,DC=corp".to_owned(), shares_name: false };
        let person = Person { groups: [group].into_iter().collect(), ..called(&Realm::Default, "x") };
        assert!(!opens(&reference, &person), "{name}");
    }
}

#[test]
fn whom_a_name_is_written_for_is_whom_it_lets_in() {
    for realm in realms() {
        for name in ["alice", r"local\root", r"brand\alice", r"default\x", r"a\b"] {
            let person = called(&realm, name);
            let reference: UserRef = person.qualified_name().parse().unwrap();
            let admitted =
                admitted(|person| reference.matches(person), &["alice", r"local\root", r"brand\alice", r"default\x", r"a\b"]);
            assert_eq!(admitted, [(realm.to_string(), name)], "{}", person.qualified_name());
        }
    }
}

#[test]
fn a_pasted_reference_is_the_one_that_it_looks_like() {
    for (pasted, meant) in [
        ("\u{feff}dash-ops\u{200b}", "dash-ops"),
        ("\u{a0}brand\\sales\u{2060} ", r"brand\sales"),
        ("Gesch\u{61}\u{308}ftsfu\u{308}hrung", "Gesch\u{e4}ftsf\u{fc}hrung"),
        ("CN=Mu\u{308}ller,DC=corp", "CN=M\u{fc}ller,DC=corp"),
        ("jo\u{308}rg@corp.example.com", "j\u{f6}rg@corp.example.com"),
    ] {
        assert_eq!(pasted.parse::<GroupRef>(), meant.parse(), "{meant}");
        assert_eq!(pasted.parse::<UserRef>(), meant.parse(), "{meant}");
    }
    assert_ne!("da\u{200b}sh".parse::<GroupRef>(), "dash".parse(), "within a name it is another one");
    assert_eq!("\u{200b} ".parse::<UserRef>(), Err(InvalidReference::Empty));
}

#[test]
fn what_refers_to_nothing_is_refused() {
    for (text, error) in [
        ("", InvalidReference::Empty),
        (" ", InvalidReference::Empty),
        (r"local\", InvalidReference::Empty),
        (r"brand\ ", InvalidReference::Empty),
        (r"\alice", InvalidReference::Realm),
        (r"corp.example.com\alice", InvalidReference::Realm),
    ] {
        assert_eq!(text.parse::<UserRef>(), Err(error.clone()), "{text:?}");
        assert_eq!(text.parse::<GroupRef>(), Err(error), "{text:?}");
    }
    for text in ["CN=alice,DC=corp", r"brand\CN=alice,DC=corp", "S-1-5-21-1-2-3-500", r"local\a=b"] {
        assert_eq!(text.parse::<UserRef>(), Err(InvalidReference::Person), "{text:?}");
    }
    for text in [r"local\CN=admins,DC=corp", r"local\S-1-5-32-544"] {
        assert_eq!(text.parse::<GroupRef>(), Err(InvalidReference::LocalGroup), "{text:?}");
    }
}

#[test]
fn a_backslash_within_a_dn_is_no_realms() {
    let reference: GroupRef = r"CN=dash\-ops,OU=Groups,DC=corp".parse().unwrap();
    assert_eq!((reference.realm(), reference.to_string().as_str()), (&Realm::Default, r"CN=dash\-ops,OU=Groups,DC=corp"));
    assert!(matches!(reference.key(), GroupKey::Dn(_)));
    let elsewhere: GroupRef = r"brand\CN=a\,b,DC=corp".parse().unwrap();
    assert_eq!((elsewhere.realm(), elsewhere.key()), (&brand(), &GroupKey::Dn(r"CN=a\,b,DC=corp".parse().unwrap())));
}
