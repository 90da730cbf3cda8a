use std::ops::ControlFlow;

use ldap3::Scope;

use super::connection::{Connection, Search};
use super::entry::Entry;
use super::fault::{Fault, Operation, rc};
use super::groups::{Climber, climb, token_groups};
use super::one_bind::OneBind;
use super::pool::Lease;
use super::question::Inquiry;
use super::root_dse::{Domain, Profile};
use super::sid::Sid;
use super::{Candidate, LdapDirectory, Refusal, filter, lockout, person};
use crate::domain::{Dn, Groups, NameForm, Person, Username};

impl LdapDirectory {
    /// The whole sign-in. What can be asked again is asked of another server when one fails; the bind never is.
    pub(super) async fn try_sign_in(
        &self,
        inquiry: &mut Inquiry,
        username: &Username,
        bind: &mut OneBind<'_>,
    ) -> Result<Person, Fault> {
        let profile = self.find_out(inquiry).await?;
        let (entry, groups) = match (&self.settings.service_account, &profile.domain) {
            (Some(_), _) => self.search_then_bind(inquiry, profile, username, bind).await?,
            (None, Some(domain)) => self.bind_then_read(inquiry, profile, domain, username, bind).await?,
            (None, None) => self.ask_then_bind(inquiry, profile, username, bind).await?,
        };
        let mut person = person::describe(profile.kind(), self.name(), &entry, self.short_name(username), groups);
        if let Some(left) = bind.expires_in {
            person.password_expires = Some(self.clock.now() + left);
        }
        Ok(person)
    }

    /// With a service account: it finds the one person, who then proves the password on a connection of their own,
    /// and it reads their groups.
    async fn search_then_bind(
        &self,
        inquiry: &mut Inquiry,
        profile: &Profile,
        username: &Username,
        bind: &mut OneBind<'_>,
    ) -> Result<(Entry, Groups), Fault> {
        let (entry, who, _) = self.find_person(inquiry, profile, username).await?;
        drop(self.prove(inquiry, profile, &entry, &who, bind).await?);
        refuse_disabled(&entry)?;
        // The password was right; if a server fails now, another can still say what groups there are.
        loop {
            let mut service = inquiry.take(&self.searching).await?;
            let groups = self.groups(profile, &mut service, &entry, username).await;
            if let ControlFlow::Break(groups) = inquiry.settle(groups, &service) {
                return Ok((entry, groups?));
            }
        }
    }

    /// The one person `username` names, found with the service identity, or with none, what is known of them before the
    /// bind, and the connection on which they were found.
    pub(super) async fn find_person(
        &self,
        inquiry: &mut Inquiry,
        profile: &Profile,
        username: &Username,
    ) -> Result<(Entry, Candidate, Lease), Fault> {
        loop {
            let mut searching = inquiry.take(&self.searching).await?;
            let answer = self.find_person_on(&mut searching, profile, username).await;
            if let ControlFlow::Break(found) = inquiry.settle(answer, &searching) {
                let (entry, who) = found?;
                return Ok((entry, who, searching));
            }
        }
    }

    async fn find_person_on(
        &self,
        searching: &mut Connection,
        profile: &Profile,
        username: &Username,
    ) -> Result<(Entry, Candidate), Fault> {
        if let Some(domain) = &profile.domain {
            self.refuse_foreign_domain(domain, searching, username).await?;
        }
        let entry = self.find_one(profile, searching, username, &[]).await?;
        let who = self.candidate(profile, searching, &entry).await?;
        Ok((entry, who))
    }

    /// Binds as the person found, on a connection for nothing else, which is handed back with the bind.
    async fn prove(
        &self,
        inquiry: &mut Inquiry,
        profile: &Profile,
        found: &Entry,
        who: &Candidate,
        bind: &mut OneBind<'_>,
    ) -> Result<Lease, Fault> {
        let mut own = inquiry.take(&self.proving).await?;
        let judged = bind.spend(profile, &mut own, &found.dn, Some(who)).await;
        inquiry.note(judged, &own)?;
        Ok(own)
    }

    /// Active Directory without a service account: the person binds by name and reads their own entry.
    async fn bind_then_read(
        &self,
        inquiry: &mut Inquiry,
        profile: &Profile,
        domain: &Domain,
        username: &Username,
        bind: &mut OneBind<'_>,
    ) -> Result<(Entry, Groups), Fault> {
        let name = bind_name(domain, username)?;
        let mut own = inquiry.take(&self.proving).await?;
        let asked = async {
            bind.spend(profile, &mut own, &name, None).await?;
            self.refuse_foreign_domain(domain, &mut own, username).await?;
            let token = own_token(&mut own).await?;
            let entry = self.find_one(profile, &mut own, username, &token).await?;
            refuse_disabled(&entry)?;
            let groups = self.groups(profile, &mut own, &entry, username).await?;
            self.note_domain_policy(domain, &mut own).await;
            Ok((entry, groups))
        };
        let answer = asked.await;
        inquiry.note(answer, &own)
    }

    /// Another server without a service account: an anonymous search finds the one person, who proves the password
    /// and reads the rest, as strangers may often see names but not memberships.
    async fn ask_then_bind(
        &self,
        inquiry: &mut Inquiry,
        profile: &Profile,
        username: &Username,
        bind: &mut OneBind<'_>,
    ) -> Result<(Entry, Groups), Fault> {
        let (shown, who, _) = self.find_person(inquiry, profile, username).await.map_err(ask_for_an_account)?;
        let mut own = self.prove(inquiry, profile, &shown, &who, bind).await?;
        let answer = self.read_oneself(profile, &mut own, &shown, username).await;
        inquiry.note(answer.map_err(ask_for_an_account), &own)
    }

    async fn read_oneself(
        &self,
        profile: &Profile,
        own: &mut Connection,
        shown: &Entry,
        username: &Username,
    ) -> Result<(Entry, Groups), Fault> {
        let search = Search {
            base: &shown.dn,
            scope: Scope::Base,
            filter: "(objectClass=*)",
            attributes: person::ATTRIBUTES,
            limit: 1,
        };
        let found = own.search(Operation::Search, &search).await?;
        let Some(entry) = found.entries.into_iter().next() else {
            return Err(Fault::unreachable(Operation::Search, "people may not read themselves"));
        };
        let groups = self.groups(profile, own, &entry, username).await?;
        Ok((entry, groups))
    }

    /// The one entry that `username` names; where the `token` of the account that was bound is known, the one that
    /// is that account. None and several look alike, and grant nothing.
    pub(super) async fn find_one(
        &self,
        profile: &Profile,
        connection: &mut Connection,
        username: &Username,
        token: &[Sid],
    ) -> Result<Entry, Fault> {
        let filter = person::name_filter(profile, &self.names(), username);
        let search = Search {
            base: &profile.base_dn,
            scope: Scope::Subtree,
            filter: &filter,
            attributes: &[person::ATTRIBUTES, lockout::ATTRIBUTES].concat(),
            limit: 2,
        };
        let mut found = connection.search(Operation::Search, &search).await?;
        found.entries.retain(|entry| may_be_bound(entry, token));
        match <[Entry; 1]>::try_from(found.entries) {
            Ok([entry]) if !found.more && !entry.dn.is_empty() => Ok(entry),
            Ok(_) | Err(_) => Err(Fault::refused(Operation::Search, Refusal::WrongCredentials)),
        }
    }

    async fn groups(
        &self,
        profile: &Profile,
        connection: &mut Connection,
        entry: &Entry,
        username: &Username,
    ) -> Result<Groups, Fault> {
        if let Some(domain) = &profile.domain {
            return token_groups(connection, domain, &self.group_names, &*self.clock, &entry.dn).await;
        }
        let climber = Climber { base_dn: &profile.base_dn, template: self.settings.group_filter.as_deref() };
        climb(connection, &climber, entry, person::uid(entry, self.short_name(username))).await
    }

    /// Which names people sign in with here.
    pub(super) fn names(&self) -> person::Names<'_> {
        let settings = &self.settings;
        person::Names {
            template: settings.person_filter.as_deref(),
            by_mail: settings.sign_in_by_mail,
            domains: &self.domains,
        }
    }

    pub(super) fn short_name<'a>(&self, username: &'a Username) -> &'a str {
        person::short_name(&self.domains, username)
    }

    /// `OTHER\alice` is not this domain's `alice`.
    pub(super) async fn refuse_foreign_domain(
        &self,
        domain: &Domain,
        connection: &mut Connection,
        username: &Username,
    ) -> Result<(), Fault> {
        let NameForm::DownLevel { domain: typed, .. } = username.form() else { return Ok(()) };
        let netbios = match self.netbios_name.get() {
            Some(known) => Some(known),
            // That this person may not read it says nothing of the next.
            None => netbios_name(domain, connection).await?.map(|read| self.netbios_name.get_or_init(|| read)),
        };
        // Where the NetBIOS name may not be read, it is taken to be the first label, as it is by default.
        let short = netbios.map(String::as_str).or_else(|| domain.dns_name.split('.').next()).unwrap_or_default();
        if typed.eq_ignore_ascii_case(short) || typed.eq_ignore_ascii_case(&domain.dns_name) {
            return Ok(());
        }
        Err(Fault::refused(Operation::Search, Refusal::WrongCredentials))
    }
}

/// The name to bind with as oneself: principal and down-level names as typed, a bare name in this domain.
///
/// Active Directory also takes DNs and canonical names in a bind (MS-ADTS 5.1.1.1.1); what was typed must never pass
/// for one, so what looks like one names nobody.
pub(super) fn bind_name(domain: &Domain, username: &Username) -> Result<String, Fault> {
    let typed = username.as_str();
    let (name, qualifier) = match username.form() {
        NameForm::Bare(name) => (format!("{name}@{}", domain.dns_name), ""),
        NameForm::Principal { suffix, .. } => (typed.to_owned(), suffix),
        // Windows takes the DNS name before the `\` as well; a simple bind on Samba does not.
        NameForm::DownLevel { domain: dns_name, name } if dns_name.eq_ignore_ascii_case(&domain.dns_name) => {
            (format!("{name}@{}", domain.dns_name), dns_name)
        }
        NameForm::DownLevel { domain, .. } => (typed.to_owned(), domain),
    };
    if typed.parse::<Dn>().is_ok() || qualifier.contains(['=', ',', '/']) {
        return Err(Fault::refused(Operation::Bind, Refusal::WrongCredentials));
    }
    Ok(name)
}

/// The SIDs of the account this connection was bound as, its own among them (RootDSE `tokenGroups`, MS-ADTS
/// 3.1.1.3.2.27): the server might have taken the typed name for another account's. Empty where a server does not
/// tell; then the name alone must find exactly one.
pub(super) async fn own_token(own: &mut Connection) -> Result<Vec<Sid>, Fault> {
    let search =
        Search { base: "", scope: Scope::Base, filter: "(objectClass=*)", attributes: &["tokenGroups"], limit: 1 };
    let found = own.search(Operation::RootDse, &search).await?;
    Ok(found.entries.iter().flat_map(|root| root.bytes("tokenGroups")).filter_map(Sid::from_bytes).collect())
}

/// Whether `entry` can be the account that holds `token`.
fn may_be_bound(entry: &Entry, token: &[Sid]) -> bool {
    token.is_empty() || entry.bytes("objectSid").filter_map(Sid::from_bytes).any(|sid| token.contains(&sid))
}

/// The domain's NetBIOS name, from the forest's list of domains (MS-ADTS 6.1.1.2.1.1). `None` where it may not be read.
async fn netbios_name(domain: &Domain, connection: &mut Connection) -> Result<Option<String>, Fault> {
    let Some(configuration) = &domain.configuration else { return Ok(None) };
    let search = Search {
        base: &format!("CN=Partitions,{configuration}"),
        scope: Scope::OneLevel,
        filter: &filter::all(&["(objectClass=crossRef)", "(nETBIOSName=*)", &filter::equals("nCName", &domain.dn)]),
        attributes: &["nETBIOSName"],
        limit: 1,
    };
    match connection.search(Operation::Search, &search).await {
        Ok(found) => Ok(found.entries.first().and_then(|entry| entry.text("nETBIOSName")).map(str::to_owned)),
        Err(fault) if matches!(fault.result_code, Some(rc::NO_SUCH_OBJECT | rc::INSUFFICIENT_ACCESS)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn refuse_disabled(entry: &Entry) -> Result<(), Fault> {
    if person::is_disabled(entry) {
        return Err(Fault::refused(Operation::Search, Refusal::Disabled));
    }
    Ok(())
}

/// What an admin can do when neither strangers nor people themselves may search.
pub(super) fn ask_for_an_account(fault: Fault) -> Fault {
    if fault.result_code.is_some() {
        return fault.advise("people are searched for anonymously here, as no bind_name is set");
    }
    fault
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn domain() -> Domain {
        Domain { dn: "DC=corp,DC=example,DC=com".into(), dns_name: "corp.example.com".into(), configuration: None }
    }

    fn bound_as(typed: &str) -> Option<String> {
        bind_name(&domain(), &Username::parse(typed).unwrap()).ok()
    }

    #[test]
    fn people_bind_in_the_form_they_typed_and_bare_names_in_this_domain() {
        assert_eq!(bound_as("alice").unwrap(), "alice@corp.example.com");
        assert_eq!(bound_as("alice@brand.example").unwrap(), "alice@brand.example");
        assert_eq!(bound_as("CORP\\alice").unwrap(), "CORP\\alice");
        assert_eq!(bound_as("Corp.Example.com\\alice").unwrap(), "alice@corp.example.com");
    }

    #[test]
    fn what_was_typed_never_binds_as_a_dn_or_a_canonical_name() {
        for typed in [
            "CN=alice,DC=corp",
            "CN=a@b,DC=corp",
            "CN=a@b",
            "x@y,CN=alice,DC=corp",
            "a@corp.example.com/Users/b",
            "CN=a,DC=b\\c",
            "a/b\\c",
        ] {
            assert_eq!(bound_as(typed), None, "{typed}");
        }
    }

    #[test]
    fn another_account_than_the_one_that_was_bound_is_nobody() {
        let sid = |rid: u8| vec![1, 1, 0, 0, 0, 0, 0, 5, rid, 0, 0, 0];
        let token = [Sid::from_bytes(&sid(7)).unwrap(), Sid::from_bytes(&sid(8)).unwrap()];
        assert!(may_be_bound(&Entry::with("CN=a", &[("objectSid", &sid(7))]), &token));
        assert!(!may_be_bound(&Entry::with("CN=a", &[("objectSid", &sid(9))]), &token));
        assert!(!may_be_bound(&Entry::with("CN=a", &[]), &token));
        assert!(may_be_bound(&Entry::with("CN=a", &[]), &[]), "a server that tells nothing");
    }
}
