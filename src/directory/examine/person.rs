use std::ops::ControlFlow;

use ldap3::Scope;

use super::report::{Section, Step};
use super::ways::{self, Membership};
use crate::config::DirectoryKind;
use crate::directory::connection::{Connection, Search};
use crate::directory::entry::Entry;
use crate::directory::fault::{Fault, Operation};
use crate::directory::groups::{Climber, climb, token_groups};
use crate::directory::question::Inquiry;
use crate::directory::root_dse::{Domain, Profile};
use crate::directory::time::{filetime, minute};
use crate::directory::{LdapDirectory, PasswordState, Refusal, Unreachable, person};
use crate::domain::{NameForm, Person, Timestamp, Username};

/// What only a base-scope read tells (MS-ADTS 3.1.1.4.5.17), and what says when an account ends.
const STATE: &[&str] = &[
    "accountExpires",
    "msDS-User-Account-Control-Computed",
    "msDS-UserPasswordExpiryTimeComputed",
    "primaryGroupID",
    "pwdLastSet",
    "shadowExpire",
];

/// How many entries of one name are told.
const MOST_NAMESAKES: u16 = 5;

/// Bits of `userAccountControl` (MS-ADTS 2.2.16) and of its computed sister (3.1.1.4.5.17).
const DISABLED: i64 = 0x2;
const LOCKED: i64 = 0x10;
const NEVER_EXPIRES: i64 = 0x1_0000;
const SMART_CARD: i64 = 0x4_0000;
const PASSWORD_EXPIRED: i64 = 0x80_0000;

/// Somebody as the directory shows them now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who it is, as after a sign-in.
    pub person: Person,
    /// Where their entry is.
    pub dn: String,
    /// Their groups, and how they come by each.
    pub memberships: Vec<Membership>,
    /// Why they could not sign in now, whatever the password.
    pub bar: Option<Bar>,
    /// The state of their account in words.
    pub state: Vec<String>,
}

/// Why somebody cannot sign in, whatever the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What is the matter.
    pub reason: String,
    /// What their administrator can do.
    pub remedy: String,
    /// Whether they can end it themselves: the sign-in leads them to the form that changes their password, and then in.
    pub ends_with_change: bool,
}

/// What a name comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    /// The one person who has it.
    One(Box<Seen>),
    /// No entry, or several, whose DNs these are.
    NotOne(Vec<String>),
    /// It is of another domain than the directory's, as `OTHER\alice` is.
    Elsewhere {
        /// The domain that was typed.
        typed: String,
        /// The directory's own.
        own: String,
    },
}

impl LdapDirectory {
    /// Looks somebody up with the service account.
    ///
    /// # Errors
    /// [`Unreachable`] when the directory cannot be asked, or there is no service account.
    pub async fn look_up(&self, username: &Username) -> Result<Sought, Unreachable> {
        let mut inquiry = self.inquire("person");
        let answer = self.try_look_up(&mut inquiry, username).await;
        inquiry.conclude_or_unreachable(answer)
    }

    /// Whether people are looked up here without their password: by the service account, or by strangers, who may look
    /// around on other servers than Active Directory.
    pub fn shows_people(&self) -> bool {
        let is_ldap = self.known_profile().map(|profile| profile.domain.is_none());
        self.has_service_account() || is_ldap.unwrap_or(self.settings.kind == Some(DirectoryKind::Ldap))
    }

    async fn try_look_up(&self, inquiry: &mut Inquiry, username: &Username) -> Result<Sought, Fault> {
        if !self.has_service_account() {
            return Err(Fault::unreachable(
                Operation::ServiceBind,
                "people are looked up with the service account, and none is set: set bind_name and bind_password_file",
            ));
        }
        let profile = self.find_out(inquiry).await?;
        loop {
            let mut service = inquiry.take(&self.searching).await?;
            let answer = self.seek(&mut service, profile, username).await;
            if let ControlFlow::Break(answer) = inquiry.settle(answer, &service) {
                return answer;
            }
        }
    }

    /// Looks somebody up over a connection that may search.
    pub(super) async fn seek(
        &self,
        connection: &mut Connection,
        profile: &Profile,
        username: &Username,
    ) -> Result<Sought, Fault> {
        if let Some(domain) = &profile.domain
            && let Some(elsewhere) = self.elsewhere(connection, domain, username).await?
        {
            return Ok(elsewhere);
        }
        let filter = person::name_filter(profile, &self.names(), username);
        let search = Search {
            base: &profile.base_dn,
            scope: Scope::Subtree,
            filter: &filter,
            attributes: &["cn"],
            limit: MOST_NAMESAKES,
        };
        let found = connection.search(Operation::Search, &search).await?;
        let [one] = found.entries.as_slice() else {
            return Ok(Sought::NotOne(found.entries.into_iter().map(|entry| entry.dn).collect()));
        };
        let attributes = [person::ATTRIBUTES, STATE].concat();
        let search =
            Search { base: &one.dn, scope: Scope::Base, filter: "(objectClass=*)", attributes: &attributes, limit: 1 };
        let found = connection.search(Operation::Search, &search).await?;
        let Some(entry) = found.entries.into_iter().next() else { return Ok(Sought::NotOne(Vec::new())) };
        let uid = person::uid(&entry, self.short_name(username));
        let groups = if let Some(domain) = &profile.domain {
            token_groups(connection, domain, &self.group_names, &*self.clock, &entry.dn).await?
        } else {
            let climber = Climber { base_dn: &profile.base_dn, template: self.settings.group_filter.as_deref() };
            climb(connection, &climber, &entry, uid).await?
        };
        let memberships = ways::find(connection, profile, &entry, uid, &groups).await?;
        let state = State::of(&entry, self.clock.now());
        Ok(Sought::One(Box::new(Seen {
            person: person::describe(profile.kind(), self.name(), &entry, self.short_name(username), groups),
            dn: entry.dn.clone(),
            memberships,
            bar: state.bar().map(|bar| self.with_form(bar, &state)),
            state: state.in_words(),
        })))
    }

    /// Another domain's name, where a sign-in would refuse it as one.
    async fn elsewhere(
        &self,
        connection: &mut Connection,
        domain: &Domain,
        username: &Username,
    ) -> Result<Option<Sought>, Fault> {
        match self.refuse_foreign_domain(domain, connection, username).await {
            Err(Fault { refusal: Refusal::WrongCredentials, .. }) => {}
            other => return other.map(|()| None),
        }
        let NameForm::DownLevel { domain: typed, .. } = username.form() else { return Ok(None) };
        let own = self.netbios_name.get().cloned().flatten().unwrap_or_else(|| domain.dns_name.clone());
        Ok(Some(Sought::Elsewhere { typed: typed.to_owned(), own }))
    }

    /// The bar, with a word on whether the form for changing passwords lifts it.
    fn with_form(&self, bar: Bar, state: &State) -> Bar {
        let Some(password) = bar.ends_with_change.then_some(if state.must_change {
            PasswordState::MustChange
        } else {
            PasswordState::Expired
        }) else {
            return bar;
        };
        if self.can_change(password) {
            return bar;
        }
        let remedy = "passwords cannot be changed here: let the person change it at their own machine, or give them a \
                      new one";
        Bar { remedy: remedy.to_owned(), ends_with_change: false, ..bar }
    }
}

impl Sought {
    /// Why a name is nobody's, in words; `None` when it is one person's.
    pub fn why_nobody(&self, username: &Username) -> Option<String> {
        match self {
            Self::One(_) => None,
            Self::NotOne(dns) if dns.is_empty() => Some(format!("the directory has nobody called {username}")),
            Self::NotOne(_) => {
                Some(format!("{username} is more than one person, so none of them can sign in by that name"))
            }
            Self::Elsewhere { typed, own } => Some(format!("{typed} is not this directory's domain ({own})")),
        }
    }
}

/// The steps about a person.
pub(super) fn steps(section: &mut Section, username: &Username, sought: &Sought, base_dn: &str) {
    let seen = match sought {
        Sought::One(seen) => seen,
        Sought::NotOne(dns) if dns.is_empty() => {
            let reason = format!("nobody called {username} is found below {base_dn}");
            let remedy = "check the spelling; if the person is elsewhere, widen base_dn or person_filter, and let the \
                          account bind_name read there";
            section.note(Step::failure("person", reason, remedy));
            section.skip(&["account", "groups"], "nobody was found");
            return;
        }
        Sought::NotOne(dns) => {
            let reason = format!("{username} is more than one person, so none of them can sign in by that name");
            let remedy = "let them use a name that is theirs alone, or narrow base_dn or person_filter to one of them";
            section.note(Step::failure("person", reason, remedy).with_all(dns.iter().cloned()));
            section.skip(&["account", "groups"], "it is not clear who is meant");
            return;
        }
        Sought::Elsewhere { own, .. } => {
            let reason = sought.why_nobody(username).unwrap_or_default();
            let remedy = format!(
                "write {own}\\ before the name, or the name alone; another domain is a directory of its \
                                  own, with its domains named in the settings"
            );
            section.note(Step::failure("person", reason, remedy));
            section.skip(&["account", "groups"], "nobody was looked for");
            return;
        }
    };
    let person = &seen.person;
    let step = Step::ok("person").with(format!("{}, {}", person.display_name, seen.dn));
    section.note(step.with(format!("known for ever as {}", person.id)));
    let account = match &seen.bar {
        None => Step::ok("account").with("nothing stands against signing in"),
        Some(bar) => Step::warning("account", bar.reason.clone(), bar.remedy.clone()),
    };
    section.note(account.with_all(seen.state.iter().cloned()));
    let mut memberships: Vec<&Membership> = seen.memberships.iter().collect();
    memberships.sort_by_key(|membership| membership.group.name.to_lowercase());
    let lines = memberships.iter().map(|one| format!("{}, {}", one.group.name, one.way.in_words()));
    let step = Step::ok("groups");
    section.note(if memberships.is_empty() { step.with("none") } else { step.with_all(lines) });
}

/// What an entry says of its account.
struct State {
    /// `userAccountControl`.
    control: i64,
    /// Its computed sister.
    computed: i64,
    must_change: bool,
    expired: bool,
    ends: Option<Timestamp>,
    password_ends: Option<Timestamp>,
    password_never_ends: bool,
}

impl State {
    fn of(entry: &Entry, now: Timestamp) -> Self {
        let bits = |attribute| entry.text(attribute).and_then(|bits| bits.parse::<i64>().ok()).unwrap_or_default();
        let control = bits("userAccountControl");
        let computed = bits("msDS-User-Account-Control-Computed");
        let ends = entry.text("accountExpires").and_then(filetime);
        let password_expiry = entry.text("msDS-UserPasswordExpiryTimeComputed");
        let never = control & NEVER_EXPIRES != 0 || password_expiry == Some("9223372036854775807");
        Self {
            control,
            computed,
            must_change: entry.text("pwdLastSet") == Some("0"),
            expired: ends.is_some_and(|ends| ends <= now),
            ends,
            password_ends: password_expiry.and_then(filetime),
            password_never_ends: never,
        }
    }

    /// The weightiest reason first: the others show once it is mended.
    fn bar(&self) -> Option<Bar> {
        let bar = |reason: &str, remedy: &str| {
            Some(Bar { reason: reason.to_owned(), remedy: remedy.to_owned(), ends_with_change: false })
        };
        let password = |reason: &str| {
            let bar = bar(reason, "let the person change it at sign-in");
            bar.map(|bar| Bar { ends_with_change: true, ..bar })
        };
        if self.control & DISABLED != 0 {
            return bar("the account is disabled", "enable it in the directory, if the person is to sign in");
        }
        if self.expired {
            return bar("the account has expired", "give it a later end in the directory, if the person is to sign in");
        }
        if self.computed & LOCKED != 0 {
            let remedy = "wait until the directory unlocks it, or unlock it there; look in its log for who tries wrong \
                          passwords";
            return bar("the account is locked after too many wrong passwords", remedy);
        }
        if self.control & SMART_CARD != 0 {
            let remedy = "take the requirement from the account (SMARTCARD_REQUIRED), if the person is to sign in here";
            return bar("the account signs in by smart card only, and has no password", remedy);
        }
        if self.must_change {
            return password("the password must be changed before the next sign-in");
        }
        if self.computed & PASSWORD_EXPIRED != 0 {
            return password("the password has expired");
        }
        None
    }

    fn in_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(ends) = self.ends {
            words.push(format!("the account ends at {}", minute(ends)));
        }
        if self.password_never_ends {
            words.push("the password never expires".to_owned());
        } else if let Some(ends) = self.password_ends {
            words.push(format!("the password expires at {}", minute(ends)));
        }
        words
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn state(attributes: &[(&str, &str)]) -> State {
        let attributes: Vec<_> = attributes.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        State::of(&Entry::with("CN=a,DC=x", &attributes), Timestamp::from_millis(1_795_309_126_976))
    }

    #[test]
    fn an_account_that_cannot_sign_in_says_why_and_what_helps() {
        for (attributes, expected) in [
            (&[("userAccountControl", "514")][..], "disabled"),
            (&[("accountExpires", "126500000000000000")], "account has expired"),
            (&[("msDS-User-Account-Control-Computed", "16")], "locked"),
            (&[("pwdLastSet", "0"), ("msDS-User-Account-Control-Computed", "8388608")], "must be changed"),
            (&[("msDS-User-Account-Control-Computed", "8388608")], "password has expired"),
            (&[("userAccountControl", "262656")], "smart card"),
        ] {
            let bar = state(attributes).bar().unwrap();
            assert!(bar.reason.contains(expected) && !bar.remedy.is_empty(), "{bar:?}");
        }
        assert_eq!(state(&[("userAccountControl", "512"), ("pwdLastSet", "134000000000000000")]).bar(), None);
    }

    #[test]
    fn when_things_end_is_told() {
        let words = state(&[("accountExpires", "0"), ("msDS-UserPasswordExpiryTimeComputed", "134400000000000000")]);
        assert_eq!(words.in_words(), ["the password expires at 2026-11-24 13:20 UTC"]);
        let never = state(&[("accountExpires", "9223372036854775807"), ("userAccountControl", "66048")]);
        assert_eq!(never.in_words(), ["the password never expires"]);
    }
}
