use ldap3::Scope;

use super::fault::{OperationFault, OperationKind};
use super::ldap_connection::{LdapConnection, SearchRequest};
use crate::config::{DirectoryKind, DirectorySettings};
use crate::directory::schema::LdapEntry;

/// The capability by which a server is Active Directory (MS-ADTS 3.1.1.3.4.3.1); Samba has it too.
const ACTIVE_DIRECTORY_CAPABILITY: &str = "1.2.840.113556.1.4.800";

/// The extended operation that changes one's own password (RFC 3062, 2).
const PASSWORD_MODIFY_OPERATION: &str = "1.3.6.1.4.1.4203.1.11.1";

/// The password policy control (draft-behera-ldap-password-policy-10, 6): the same in the request and in the answer.
pub(in crate::directory) const PASSWORD_POLICY_CONTROL: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

/// A directory's kind and base DN, read once from its RootDSE (RFC 4512, 5.1); the settings have the last word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::directory) struct DirectoryProfile {
    /// The base of searches for people and groups.
    pub(in crate::directory) base_dn: String,
    /// The domain, on Active Directory only.
    pub(in crate::directory) domain: Option<AdDomain>,
    /// The server's capabilities for passwords.
    pub(in crate::directory) password_capabilities: PasswordCapabilities,
}

/// A server's capabilities for passwords, as its RootDSE lists them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::directory) struct PasswordCapabilities {
    /// Whether it takes the password policy control (`supportedControl`).
    pub(in crate::directory) supports_policy_control: bool,
    /// Whether people can change their own password (RFC 3062, in `supportedExtension`).
    pub(in crate::directory) supports_password_modify: bool,
}

impl PasswordCapabilities {
    fn of(root: &LdapEntry) -> Self {
        Self {
            supports_policy_control: root.texts("supportedControl").any(|oid| oid == PASSWORD_POLICY_CONTROL),
            supports_password_modify: root.texts("supportedExtension").any(|oid| oid == PASSWORD_MODIFY_OPERATION),
        }
    }
}

/// The Active Directory domain that a domain controller serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::directory) struct AdDomain {
    /// Its root: `DC=corp,DC=example,DC=com`.
    pub(in crate::directory) dn: String,
    /// `corp.example.com`.
    pub(in crate::directory) dns_name: String,
    /// The DN of the forest's configuration, which has the domains' NetBIOS names.
    pub(in crate::directory) configuration_dn: Option<String>,
}

impl DirectoryProfile {
    /// The kind of directory: Active Directory, or another LDAP server.
    pub(in crate::directory) fn kind(&self) -> DirectoryKind {
        if self.domain.is_some() { DirectoryKind::ActiveDirectory } else { DirectoryKind::Ldap }
    }

    /// Reads from the RootDSE what the settings leave open, anonymously. When they leave nothing open, a server that
    /// does not show its RootDSE to strangers is taken to have no capabilities beyond LDAP itself.
    pub(in crate::directory) async fn discover(
        settings: &DirectorySettings,
        connection: &mut LdapConnection,
    ) -> Result<Self, OperationFault> {
        let root = match (read_root_dse(connection).await, settings.kind, &settings.base_dn) {
            (Ok(root), _, _) => root,
            (Err(fault), Some(DirectoryKind::Ldap), Some(_)) if fault.result_code.is_some() => LdapEntry::default(),
            (Err(fault), _, _) => {
                return Err(fault.with_advice("if this server does not show its RootDSE to strangers, set kind and base_dn"));
            }
        };
        Self::from_root_dse(settings, &root).map_err(|reason| OperationFault::unreachable(OperationKind::RootDse, reason))
    }

    fn from_root_dse(settings: &DirectorySettings, root: &LdapEntry) -> Result<Self, &'static str> {
        let kind = settings.kind.unwrap_or_else(|| {
            let is_ad = root.texts("supportedCapabilities").any(|capability| capability == ACTIVE_DIRECTORY_CAPABILITY);
            if is_ad { DirectoryKind::ActiveDirectory } else { DirectoryKind::Ldap }
        });
        let context = default_context(root);
        let base_dn = settings
            .base_dn
            .as_deref()
            .or(context)
            .ok_or("its RootDSE names no naming context: set base_dn to where its people are")?;
        let domain = match kind {
            DirectoryKind::Ldap => None,
            DirectoryKind::ActiveDirectory => Some(ad_domain(root, context.unwrap_or(base_dn))?),
        };
        Ok(Self { base_dn: base_dn.to_owned(), domain, password_capabilities: PasswordCapabilities::of(root) })
    }
}

/// Reads the RootDSE.
pub(in crate::directory) async fn read_root_dse(connection: &mut LdapConnection) -> Result<LdapEntry, OperationFault> {
    let attributes = [
        "supportedCapabilities",
        "defaultNamingContext",
        "namingContexts",
        "configurationNamingContext",
        "ldapServiceName",
        "supportedControl",
        "supportedExtension",
    ];
    let search = SearchRequest { base: "", scope: Scope::Base, filter: "(objectClass=*)", attributes: &attributes, limit: 1 };
    let found = connection.search(OperationKind::RootDse, &search).await?;
    Ok(found.entries.into_iter().next().unwrap_or_default())
}

/// Pings the server: a search for nothing, to which any well-formed answer will do. A server that keeps its RootDSE
/// from strangers is there.
pub(super) async fn ping(connection: &mut LdapConnection) -> Result<(), OperationFault> {
    let search = SearchRequest { base: "", scope: Scope::Base, filter: "(objectClass=*)", attributes: &["1.1"], limit: 1 };
    match connection.search(OperationKind::RootDse, &search).await {
        Err(fault) if fault.another_server_may_help() => Err(fault),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The server's default naming context, else the first that can hold people: `cn=config`, `cn=changelog` and their like
/// do not.
fn default_context(root: &LdapEntry) -> Option<&str> {
    let holds_people = |context: &&str| !context.is_empty() && !context.to_ascii_lowercase().starts_with("cn=");
    root.text("defaultNamingContext").or_else(|| root.texts("namingContexts").find(holds_people))
}

fn ad_domain(root: &LdapEntry, head: &str) -> Result<AdDomain, &'static str> {
    let (dn, labels) = domain_head(head).ok_or("its naming context is no domain's (DC=…,DC=…): set kind = \"ldap\"")?;
    // `ldapServiceName` ends in the realm, which is the domain's name in capitals (MS-ADTS 3.1.1.3.2.12). The naming
    // context says the same and is never the forest root's by mistake.
    let dns_name = labels.join(".");
    Ok(AdDomain { dn, dns_name, configuration_dn: root.text("configurationNamingContext").map(str::to_owned) })
}

/// The trailing `DC=` parts of a name, and their values.
fn domain_head(dn: &str) -> Option<(String, Vec<String>)> {
    let mut labels: Vec<String> = dn
        .rsplit(',')
        .map_while(|part| {
            let (attribute, value) = part.split_once('=')?;
            attribute.trim().eq_ignore_ascii_case("dc").then(|| value.trim().to_owned())
        })
        .collect();
    labels.reverse();
    let head = labels.iter().map(|label| format!("DC={label}")).collect::<Vec<_>>().join(",");
    (!labels.is_empty()).then_some((head, labels))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::DirectoryServers;

    fn settings() -> DirectorySettings {
        DirectorySettings::with_servers(DirectoryServers::Listed(Vec::new()))
    }

    fn controller() -> LdapEntry {
        LdapEntry::with(
            "",
            &[
                ("supportedCapabilities", b"1.2.840.113556.1.4.800"),
                ("defaultNamingContext", b"DC=corp,DC=example,DC=com"),
                ("configurationNamingContext", b"CN=Configuration,DC=corp,DC=example,DC=com"),
                ("namingContexts", b"CN=Schema,CN=Configuration,DC=corp,DC=example,DC=com"),
            ],
        )
    }

    #[test]
    fn active_directory_is_known_by_its_root_alone() {
        let profile = DirectoryProfile::from_root_dse(&settings(), &controller()).unwrap();
        assert_eq!(profile.kind(), DirectoryKind::ActiveDirectory);
        assert_eq!(profile.base_dn, "DC=corp,DC=example,DC=com");
        assert_eq!(profile.domain.unwrap().dns_name, "corp.example.com");
    }

    #[test]
    fn the_settings_have_the_last_word() {
        let base_dn = Some("OU=Staff, dc=corp, dc=example, dc=com".to_owned());
        let narrow = DirectorySettings { base_dn: base_dn.clone(), ..settings() };
        let profile = DirectoryProfile::from_root_dse(&narrow, &controller()).unwrap();
        assert_eq!(Some(profile.base_dn), base_dn);
        assert_eq!(profile.domain.unwrap().dn, "DC=corp,DC=example,DC=com");

        let other = DirectorySettings { kind: Some(DirectoryKind::Ldap), ..settings() };
        assert_eq!(DirectoryProfile::from_root_dse(&other, &controller()).unwrap().domain, None);

        let blind = DirectorySettings { kind: Some(DirectoryKind::ActiveDirectory), base_dn, ..settings() };
        assert_eq!(
            DirectoryProfile::from_root_dse(&blind, &LdapEntry::default()).unwrap().domain.unwrap().dns_name,
            "corp.example.com"
        );
    }

    #[test]
    fn another_server_is_asked_below_its_first_context_with_people() {
        let root = LdapEntry::with("", &[("namingContexts", b"cn=config"), ("namingContexts", b"dc=example,dc=org")]);
        let profile = DirectoryProfile::from_root_dse(&settings(), &root).unwrap();
        assert_eq!((profile.kind(), profile.base_dn.as_str()), (DirectoryKind::Ldap, "dc=example,dc=org"));
        assert!(DirectoryProfile::from_root_dse(&settings(), &LdapEntry::default()).unwrap_err().contains("set base_dn"));
    }

    #[test]
    fn what_a_server_can_do_with_passwords_stands_in_its_root() {
        let base = ("namingContexts", &b"dc=example,dc=org"[..]);
        let root = LdapEntry::with("", &[base, ("supportedExtension", PASSWORD_MODIFY_OPERATION.as_bytes())]);
        let profile = DirectoryProfile::from_root_dse(&settings(), &root).unwrap();
        assert_eq!(
            profile.password_capabilities,
            PasswordCapabilities { supports_policy_control: false, supports_password_modify: true }
        );
        let root = LdapEntry::with("", &[base, ("supportedControl", PASSWORD_POLICY_CONTROL.as_bytes())]);
        let profile = DirectoryProfile::from_root_dse(&settings(), &root).unwrap();
        assert_eq!(
            profile.password_capabilities,
            PasswordCapabilities { supports_policy_control: true, supports_password_modify: false }
        );
    }
}
