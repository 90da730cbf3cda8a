#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use super::*;
use crate::demo_directory::SampleDomain;
use crate::domain::{ManualClock, Timestamp};

fn realm() -> DemoRealm {
    let clock = ManualClock::at(Timestamp::from_millis(1_795_309_126_976));
    DemoRealm::new(&SampleDomain::demo(), Arc::new(clock)).unwrap()
}

/// The accounts a filter finds, by `sAMAccountName`.
fn found(filter: &DemoFilter) -> Vec<String> {
    let realm = realm();
    let entries = realm.tree.entries().filter(|entry| filter.matches(&realm, entry));
    let name = |entry: &DemoEntry| entry.values("sAMAccountName").first().cloned();
    entries.filter_map(name).map(|name| String::from_utf8(name).unwrap()).collect()
}

fn is(attribute: &str, value: impl AsRef<[u8]>) -> DemoFilter {
    held(attribute, FilterRule::Equal, value)
}

fn held(attribute: &str, rule: FilterRule, value: impl AsRef<[u8]>) -> DemoFilter {
    DemoFilter::Compare(attribute.to_owned(), rule, value.as_ref().to_vec())
}

fn not(filter: DemoFilter) -> DemoFilter {
    DemoFilter::Not(Box::new(filter))
}

fn pieces(attribute: &str, initial: &str, any: &[&str], last: &str) -> DemoFilter {
    let piece = |text: &str| (!text.is_empty()).then(|| text.as_bytes().to_vec());
    let any = any.iter().map(|piece| piece.as_bytes().to_vec()).collect();
    DemoFilter::Substring(attribute.to_owned(), Substrings { initial: piece(initial), any, last: piece(last) })
}

fn people() -> DemoFilter {
    is("objectCategory", "person")
}

#[test]
fn text_matches_without_regard_to_case_umlauts_included() {
    assert_eq!(found(&is("SAMACCOUNTNAME", "ALICE")), ["alice"]);
    assert_eq!(found(&is("cn", "MÜLLER, JÖRG (SALES)")), ["jmueller"]);
    assert_eq!(found(&is("cn", r"lobby screen #2 * (nyc\la)")), ["lobby"]);
    assert!(found(&is("cn", "lobby*")).is_empty(), "a star in a value is a star");
}

#[test]
fn names_match_by_meaning() {
    let group = found(&is("member", r"cn=m\C3\BCller\2C jörg (sales), ou=montréal,ou=People,dc=belvedere,dc=example"));
    assert_eq!(group, ["dash-ops-mtl"]);
    let members = found(&is("memberOf", "CN=dash-finance,OU=Groups,DC=belvedere,DC=example"));
    assert_eq!(members, ["bob", "heidi", "ivan"]);
}

#[test]
fn ids_match_as_bytes_and_as_spelled() {
    let realm = realm();
    let alice = realm.tree.entries().find(|entry| entry.account.is_some()).unwrap();
    let (sid, guid) = (&alice.values("objectSid")[0], &alice.values("objectGUID")[0]);
    assert_eq!(found(&is("objectSid", sid)), ["alice"]);
    assert_eq!(found(&is("objectGUID", guid)), ["alice"]);
    assert_eq!(found(&is("objectSid", "S-1-5-32-545")), ["Users"]);
    assert!(found(&is("objectSid", &sid[..sid.len() - 1])).is_empty());
}

#[test]
fn and_or_not_present_combine() {
    let named = |name| is("sAMAccountName", name);
    assert_eq!(found(&DemoFilter::Or(vec![named("bob"), named("carol")])), ["bob", "carol"]);
    assert_eq!(found(&DemoFilter::And(vec![named("bob"), people()])), ["bob"]);
    assert!(found(&DemoFilter::And(vec![named("dash-ops"), people()])).is_empty());
    assert_eq!(found(&DemoFilter::And(vec![people(), not(DemoFilter::Present("givenName".into()))])), ["lobby", "svc-reader"]);
    assert!(found(&DemoFilter::Or(Vec::new())).is_empty(), "an empty 'or' is false (RFC 4526)");
    assert_eq!(found(&DemoFilter::And(Vec::new())).len(), found(&DemoFilter::Present("sAMAccountName".into())).len());
}

#[test]
fn what_is_undefined_stays_so_under_a_not() {
    assert!(found(&is("favouriteDrink", "tea")).is_empty());
    assert!(found(&not(is("favouriteDrink", "tea"))).is_empty());
    assert!(found(&not(is("member", "not a name"))).is_empty());
    assert!(found(&not(is("tokenGroups", "S-1-5-32-545"))).is_empty(), "a constructed attribute is not searchable");
    assert!(found(&not(DemoFilter::Undefined)).is_empty());
    let either = DemoFilter::Or(vec![DemoFilter::Undefined, is("sAMAccountName", "bob")]);
    assert_eq!(found(&either), ["bob"], "a yes needs no more");
}

#[test]
fn substrings_fit_in_order_and_without_overlap() {
    assert_eq!(found(&pieces("displayName", "al", &["ce j"], "SON")), ["alice"]);
    assert_eq!(found(&pieces("displayName", "", &["ü"], "")), ["jmueller"]);
    assert!(found(&pieces("sAMAccountName", "bob", &[], "bob")).is_empty(), "one 'bob' is not two");
    assert!(found(&pieces("sAMAccountName", "", &["ice", "al"], "")).is_empty());
    assert!(found(&pieces("memberOf", "CN=dash", &[], "")).is_empty(), "a DN has no substrings");
}

#[test]
fn numbers_compare_as_numbers() {
    assert_eq!(found(&held("accountExpires", FilterRule::AtMost, "200000000000000000")), ["erin"]);
    let rids = found(&held("primaryGroupID", FilterRule::AtLeast, "99"));
    assert_eq!(rids.len(), 14, "513 is more than 99, though not as text");
    assert!(found(&is("primaryGroupID", "many")).is_empty());
}

#[test]
fn bits_are_looked_at() {
    assert_eq!(found(&held("userAccountControl", FilterRule::AllBits, "2")), ["dave"]);
    assert_eq!(found(&held("userAccountControl", FilterRule::AllBits, "514")), ["dave"]);
    assert_eq!(found(&held("userAccountControl", FilterRule::AnyBit, "514")).len(), 14);
    let active = DemoFilter::And(vec![people(), not(held("userAccountControl", FilterRule::AllBits, "2"))]);
    assert_eq!(found(&active).len(), 13);
    let mailing_lists = not(held("groupType", FilterRule::AllBits, "-2147483648"));
    assert_eq!(found(&DemoFilter::And(vec![is("objectClass", "group"), mailing_lists])), ["newsletter"]);
}

#[test]
fn the_chain_rule_goes_through_nested_groups_from_either_end() {
    let ops = "CN=dash-ops,OU=Groups,DC=belvedere,DC=example";
    let members = found(&DemoFilter::And(vec![people(), held("memberOf", FilterRule::Chain, ops)]));
    assert_eq!(members, ["alice", "jmueller", "grace", "s.o'neil", "zoe", "dave", "erin", "frank", "lobby"]);
    let alice = "CN=Alice Johnson,OU=New York,OU=People,DC=belvedere,DC=example";
    assert_eq!(found(&held("member", FilterRule::Chain, alice)), ["dash-ops", "dash-ops-nyc", "newsletter"]);
    assert!(found(&held("member", FilterRule::Chain, "CN=Nobody,DC=belvedere,DC=example")).is_empty());
}

#[test]
fn a_class_stands_for_its_category() {
    assert_eq!(found(&is("objectCategory", "user")), found(&people()));
    assert_eq!(found(&is("objectCategory", "CN=Group,CN=Schema,CN=Configuration,DC=belvedere,DC=example")).len(), 10);
}
