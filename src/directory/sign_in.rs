use ldap3::Scope;

use super::connection::{Connection, Search};
use super::entry::Entry;
use super::fault::{Fault, Operation, rc};
use super::groups::{Climber, climb, token_groups};
use super::root_dse::{Domain, Profile};
use super::sid::Sid;
use super::{LdapDirectory, Refusal, filter, person, refusal};
use crate::config::{ServerAddress, ServiceAccount};
use crate::domain::{Dn, Groups, NameForm, Password, Person, Username};

/// The right to send a person's password once. It is spent by the bind, whatever comes of it, over all servers:
/// one failed sign-in must never count twice against the directory's lockout threshold.
pub(super) struct OneBind<'a>(Option<&'a Password>);

impl<'a> OneBind<'a> {
    pub(super) fn with(password: &'a Password) -> Self {
        Self(Some(password))
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.is_none()
    }

    /// Binds as `name`, once.
    async fn spend(&mut self, profile: &Profile, connection: &mut Connection, name: &str) -> Result<(), Fault> {
        let Some(password) = self.0.take() else {
            return Err(Fault::unreachable(Operation::Bind, "the password was sent before, and is not sent twice"));
        };
        let result = connection.bind(Operation::Bind, name, password).await?;
        refusal::judge_bind(profile.kind(), &result)
    }
}

impl LdapDirectory {
    /// The whole sign-in at one server.
    pub(super) async fn sign_in_at(
        &self,
        server: &ServerAddress,
        username: &Username,
        bind: &mut OneBind<'_>,
    ) -> Result<Person, Fault> {
        let mut connection = self.dialler.dial(server).await?;
        let profile = self.profile(&mut connection).await?;
        let (entry, groups) = match (&self.settings.service_account, &profile.domain) {
            (Some(account), _) => self.search_then_bind(server, profile, connection, account, username, bind).await?,
            (None, Some(domain)) => self.bind_then_read(profile, domain, connection, username, bind).await?,
            (None, None) => self.ask_then_bind(server, profile, connection, username, bind).await?,
        };
        Ok(person::describe(profile.kind(), &entry, username, groups))
    }

    /// With a service account: it finds the one person, who then proves the password on a connection of their own,
    /// and it reads their groups.
    async fn search_then_bind(
        &self,
        server: &ServerAddress,
        profile: &Profile,
        mut service: Connection,
        account: &ServiceAccount,
        username: &Username,
        bind: &mut OneBind<'_>,
    ) -> Result<(Entry, Groups), Fault> {
        let result = service.bind(Operation::ServiceBind, &account.name, &account.password).await?;
        refusal::judge_service_bind(&result)?;
        if let Some(domain) = &profile.domain {
            self.refuse_foreign_domain(domain, &mut service, username).await?;
        }
        let entry = self.find_one(profile, &mut service, username, None).await?;
        let mut own = self.dialler.dial(server).await?;
        bind.spend(profile, &mut own, &entry.dn).await?;
        drop(own);
        refuse_disabled(&entry)?;
        let groups = self.groups(profile, &mut service, &entry, username).await?;
        Ok((entry, groups))
    }

    /// Active Directory without a service account: the person binds by name and reads their own entry.
    async fn bind_then_read(
        &self,
        profile: &Profile,
        domain: &Domain,
        mut own: Connection,
        username: &Username,
        bind: &mut OneBind<'_>,
    ) -> Result<(Entry, Groups), Fault> {
        let name = bind_name(domain, username)?;
        bind.spend(profile, &mut own, &name).await?;
        self.refuse_foreign_domain(domain, &mut own, username).await?;
        let account = bound_account(&mut own).await?;
        let entry = self.find_one(profile, &mut own, username, account.as_ref()).await?;
        refuse_disabled(&entry)?;
        let groups = self.groups(profile, &mut own, &entry, username).await?;
        Ok((entry, groups))
    }

    /// Another server without a service account: an anonymous search finds the one person, who proves the password
    /// and reads the rest, as strangers may often see names but not memberships.
    async fn ask_then_bind(
        &self,
        server: &ServerAddress,
        profile: &Profile,
        mut anonymous: Connection,
        username: &Username,
        bind: &mut OneBind<'_>,
    ) -> Result<(Entry, Groups), Fault> {
        let dn = self.find_one(profile, &mut anonymous, username, None).await.map_err(ask_for_an_account)?.dn;
        drop(anonymous);
        let mut own = self.dialler.dial(server).await?;
        bind.spend(profile, &mut own, &dn).await?;
        let search = Search {
            base: &dn,
            scope: Scope::Base,
            filter: "(objectClass=*)",
            attributes: person::ATTRIBUTES,
            limit: 1,
        };
        let found = own.search(Operation::Search, &search).await.map_err(ask_for_an_account)?;
        let Some(entry) = found.entries.into_iter().next() else {
            return Err(ask_for_an_account(Fault::unreachable(Operation::Search, "people may not read themselves")));
        };
        let groups = self.groups(profile, &mut own, &entry, username).await.map_err(ask_for_an_account)?;
        Ok((entry, groups))
    }

    /// The one entry that `username` names. None and several look alike, and grant nothing.
    async fn find_one(
        &self,
        profile: &Profile,
        connection: &mut Connection,
        username: &Username,
        account: Option<&Sid>,
    ) -> Result<Entry, Fault> {
        let mut filter = person::name_filter(profile, self.settings.person_filter.as_deref(), username);
        if let Some(sid) = account {
            filter = filter::all(&[&filter, &format!("(objectSid={})", filter::escape_bytes(sid.as_bytes()))]);
        }
        let search = Search {
            base: &profile.base_dn,
            scope: Scope::Subtree,
            filter: &filter,
            attributes: person::ATTRIBUTES,
            limit: 2,
        };
        let found = connection.search(Operation::Search, &search).await?;
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
        climb(connection, &climber, entry, person::uid(entry, username)).await
    }

    /// `OTHER\alice` is not this domain's `alice`.
    async fn refuse_foreign_domain(
        &self,
        domain: &Domain,
        connection: &mut Connection,
        username: &Username,
    ) -> Result<(), Fault> {
        let NameForm::DownLevel { domain: typed, .. } = username.form() else { return Ok(()) };
        let netbios = self.netbios_name.get_or_try_init(|| netbios_name(domain, connection)).await?;
        // Where the NetBIOS name may not be read, it is taken to be the first label, as it is by default.
        let short = netbios.as_deref().or_else(|| domain.dns_name.split('.').next()).unwrap_or_default();
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
fn bind_name(domain: &Domain, username: &Username) -> Result<String, Fault> {
    let typed = username.as_str();
    match username.form() {
        NameForm::Bare(name) => Ok(format!("{name}@{}", domain.dns_name)),
        NameForm::Principal { suffix, .. } if suffix.contains(['=', ',', '/']) || typed.parse::<Dn>().is_ok() => {
            Err(Fault::refused(Operation::Bind, Refusal::WrongCredentials))
        }
        NameForm::DownLevel { domain, .. } if domain.contains(['=', ',', '/']) => {
            Err(Fault::refused(Operation::Bind, Refusal::WrongCredentials))
        }
        // Windows takes the DNS name before the `\` as well; a simple bind on Samba does not.
        NameForm::DownLevel { domain: typed, name } if typed.eq_ignore_ascii_case(&domain.dns_name) => {
            Ok(format!("{name}@{}", domain.dns_name))
        }
        NameForm::Principal { .. } | NameForm::DownLevel { .. } => Ok(typed.to_owned()),
    }
}

/// Which account this connection was bound as: the first SID of its token (RootDSE `tokenGroups`, MS-ADTS
/// 3.1.1.3.2.27), as the typed name might have been taken for another account's. `None` where a server does not tell;
/// then the name alone must find exactly one.
async fn bound_account(own: &mut Connection) -> Result<Option<Sid>, Fault> {
    let search =
        Search { base: "", scope: Scope::Base, filter: "(objectClass=*)", attributes: &["tokenGroups"], limit: 1 };
    let found = own.search(Operation::RootDse, &search).await?;
    Ok(found.entries.first().and_then(|root| root.bytes("tokenGroups").find_map(Sid::from_bytes)))
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
fn ask_for_an_account(fault: Fault) -> Fault {
    if fault.result_code.is_some() {
        return fault.advise("people are searched for anonymously here, as no bind_name is set");
    }
    fault
}
