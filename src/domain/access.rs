use super::{GroupRef, Person, UserRef, Visitor};

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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::{Group, GroupId, Member, PersonId, Realm, SessionId};

    fn alice() -> Person {
        Person {
            id: PersonId::new("objectGUID:1"),
            realm: Realm::Default,
            username: "alice".into(),
            principal: "alice@corp.example.com".parse().ok(),
            display_name: "Alice".into(),
            groups: [Group {
                id: GroupId::new("S-1-5-21-1-2-3-1104"),
                name: "dash-ops".into(),
                dn: r"CN=dash\-ops,OU=Groups,DC=corp".into(),
                shares_name: false,
            }]
            .into_iter()
            .collect(),
            password_expires: None,
            password_set: None,
        }
    }

    fn only(groups: &[&str], users: &[&str]) -> Access {
        Access::Only(Audience {
            groups: groups.iter().map(|g| g.parse().unwrap()).collect(),
            users: users.iter().map(|u| u.parse().unwrap()).collect(),
        })
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
