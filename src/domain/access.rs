use std::fmt;

use super::{DirectoryName, Dn, Group, Person, Visitor};

/// Who may open a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody. Nothing is public that does not say so.
    Public,
    /// Every member: the default.
    SignedIn,
    /// The members named.
    Only(Audience),
}

/// The groups and users who may open a page, or are admins. An empty audience is nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// The members of these groups, nested ones included.
    pub groups: Vec<GroupRef>,
    /// These people by name.
    pub users: Vec<UserRef>,
}

/// A reference to a group, as the settings or a page write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupRef {
    /// By its short name, in any case.
    Name(String),
    /// By its distinguished name.
    Dn(Dn),
    /// By its security identifier, `S-1-…`.
    Sid(String),
}

/// A reference to a person, as the settings or a page write it: the account's name or the principal name, in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRef(String);

/// The decision whether a visitor may open a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessDecision {
    /// They may.
    Allowed,
    /// They must sign in first.
    SignInRequired,
    /// They may not, and are known.
    Forbidden,
}

impl Access {
    /// Whether `visitor` may open what this guards.
    pub fn evaluate(&self, visitor: &Visitor) -> AccessDecision {
        match (self, visitor) {
            (Self::Public, _) | (Self::SignedIn, Visitor::Member(_)) => AccessDecision::Allowed,
            (_, Visitor::Anonymous | Visitor::Unconfirmed) => AccessDecision::SignInRequired,
            (Self::Only(audience), Visitor::Member(member)) if audience.includes(&member.person) => AccessDecision::Allowed,
            (Self::Only(_), Visitor::Member(_)) => AccessDecision::Forbidden,
        }
    }
}

impl Audience {
    /// Whether `person` is named, or is in a group that is.
    pub fn includes(&self, person: &Person) -> bool {
        self.users.iter().any(|user| user.matches(person))
            || self.groups.iter().any(|wanted| person.groups.iter().any(|group| wanted.matches(group, person)))
    }
}

impl GroupRef {
    /// Reads a group's name as an admin or author writes it.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if is_sid(text) {
            return Self::Sid(text.to_ascii_uppercase());
        }
        match text.parse() {
            Ok(dn) => Self::Dn(dn),
            Err(_) => Self::Name(text.to_owned()),
        }
    }

    /// Whether this names a group of local accounts (`local\admins`), which no directory has.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Name(name) => is_local(name),
            Self::Dn(_) | Self::Sid(_) => false,
        }
    }

    /// Whether this refers to `group`, which is one of `person`'s. A bare name is of the default directory: another's
    /// group of the same name is written with the directory before it, as in `brand\sales`.
    pub fn matches(&self, group: &Group, person: &Person) -> bool {
        match self {
            Self::Name(name) => {
                let name = unqualified(name, person.directory.as_ref());
                name.is_some_and(|name| {
                    same_name(name, &group.name) || (person.directory.is_some() && matches_dn_or_sid(name, group))
                })
            }
            // What another directory calls by this name, or by a SID that all domains have, is not this group.
            Self::Dn(dn) => person.directory.is_none() && matches_dn(dn, group),
            Self::Sid(sid) => person.directory.is_none() && *sid == group.id.as_str(),
        }
    }
}

impl fmt::Display for GroupRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(text) | Self::Sid(text) => f.write_str(text),
            Self::Dn(dn) => dn.fmt(f),
        }
    }
}

impl UserRef {
    /// Reads a person's name as an admin or author writes it.
    pub fn parse(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// Whether this refers to `person`. A bare account name is of the default directory, as in [`GroupRef::matches`];
    /// principal names differ in all of a forest, and a directory only answers for its own suffixes.
    pub fn matches(&self, person: &Person) -> bool {
        unqualified(&self.0, person.directory.as_ref()).is_some_and(|name| same_name(name, &person.username))
            || person.principal.as_deref().is_some_and(|p| same_name(&self.0, p))
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `name` without the qualifier of `directory`, `None` when it is another directory's. The default directory's names
/// stand for themselves; every other's have its name before them.
fn unqualified<'a>(name: &'a str, directory: Option<&DirectoryName>) -> Option<&'a str> {
    // Whoever may make groups in the directory must not make one that passes for a local one.
    let Some(directory) = directory else { return (!is_local(name)).then_some(name) };
    let (qualifier, name) = name.split_once('\\')?;
    same_name(qualifier, directory.as_str()).then_some(name)
}

/// Whether a name is that of a local account, or of a group of theirs: `local\admins`.
fn is_local(name: &str) -> bool {
    name.split_once('\\').is_some_and(|(qualifier, _)| same_name(qualifier, DirectoryName::LOCAL))
}

/// Whether an unqualified name is the DN or SID of `group`, as in `brand\CN=Sales,DC=brand,DC=example`.
fn matches_dn_or_sid(name: &str, group: &Group) -> bool {
    match GroupRef::parse(name) {
        GroupRef::Dn(dn) => matches_dn(&dn, group),
        GroupRef::Sid(sid) => sid == group.id.as_str(),
        GroupRef::Name(_) => false,
    }
}

fn matches_dn(dn: &Dn, group: &Group) -> bool {
    group.dn.parse().is_ok_and(|theirs: Dn| *dn == theirs)
}

/// Directories compare names without regard to case (`caseIgnoreMatch`, RFC 4517, 4.2.11).
fn same_name(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

fn is_sid(text: &str) -> bool {
    let mut parts = text.split('-');
    parts.next().is_some_and(|s| s.eq_ignore_ascii_case("s"))
        && text.matches('-').count() >= 2
        && parts.all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{GroupId, Member, PersonId, SessionId};

    fn alice() -> Person {
        Person {
            id: PersonId::new("objectGUID:1"),
            directory: None,
            username: "alice".into(),
            principal: Some("alice@corp.example.com".into()),
            display_name: "Alice".into(),
            groups: [Group {
                id: GroupId::new("S-1-5-21-1-2-3-1104"),
                name: "dash-ops".into(),
                dn: r"CN=dash\-ops,OU=Groups,DC=corp".into(),
            }]
            .into_iter()
            .collect(),
            password_expires: None,
        }
    }

    fn only(groups: &[&str], users: &[&str]) -> Access {
        Access::Only(Audience {
            groups: groups.iter().map(|g| GroupRef::parse(g)).collect(),
            users: users.iter().map(|u| UserRef::parse(u)).collect(),
        })
    }

    #[test]
    fn another_directorys_people_and_groups_never_pass_for_the_default_ones() {
        let elsewhere = Person { directory: "brand".parse().ok(), principal: None, ..alice() };
        let member = Visitor::from(Member::signed_in(SessionId::new(1), elsewhere));
        for access in [
            only(&["dash-ops"], &["alice"]),
            only(&["other\\dash-ops"], &["other\\alice"]),
            only(&["S-1-5-21-1-2-3-1104"], &[]),
            only(&[r"CN=dash\-ops,OU=Groups,DC=corp"], &[]),
        ] {
            assert_eq!(access.evaluate(&member), AccessDecision::Forbidden, "{access:?}");
        }
        for access in
            [only(&["BRAND\\dash-ops"], &[]), only(&[], &["brand\\Alice"]), only(&["brand\\S-1-5-21-1-2-3-1104"], &[])]
        {
            assert_eq!(access.evaluate(&member), AccessDecision::Allowed, "{access:?}");
        }
    }

    #[test]
    fn the_directorys_groups_and_people_never_pass_for_local_ones_nor_local_ones_for_theirs() {
        let group = |name: &str| Group { id: GroupId::new("x:1"), name: name.into(), dn: String::new() };
        let forged =
            Person { username: r"local\root".into(), groups: [group(r"local\admins")].into_iter().collect(), ..alice() };
        let local = Person {
            directory: Some(DirectoryName::local()),
            username: "root".into(),
            principal: None,
            groups: [group("admins")].into_iter().collect(),
            ..alice()
        };
        let [forged, local] = [forged, local].map(|who| Visitor::from(Member::signed_in(SessionId::new(1), who)));
        for access in [only(&[r"local\admins"], &[]), only(&[r"LOCAL\Admins"], &[]), only(&[], &[r"local\root"])] {
            assert_eq!(access.evaluate(&forged), AccessDecision::Forbidden, "{access:?}");
            assert_eq!(access.evaluate(&local), AccessDecision::Allowed, "{access:?}");
        }
        for access in [only(&["admins"], &["root"]), only(&[""], &[""]), only(&[r"local\"], &[r"local\"])] {
            assert_eq!(access.evaluate(&local), AccessDecision::Forbidden, "{access:?}");
        }
    }

    #[test]
    fn access_is_judged_by_group_and_name() {
        let member = Visitor::from(Member::signed_in(SessionId::new(1), alice()));
        for access in [
            Access::SignedIn,
            only(&["DASH-OPS"], &[]),
            only(&["cn=dash-ops,ou=groups,dc=corp"], &[]),
            only(&["s-1-5-21-1-2-3-1104"], &[]),
            only(&["other"], &["Alice"]),
            only(&[], &["ALICE@corp.example.com"]),
        ] {
            assert_eq!(access.evaluate(&member), AccessDecision::Allowed, "{access:?}");
            assert_eq!(access.evaluate(&Visitor::Anonymous), AccessDecision::SignInRequired, "{access:?}");
            assert_eq!(access.evaluate(&Visitor::Unconfirmed), AccessDecision::SignInRequired, "{access:?}");
        }
        for access in [only(&[], &[]), only(&["dash"], &["alic"]), only(&["S-1-5-21-1-2-3-110"], &[])] {
            assert_eq!(access.evaluate(&member), AccessDecision::Forbidden, "{access:?}");
        }
        assert_eq!(Access::Public.evaluate(&Visitor::Anonymous), AccessDecision::Allowed);
    }
}
