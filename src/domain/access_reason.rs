use std::fmt;

use super::{Access, Group, GroupRef, Person, UserRef};

/// The reason why a person may open a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessReason {
    /// It is public.
    Public,
    /// Every member may.
    SignedIn,
    /// They are in a group that is named.
    Group {
        /// The name as it is written.
        named: GroupRef,
        /// The group of theirs.
        group: Group,
    },
    /// They are named themselves.
    User(UserRef),
}

impl Access {
    /// Why `person` may open what this guards; `None` exactly when [`Access::evaluate`] does not allow it.
    pub fn reason_for(&self, person: &Person) -> Option<AccessReason> {
        let audience = match self {
            Self::Public => return Some(AccessReason::Public),
            Self::SignedIn => return Some(AccessReason::SignedIn),
            Self::Only(audience) => audience,
        };
        if let Some(user) = audience.users.iter().find(|user| user.matches(person)) {
            return Some(AccessReason::User(user.clone()));
        }
        audience.groups.iter().find_map(|named| {
            let group = person.groups.iter().find(|group| named.matches(group, person))?;
            Some(AccessReason::Group { named: named.clone(), group: group.clone() })
        })
    }
}

impl fmt::Display for AccessReason {
    /// `every member may`, `dash-ops may`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("everybody may"),
            Self::SignedIn => f.write_str("every member may"),
            Self::Group { named, .. } => write!(f, "members of {named} may"),
            Self::User(user) => write!(f, "{user} may"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::{AccessDecision, Audience, GroupId, Member, PersonId, SessionId, Visitor};

    #[test]
    fn a_reason_is_there_exactly_when_access_is_allowed() {
        let group = Group { id: GroupId::new("S-1-5-21-1"), name: "ops".into(), dn: "CN=ops,DC=x".into(), shares_name: false };
        let person = Person {
            id: PersonId::new("objectGUID:1"),
            display_name: "Alice".into(),
            groups: [group].into_iter().collect(),
            ..Person::named("alice")
        };
        let only = |groups: &[&str], users: &[&str]| {
            Access::Only(Audience {
                groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
                users: users.iter().map(|user| user.parse().unwrap()).collect(),
            })
        };
        let member = Visitor::from(Member::signed_in(SessionId::new(1), person.clone()));
        for (access, words) in [
            (Access::Public, Some("everybody may")),
            (Access::SignedIn, Some("every member may")),
            (only(&["it", "OPS"], &[]), Some("members of OPS may")),
            (only(&["ops"], &["alice"]), Some("alice may")),
            (only(&["it"], &["bob"]), None),
        ] {
            let reason = access.reason_for(&person);
            assert_eq!(reason.as_ref().map(ToString::to_string).as_deref(), words);
            assert_eq!(reason.is_some(), access.evaluate(&member) == AccessDecision::Allowed, "{access:?}");
        }
    }
}
