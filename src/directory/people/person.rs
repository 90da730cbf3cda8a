use super::password_times::{password_expires, password_set};
use crate::config::{DirectoryKind, FilterTemplate};
use crate::directory::connection::{AdDomain, DirectoryProfile};
use crate::directory::schema::{LdapEntry, filter, guid_text};
use crate::domain::{Groups, NameForm, Person, PersonId, PrincipalName, Realm, Username};

/// The attributes read of a person. Operational attributes come only when asked for by name (RFC 4511, 4.5.1.8).
pub(in crate::directory) const ATTRIBUTES: &[&str] = &[
    "objectGUID",
    "objectSid",
    "sAMAccountName",
    "userPrincipalName",
    "userAccountControl",
    "entryUUID",
    "nsUniqueId",
    "uid",
    "displayName",
    "cn",
    "memberOf",
    "gidNumber",
    "x500UniqueIdentifier",
    "msDS-UserPasswordExpiryTimeComputed",
    "passwordExpirationTime",
    "pwdLastSet",
    "pwdChangedTime",
    "pwdUpdateTime",
];

/// What is asked of entries that are only counted (RFC 4511, 4.5.1.8).
pub(in crate::directory) const NO_ATTRIBUTES: &[&str] = &["1.1"];

/// `userAccountControl`'s ADS_UF_ACCOUNTDISABLE (MS-ADTS 2.2.16).
const ACCOUNT_DISABLE: u32 = 0x2;

/// The filter for user accounts and nothing else: computers are of class `user` too, but not of category `person`.
const AD_ACCOUNTS: &str = "(&(objectCategory=person)(objectClass=user))";

/// The filter for people on other servers, whichever of the usual schemas they use.
const LDAP_PEOPLE: &str = "(|(objectClass=inetOrgPerson)(objectClass=posixAccount)(objectClass=person)(objectClass=account))";

/// The settings for names that people sign in with.
pub(in crate::directory) struct NameSettings<'a> {
    /// The settings' `person_filter`.
    pub(in crate::directory) person_filter: Option<&'a FilterTemplate>,
    /// Whether a mail address is a name too.
    pub(in crate::directory) by_mail: bool,
    /// The domains that may stand before `\` or behind `@` on a server that is no domain controller and knows no
    /// domains itself. In lower case.
    pub(in crate::directory) domains: &'a [String],
}

/// The filter that finds the one person `username` names.
///
/// On Active Directory a bare name is a `sAMAccountName`, or the first part of a principal name in this domain; a
/// principal name is compared whole, since its suffix need not be the domain's, and for this domain's own suffix the
/// `sAMAccountName` before it counts too (MS-ADTS 5.1.1.1.1). Elsewhere a name is a `uid`: unlike `cn` it is unique,
/// and unlike `mail` nobody can change their own; a domain of the settings before or behind it is left out.
///
/// Where a name could be one person's principal name and another's mail address, both are found, and so it is
/// nobody's.
///
/// A name that was typed decomposed is looked for in both forms: servers that compare octets keep names as they came.
pub(in crate::directory) fn name_filter(profile: &DirectoryProfile, names: &NameSettings<'_>, username: &Username) -> String {
    let composed = filter_for_spelling(profile, names, username);
    match username.as_typed() {
        Some(typed) => filter::any(&[composed, filter_for_spelling(profile, names, &typed)]),
        None => composed,
    }
}

fn filter_for_spelling(profile: &DirectoryProfile, names: &NameSettings<'_>, username: &Username) -> String {
    let (mut clauses, short, people) = match &profile.domain {
        Some(domain) => (ad_clauses(domain, username.form()), ad_short_name(domain, username), AD_ACCOUNTS),
        None => (uid_clauses(names.domains, username), short_name(names.domains, username), LDAP_PEOPLE),
    };
    if names.by_mail && matches!(username.form(), NameForm::Principal { .. }) {
        clauses.push(filter::equals("mail", username.as_str()));
    }
    let by_name = filter::any(&clauses);
    match names.person_filter {
        Some(template) => filter::person_by_name(template, short, &by_name),
        None => filter::all(&[people, &by_name]),
    }
}

/// The filter that any person passes: the settings' one with any name, else what is a person on this kind of server.
pub(in crate::directory) fn any_person_filter(profile: &DirectoryProfile, template: Option<&FilterTemplate>) -> String {
    match (template, &profile.domain) {
        (Some(template), _) => filter::any_person(template),
        (None, Some(_)) => AD_ACCOUNTS.to_owned(),
        (None, None) => LDAP_PEOPLE.to_owned(),
    }
}

/// The name as an admin's own filter gets it: without the domain where it is this one, else whole, so that
/// `alice@elsewhere` never becomes this domain's `alice`.
fn ad_short_name<'a>(domain: &AdDomain, username: &'a Username) -> &'a str {
    match username.form() {
        NameForm::Bare(name) | NameForm::DownLevel { name, .. } => name,
        NameForm::Principal { name, suffix } if suffix.eq_ignore_ascii_case(&domain.dns_name) => name,
        NameForm::Principal { .. } => username.as_str(),
    }
}

fn ad_clauses(domain: &AdDomain, form: NameForm<'_>) -> Vec<String> {
    match form {
        NameForm::Bare(name) => {
            let principal = format!("{name}@{}", domain.dns_name);
            vec![filter::equals("sAMAccountName", name), filter::equals("userPrincipalName", &principal)]
        }
        NameForm::DownLevel { name, .. } => vec![filter::equals("sAMAccountName", name)],
        NameForm::Principal { name, suffix } => {
            let mut either = vec![filter::equals("userPrincipalName", &format!("{name}@{suffix}"))];
            if suffix.eq_ignore_ascii_case(&domain.dns_name) {
                either.push(filter::equals("sAMAccountName", name));
            }
            either
        }
    }
}

/// The filter for everybody, whatever they are called and whatever the settings' filter says.
pub(in crate::directory) fn all_people_filter(profile: &DirectoryProfile) -> &'static str {
    if profile.domain.is_some() { "(&(objectCategory=person)(objectClass=user))" } else { LDAP_PEOPLE }
}

/// The name without what the settings name as the directory's own domain: `alice` for `BRAND\alice`.
pub(in crate::directory) fn short_name<'a>(domains: &[String], username: &'a Username) -> &'a str {
    let is_own = |domain: &str| domains.contains(&domain.to_lowercase());
    match username.form() {
        NameForm::DownLevel { domain, name } if is_own(domain) => name,
        NameForm::Principal { name, suffix } if is_own(suffix) => name,
        NameForm::Bare(_) | NameForm::DownLevel { .. } | NameForm::Principal { .. } => username.as_str(),
    }
}

fn uid_clauses(domains: &[String], username: &Username) -> Vec<String> {
    let short = short_name(domains, username);
    let mut either = vec![filter::equals("uid", short)];
    if short != username.as_str() && matches!(username.form(), NameForm::Principal { .. }) {
        // A uid may look like an address.
        either.push(filter::equals("uid", username.as_str()));
    }
    either
}

/// The filter for everybody who has this `uid`, on another server than Active Directory.
pub(in crate::directory) fn uid_filter(uid: &str) -> String {
    filter::all(&[LDAP_PEOPLE, &filter::equals("uid", uid)])
}

/// Warns that the account at `dn` has a `uid` that another has, too.
pub(in crate::directory) fn warn_of_shared_uid(uid: &str, dn: &str) {
    tracing::warn!(
        uid,
        dn,
        "several accounts have this uid, by which pages name people, so none of them is let in: have the directory keep it unique"
    );
}

/// Whether the account is disabled now. The bind says so as well; this also holds where it was asked of a server
/// that had not yet heard.
pub(in crate::directory) fn is_disabled(entry: &LdapEntry) -> bool {
    // The attribute is a signed 32-bit integer in text; its lowest bits read the same either way.
    let bits = entry.text("userAccountControl").and_then(|bits| bits.parse::<i64>().ok());
    bits.is_some_and(|bits| bits & i64::from(ACCOUNT_DISABLE) != 0)
}

/// The person an entry describes. `known_as` is the name that was typed, or by which they were known before.
pub(in crate::directory) fn from_entry(
    kind: DirectoryKind,
    realm: &Realm,
    entry: &LdapEntry,
    known_as: &str,
    groups: Groups,
) -> Person {
    let username = match kind {
        // Never what was typed: that may be a principal name, which is no account's.
        DirectoryKind::ActiveDirectory => entry.text("sAMAccountName").unwrap_or(entry.dn.as_str()),
        DirectoryKind::Ldap => uid(entry, known_as),
    };
    if stable_id(entry).is_none() {
        tracing::warn!(
            dn = entry.dn,
            "the directory shows no objectGUID, entryUUID or nsUniqueId: this person is known by their DN, and a \
             rename makes them another; let the account that searches read one of these attributes"
        );
    }
    Person {
        id: person_id(realm, entry),
        realm: realm.clone(),
        username: username.to_owned(),
        principal: principal_name(kind, entry),
        display_name: entry.text("displayName").or_else(|| entry.text("cn")).unwrap_or(username).to_owned(),
        groups,
        password_expires: password_expires(entry),
        password_set: password_set(entry),
    }
}

/// The principal name. Elsewhere than in Active Directory nothing makes one unique, or keeps people from writing their own.
fn principal_name(kind: DirectoryKind, entry: &LdapEntry) -> Option<PrincipalName> {
    let name = entry.text("userPrincipalName").filter(|_| kind == DirectoryKind::ActiveDirectory)?;
    name.parse().ok()
}

/// The `uid` as the directory writes it; of several, the one that was typed.
pub(in crate::directory) fn uid<'a>(entry: &'a LdapEntry, known_as: &'a str) -> &'a str {
    let meant = |uid: &&str| uid.to_lowercase() == known_as.to_lowercase();
    entry.texts("uid").find(meant).or_else(|| entry.text("uid")).unwrap_or(known_as)
}

/// The stable id; where a server has none, the DN, which a rename changes. An additional directory's name stands before
/// it: whoever rules that directory can give its entries any id, and must not make them people of another.
pub(in crate::directory) fn person_id(realm: &Realm, entry: &LdapEntry) -> PersonId {
    let id = stable_id(entry).unwrap_or_else(|| format!("dn:{}", entry.normalized_dn()));
    PersonId::new(if *realm == Realm::Default { id } else { format!("{realm}/{id}") })
}

fn stable_id(entry: &LdapEntry) -> Option<String> {
    if let Some(guid) = entry.bytes("objectGUID").find_map(guid_text) {
        return Some(format!("objectGUID:{guid}"));
    }
    ["entryUUID", "nsUniqueId"]
        .into_iter()
        .find_map(|attribute| entry.text(attribute).map(|value| format!("{attribute}:{}", value.to_lowercase())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::connection::PasswordCapabilities;

    fn domain() -> AdDomain {
        AdDomain { dn: "DC=corp,DC=example,DC=com".into(), dns_name: "corp.example.com".into(), configuration_dn: None }
    }

    fn filter_for(typed: &str) -> String {
        filter_by(typed, Some(domain()), &NameSettings { person_filter: None, by_mail: false, domains: &[] })
    }

    fn filter_by(typed: &str, domain: Option<AdDomain>, names: &NameSettings<'_>) -> String {
        let profile = DirectoryProfile {
            base_dn: "DC=corp,DC=example,DC=com".into(),
            domain,
            password_capabilities: PasswordCapabilities::default(),
        };
        name_filter(&profile, names, &Username::parse(typed).unwrap())
    }

    #[test]
    fn each_way_of_writing_a_name_is_looked_for_where_it_belongs() {
        assert!(filter_for("alice").contains("(|(sAMAccountName=alice)(userPrincipalName=alice@corp.example.com))"));
        assert!(filter_for("CORP\\alice").ends_with("(sAMAccountName=alice))"));
        assert!(filter_for("alice@Corp.Example.com").contains("(sAMAccountName=alice)"));
        let elsewhere = filter_for("alice@brand.example");
        assert!(elsewhere.contains("(userPrincipalName=alice@brand.example)") && !elsewhere.contains("sAMAccountName"));
    }

    #[test]
    fn a_mail_address_is_looked_for_only_where_the_settings_say_so_and_only_for_what_looks_like_one() {
        let by_mail = NameSettings { person_filter: None, by_mail: true, domains: &[] };
        for domain in [Some(domain()), None] {
            assert!(filter_by("al@shop.example", domain.clone(), &by_mail).contains("(mail=al@shop.example)"));
            for bare in ["al", "CORP\\al", "al@"] {
                assert!(!filter_by(bare, domain.clone(), &by_mail).contains("mail"), "{bare}");
            }
            let usual = NameSettings { by_mail: false, ..by_mail };
            assert!(!filter_by("al@shop.example", domain, &usual).contains("mail"));
        }
    }

    #[test]
    fn elsewhere_a_domain_of_the_settings_is_left_out_of_the_uid_and_no_other_is() {
        let domains = ["brand".to_owned(), "brand.example".to_owned()];
        let names = NameSettings { person_filter: None, by_mail: false, domains: &domains };
        let by_name = |typed: &str| filter_by(typed, None, &names).replace(LDAP_PEOPLE, "");
        assert_eq!(by_name("alice"), "(&(uid=alice))");
        assert_eq!(by_name("Brand\\alice"), "(&(uid=alice))");
        assert_eq!(by_name("alice@BRAND.example"), "(&(|(uid=alice)(uid=alice@BRAND.example)))");
        assert_eq!(by_name("alice@other.example"), "(&(uid=alice@other.example))");
        assert_eq!(by_name("other\\alice"), "(&(uid=other\\5calice))");
        let own_filter = "(cn={username})".parse().unwrap();
        let own = NameSettings { person_filter: Some(&own_filter), ..names };
        assert_eq!(filter_by("brand\\alice", None, &own), "(cn=alice)");
    }

    #[test]
    fn a_decomposed_name_is_looked_for_in_both_forms() {
        let filter = filter_for("jo\u{308}rg");
        assert!(filter.contains("(sAMAccountName=j\\c3\\b6rg)"), "{filter}");
        assert!(filter.contains("(sAMAccountName=jo\\cc\\88rg)"), "{filter}");
    }

    #[test]
    fn a_name_stays_a_value_in_every_filter() {
        for typed in ["*", "*)(uid=*", "alice)(|(uid=*", "CORP\\*", "*@corp.example.com"] {
            let filter = filter_for(typed);
            assert!(!filter.contains('*'), "{filter}");
            assert!(ldap3::parse_filter(filter).is_ok());
        }
    }

    #[test]
    fn an_own_filter_never_takes_another_domains_name_for_this_ones() {
        let short = |typed: &str| ad_short_name(&domain(), &Username::parse(typed).unwrap()).to_owned();
        assert_eq!(short("alice@corp.example.com"), "alice");
        assert_eq!(short("alice@brand.example"), "alice@brand.example");
    }

    #[test]
    fn a_person_is_known_by_the_stable_id() {
        let guid = LdapEntry::with("CN=a,DC=x", &[("objectGUID", &[0; 16]), ("entryUUID", b"E")]);
        assert_eq!(person_id(&Realm::Default, &guid).as_str(), "objectGUID:00000000-0000-0000-0000-000000000000");
        assert_eq!(
            person_id(&Realm::Default, &LdapEntry::with("cn=a,dc=x", &[("entryUUID", b"AB-CD")])).as_str(),
            "entryUUID:ab-cd"
        );
        assert_eq!(person_id(&Realm::Default, &LdapEntry::with("CN=A, DC=x", &[])).as_str(), "dn:cn=a,dc=x");
    }

    #[test]
    fn the_uid_is_the_one_that_was_typed() {
        let entry = LdapEntry::with("cn=a,dc=x", &[("uid", b"first"), ("uid", b"Alice")]);
        assert_eq!(uid(&entry, "alice"), "Alice");
        assert_eq!(uid(&entry, "other"), "first");
    }

    #[test]
    fn a_disabled_account_is_seen_in_its_bits() {
        for (bits, disabled) in [("514", true), ("512", false), ("-2147483646", true), ("x", false)] {
            assert_eq!(is_disabled(&LdapEntry::with("", &[("userAccountControl", bits.as_bytes())])), disabled, "{bits}");
        }
    }
}
