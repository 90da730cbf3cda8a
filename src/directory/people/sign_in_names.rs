use ldap3::Scope;

use super::person;
use crate::directory::client::LdapDirectory;
use crate::directory::connection::{
    AdDomain, DirectoryRefusal, LdapConnection, OperationFault, OperationKind, SearchRequest, result_code,
};
use crate::directory::schema::filter;
use crate::domain::{Dn, NameForm, Username};

impl LdapDirectory {
    /// The settings for names that people sign in with.
    pub(in crate::directory) fn name_settings(&self) -> person::NameSettings<'_> {
        let settings = &self.settings;
        person::NameSettings {
            person_filter: settings.person_filter.as_ref(),
            by_mail: settings.sign_in_by_mail,
            domains: &self.domains,
        }
    }

    pub(in crate::directory) fn short_name<'a>(&self, username: &'a Username) -> &'a str {
        person::short_name(&self.domains, username)
    }

    /// Refuses down-level names of other domains: `OTHER\alice` is not this domain's `alice`.
    pub(in crate::directory) async fn refuse_foreign_domain(
        &self,
        domain: &AdDomain,
        connection: &mut LdapConnection,
        username: &Username,
    ) -> Result<(), OperationFault> {
        let NameForm::DownLevel { domain: typed, .. } = username.form() else { return Ok(()) };
        let netbios = match self.netbios_name.get() {
            Some(known) => Some(known),
            // That this person may not read it says nothing of the next.
            None => read_netbios_name(domain, connection).await?.map(|read| self.netbios_name.get_or_init(|| read)),
        };
        // Where the NetBIOS name may not be read, it is taken to be the first label, as it is by default.
        let short = netbios.map(String::as_str).or_else(|| domain.dns_name.split('.').next()).unwrap_or_default();
        if typed.eq_ignore_ascii_case(short) || typed.eq_ignore_ascii_case(&domain.dns_name) {
            return Ok(());
        }
        let cause = format!("what stands before the name is not this directory's domain ({short} or {})", domain.dns_name);
        Err(OperationFault::refused(OperationKind::Search, DirectoryRefusal::WrongCredentials).with_cause(cause))
    }
}

/// The name for a bind as oneself: principal and down-level names as typed, a bare name in this domain.
///
/// Active Directory also takes DNs and canonical names in a bind (MS-ADTS 5.1.1.1.1); what was typed must never pass
/// for one, so what looks like one names nobody.
pub(in crate::directory) fn bind_name(domain: &AdDomain, username: &Username) -> Result<String, OperationFault> {
    let typed = username.as_str();
    let (name, qualifier) = match username.form() {
        NameForm::Bare(name) => (format!("{name}@{}", domain.dns_name), ""),
        NameForm::Principal { suffix, .. } => (typed.to_owned(), suffix),
        // Windows takes the DNS name before the `\` as well; a simple bind on Samba does not.
        NameForm::DownLevel { domain: dns_name, name } if dns_name.eq_ignore_ascii_case(&domain.dns_name) => {
            (format!("{name}@{}", domain.dns_name), dns_name)
        }
        NameForm::DownLevel { domain, name } => (format!("{domain}\\{name}"), domain),
    };
    // Kerberos reads a `\` before a letter as nothing, and then finds the letters around it: whoever had any number of such
    // spellings had as many tries.
    let is_odd = typed.matches('\\').count() + typed.matches('@').count() > 1;
    if is_odd || typed.parse::<Dn>().is_ok() || qualifier.contains(['=', ',', '/']) {
        let cause = "the name is of a form that is never sent in a bind".to_owned();
        return Err(OperationFault::refused(OperationKind::Bind, DirectoryRefusal::WrongCredentials).with_cause(cause));
    }
    Ok(name)
}

/// The domain's NetBIOS name, from the forest's list of domains (MS-ADTS 6.1.1.2.1.1). `None` where it may not be read.
async fn read_netbios_name(domain: &AdDomain, connection: &mut LdapConnection) -> Result<Option<String>, OperationFault> {
    let Some(configuration) = &domain.configuration_dn else { return Ok(None) };
    let search = SearchRequest {
        base: &format!("CN=Partitions,{configuration}"),
        scope: Scope::OneLevel,
        filter: &filter::all(&["(objectClass=crossRef)", "(nETBIOSName=*)", &filter::equals("nCName", &domain.dn)]),
        attributes: &["nETBIOSName"],
        limit: 1,
    };
    match connection.search(OperationKind::Search, &search).await {
        Ok(found) => Ok(found.entries.first().and_then(|entry| entry.text("nETBIOSName")).map(str::to_owned)),
        Err(fault) if matches!(fault.result_code, Some(result_code::NO_SUCH_OBJECT | result_code::INSUFFICIENT_ACCESS)) => {
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn domain() -> AdDomain {
        AdDomain { dn: "DC=corp,DC=example,DC=com".into(), dns_name: "corp.example.com".into(), configuration_dn: None }
    }

    fn bound_as(typed: &str) -> Option<String> {
        bind_name(&domain(), &Username::parse(typed).unwrap()).ok()
    }

    #[test]
    fn people_bind_in_the_form_they_typed_and_bare_names_in_this_domain() {
        assert_eq!(bound_as("alice").unwrap(), "alice@corp.example.com");
        assert_eq!(bound_as("alice@brand.example").unwrap(), "alice@brand.example");
        assert_eq!(bound_as("CORP\\alice").unwrap(), "CORP\\alice");
        assert_eq!(bound_as("CORP/alice").unwrap(), "CORP\\alice");
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
            "al\\ice@corp.example.com",
            "alice@co\\rp.example.com",
            "CORP\\al\\ice",
            "CORP\\alice@corp.example.com",
            "alice@x@corp.example.com",
            "CN=a/b",
        ] {
            assert_eq!(bound_as(typed), None, "{typed}");
        }
    }
}
