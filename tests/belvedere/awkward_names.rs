//! Unusual names: whoever a directory lets have one signs in as themselves, and as nobody else.
//!
//! The names are made up by proptest's strategies, from a fixed seed, out of every class of character that each directory
//! allows in a name. Each person has a password of their own; who signed in is told by the stable id that the
//! directory itself gives.

use std::collections::{BTreeMap, BTreeSet};

use belvedere::directory::{DirectoryRefusal, LdapDirectory};
use futures::StreamExt as _;
use proptest::char::range;
use proptest::collection::vec;
use proptest::prelude::Strategy;
use proptest::sample::select;
use proptest::strategy::{Union, ValueTree as _};
use proptest::test_runner::TestRunner;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use crate::directory_sign_in::{open, settings, sign_in, with_account};
use crate::harness::administrator::Administrator;
use crate::harness::ldif::LdifEntry;
use crate::harness::{directory_389, samba, slapd};

/// The number of people on each server.
const PEOPLE: usize = 220;

/// The number of concurrent sign-ins.
const AT_ONCE: usize = 8;

/// Signs that Active Directory allows in `sAMAccountName`. It has no `"/\[]:;|=,+*?<>` there, and an `@` would make it a
/// principal name.
const SIGNS: &[char] = &['!', '#', '$', '%', '&', '\'', '(', ')', '-', '.', '^', '_', '`', '{', '}', '~', ' '];

/// Further characters that common names and `uid` may have.
const MORE_SIGNS: &[char] = &['"', '*', '+', ',', '/', ':', ';', '<', '=', '>', '?', '@', '[', '\\', ']', '|'];

/// Letters whose upper and lower case, or whose plain forms, are not what one expects.
const IRREGULAR_LETTERS: &[char] = &['ß', 'ẞ', 'ı', 'İ', 'ſ', 'ŉ', 'ǰ', 'ς', 'Σ', 'ﬁ', 'Ａ', 'Å', 'K', 'Ω', '²', 'ª'];

/// Different people, though careless comparisons take them for one.
const ALMOST_ALIKE: &[&str] = &[
    "resume", "resumé", "résumé", "jorg", "jörg", "jørg", "joerg", "ogre", "ögre", "ο'neil", "о'neil", "oneil", "o-neil", "a",
    "a.", "a b", "ab", "(a)", "a(", "#a", "a#", "a$", "nina", "niña", "ninã", "çelik", "celik", "李", "季",
];

/// Somebody with a name and a password of their own.
struct AwkwardPerson {
    name: String,
    cn: String,
    password: String,
    /// As the entry has it, to be found by.
    number: String,
}

#[tokio::test]
async fn on_active_directory_two_hundred_awkward_names_sign_in_as_themselves_and_as_nobody_else() {
    let Some(domain) = samba::domain() else { return };
    let base = format!("OU=Awkward,{}", samba::BASE_DN);
    // At most 20 characters, counted as UTF-16 has them, and no dot at the end.
    let names = distinct(&text(classes(SIGNS), 9), |name| !name.trim_end().ends_with('.'));
    let people = people(names);
    let mut ldif = LdifEntry::at(&base).with("objectClass", "organizationalUnit").ldif();
    for (place, someone) in people.iter().enumerate() {
        let mut entry = LdifEntry::at(&format!("CN={},{base}", ldap3::dn_escape(&*someone.cn)))
            .with("objectClass", "user")
            .with("sAMAccountName", &someone.name)
            .with("displayName", &someone.cn)
            .with("description", &someone.number)
            .with("unicodePwd", samba::quoted(&someone.password))
            .with("userAccountControl", "512");
        if place % 2 == 0 {
            // The others have only the one that every account has by its name.
            entry = entry.with("userPrincipalName", format!("{}@{}", someone.name, samba::DNS_DOMAIN));
        }
        ldif += &entry.ldif();
    }
    domain.modify(&ldif);
    let ids = ids(&domain.administrator(), &base, "objectGUID", |guid| format!("objectGUID:{}", guid_text(guid)));
    let ldaps = settings(&[&domain.ldaps_url()], &domain.ca_file);
    let forms: [fn(&str) -> String; 3] =
        [str::to_owned, |name| format!("{}\\{name}", samba::NETBIOS_DOMAIN), |name| format!("{name}@{}", samba::DNS_DOMAIN)];
    let searching = open(&with_account(ldaps.clone(), samba::SERVICE_ACCOUNT, samba::PASSWORD));
    each_is_themselves("with an account", &searching, &people, &ids, &forms).await;
    // One name alone can be tried in a bind, and that is composed: an account that is kept otherwise needs a search.
    let composed: Vec<AwkwardPerson> = people.into_iter().filter(|someone| is_nfc(&someone.name)).collect();
    assert!(composed.len() > 200, "{}", composed.len());
    each_is_themselves("as themselves", &open(&ldaps), &composed, &ids, &forms).await;
}

#[tokio::test]
async fn on_openldap_two_hundred_awkward_names_sign_in_as_themselves_and_as_nobody_else() {
    let Some(server) = slapd::server() else { return };
    let base = format!("ou=awkward,{}", slapd::BASE_DN);
    let people = people_of_ldap();
    server.administrator().apply(&entries(&base, &people)).unwrap();
    let ids = ids(&server.administrator(), &base, "entryUUID", |id| format!("entryUUID:{}", String::from_utf8_lossy(id)));
    let ldaps = settings(&[&server.ldaps_url()], &server.ca_file);
    for (way, directory) in
        [("anonymously", open(&ldaps)), ("with an account", open(&with_account(ldaps, slapd::SERVICE_DN, slapd::PASSWORD)))]
    {
        each_is_themselves(way, &directory, &people, &ids, &[str::to_owned]).await;
    }
}

#[tokio::test]
async fn on_389_two_hundred_awkward_names_sign_in_as_themselves_and_as_nobody_else() {
    let Some(server) = directory_389::server() else { return };
    let base = format!("ou=awkward,{}", directory_389::BASE_DN);
    let people = people_of_ldap();
    server.administrator().apply(&entries(&base, &people)).unwrap();
    let id = |id: &[u8]| format!("nsUniqueId:{}", String::from_utf8_lossy(id));
    let ids = ids(&server.administrator(), &base, "nsUniqueId", id);
    let directory = open(&settings(&[&server.ldaps_url()], &server.ca_file));
    each_is_themselves("anonymously", &directory, &people, &ids, &[str::to_owned]).await;
}

/// Everybody signs in, typing their name in one of these forms, and nobody gets in with the next one's password.
async fn each_is_themselves(
    way: &str,
    directory: &LdapDirectory,
    people: &[AwkwardPerson],
    ids: &BTreeMap<String, String>,
    forms: &[fn(&str) -> String],
) {
    let all = people.iter().zip(people.iter().cycle().skip(1)).enumerate();
    let wrong = futures::stream::iter(all)
        .map(|(place, (someone, other))| async move {
            let typed = forms[place % forms.len()](&someone.name);
            // The wrong one first: a right one sets the count of wrong ones back.
            let stranger = sign_in(directory, &typed, &other.password).await;
            let themselves = sign_in(directory, &typed, &someone.password).await;
            let expected = (ids[&someone.number].as_str(), someone.name.as_str(), someone.cn.as_str());
            match (&stranger, &themselves) {
                (Err(DirectoryRefusal::WrongCredentials), Ok(person))
                    if (person.id.as_str(), &*person.username, &*person.display_name) == expected =>
                {
                    None
                }
                _ => Some(format!("{typed:?}, {expected:?}: {themselves:?}, with another's password {stranger:?}")),
            }
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect::<Vec<_>>()
        .await;
    assert!(wrong.is_empty(), "{way}: {} of {}:\n{}", wrong.len(), people.len(), wrong.join("\n"));
}

/// The stable id of everybody below `base`, by their number.
fn ids(server: &Administrator, base: &str, attribute: &str, id: impl Fn(&[u8]) -> String) -> BTreeMap<String, String> {
    let found = server.search(base, "(description=*)", &["description", attribute]).unwrap();
    let ids: BTreeMap<_, _> = found
        .iter()
        .map(|entry| (String::from_utf8(entry["description"][0].clone()).unwrap(), id(&entry[attribute][0])))
        .collect();
    assert_eq!(ids.len(), PEOPLE);
    assert_eq!(ids.values().collect::<BTreeSet<_>>().len(), PEOPLE, "everybody is somebody else");
    ids
}

/// A GUID as people write it: its first three groups are little-endian (MS-DTYP 2.3.4).
fn guid_text(guid: &[u8]) -> String {
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let digits: String = order.map(|place| format!("{:02x}", guid[place])).concat();
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &digits[group]).join("-")
}

fn people_of_ldap() -> Vec<AwkwardPerson> {
    people(distinct(&text(classes(&[SIGNS, MORE_SIGNS].concat()), 12), |_| true))
}

fn people(names: Vec<String>) -> Vec<AwkwardPerson> {
    let common_names = distinct(&text(classes(&[SIGNS, MORE_SIGNS].concat()), 20), |_| true);
    let numbered = names.into_iter().zip(common_names).enumerate();
    numbered
        .map(|(place, (name, cn))| AwkwardPerson {
            name,
            cn,
            password: format!("Only-Mine-{place:03}-Is-This"),
            number: place.to_string(),
        })
        .collect()
}

fn entries(base: &str, people: &[AwkwardPerson]) -> String {
    let mut ldif = LdifEntry::at(base).with("objectClass", "organizationalUnit").ldif();
    for someone in people {
        ldif += &LdifEntry::at(&format!("cn={},{base}", ldap3::dn_escape(&*someone.cn)))
            .with("objectClass", "inetOrgPerson")
            .with("sn", "Awkward")
            .with("cn", &someone.cn)
            .with("uid", &someone.name)
            .with("description", &someone.number)
            .with("userPassword", &someone.password)
            .ldif();
    }
    ldif
}

/// Characters of every class, each as likely as another.
fn classes(signs: &[char]) -> Vec<Union<proptest::strategy::BoxedStrategy<char>>> {
    let one = |strategy: proptest::strategy::BoxedStrategy<char>| Union::new([strategy]);
    let latin = || Union::new([range('a', 'z').boxed(), range('A', 'Z').boxed(), range('0', '9').boxed()]);
    let marked = Union::new([range('e', 'o').boxed(), range('\u{300}', '\u{327}').boxed()]);
    vec![
        latin(),
        Union::new([latin().boxed(), select(signs.to_vec()).boxed()]),
        one(select(signs.to_vec()).boxed()),
        one(range('À', 'ž').boxed()),
        marked,
        Union::new([range('Α', 'ώ').boxed(), range('А', 'я').boxed()]),
        Union::new([range('א', 'ת').boxed(), range('ء', 'غ').boxed()]),
        Union::new([range('一', '龥').boxed(), range('ぁ', 'ん').boxed(), range('가', '힣').boxed()]),
        one(range('😀', '🙄').boxed()),
        Union::new([latin().boxed(), select(IRREGULAR_LETTERS).boxed()]),
    ]
}

/// Texts of `longest` characters at most, of one class or of several; some have space around them.
fn text(classes: Vec<Union<proptest::strategy::BoxedStrategy<char>>>, longest: usize) -> impl Strategy<Value = String> {
    let mixed = Union::new(classes.iter().cloned().map(Strategy::boxed)).boxed();
    let kinds = classes.into_iter().map(Strategy::boxed).chain([mixed]);
    let of_a_kind = kinds.map(|kind| vec(kind, 1..=longest).boxed()).collect::<Vec<_>>();
    Union::new(of_a_kind).prop_map(|characters| characters.into_iter().collect())
}

/// The first texts of the strategy that `fit` and that no directory takes for one another, after those almost alike.
fn distinct(strategy: &impl Strategy<Value = String>, fit: impl Fn(&str) -> bool) -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    let mut taken = BTreeSet::from([String::new()]);
    let made_up = std::iter::repeat_with(|| strategy.new_tree(&mut runner).unwrap().current());
    let texts = ALMOST_ALIKE.iter().map(ToString::to_string).chain(made_up);
    texts.filter(|text| fit(text) && taken.insert(plain(text))).take(PEOPLE).collect()
}

/// A text without everything that some directory's comparison ignores (RFC 4518): case, space, and in
/// how many code points a character is written.
fn plain(text: &str) -> String {
    let folded: String = text.nfkd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkd().collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}
