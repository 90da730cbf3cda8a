use ldap3::Scope;

use super::fault::{Fault, Operation};
use super::ldap_connection::{Connection, Search};
use crate::config::{DirectoryKind, DirectorySettings};
use crate::directory::schema::Entry;

/// The capability that makes a server Active Directory (MS-ADTS 3.1.1.3.4.3.1); Samba has it too.
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";

/// Changing one's own password (RFC 3062, 2).
const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";

/// The password policy control (draft-behera-ldap-password-policy-10, 6): the same in the request and in the answer.
pub(in crate::directory) const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

/// What the directory is, found out once from its RootDSE (RFC 4512, 5.1) and the settings, which have the last word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::directory) struct Profile {
    /// Where searches for people and groups begin.
    pub(in crate::directory) base_dn: String,
    /// What only Active Directory has.
    pub(in crate::directory) domain: Option<Domain>,
    /// What it can do with passwords.
    pub(in crate::directory) passwords: Abilities,
}

/// What a server says it can do with passwords.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::directory) struct Abilities {
    /// Whether it tells of its password policy when asked to (`supportedControl`).
    pub(in crate::directory) policy_control: bool,
    /// Whether people can change their own (RFC 3062, in `supportedExtension`).
    pub(in crate::directory) modify_operation: bool,
}

impl Abilities {
    fn of(root: &Entry) -> Self {
        Self {
            policy_control: root.texts("supportedControl").any(|oid| oid == PASSWORD_POLICY),
            modify_operation: root.texts("supportedExtension").any(|oid| oid == PASSWORD_MODIFY),
        }
    }
}

/// The domain a domain controller serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::directory) struct Domain {
    /// Its head: `DC=corp,DC=example,DC=com`.
    pub(in crate::directory) dn: String,
    /// `corp.example.com`.
    pub(in crate::directory) dns_name: String,
    /// Where the forest keeps its configuration, the domains' NetBIOS names among it.
    pub(in crate::directory) configuration: Option<String>,
}

impl Profile {
    /// What kind of directory it is.
    pub(in crate::directory) fn kind(&self) -> DirectoryKind {
        if self.domain.is_some() { DirectoryKind::ActiveDirectory } else { DirectoryKind::Ldap }
    }

    /// Finds out what the settings leave open. Asks anonymously. When they leave nothing open, a server that does not
    /// show its RootDSE to strangers is taken to have no abilities beyond LDAP itself.
    pub(in crate::directory) async fn discover(
        settings: &DirectorySettings,
        connection: &mut Connection,
    ) -> Result<Self, Fault> {
        let root = match (read(connection).await, settings.kind, &settings.base_dn) {
            (Ok(root), _, _) => root,
            (Err(fault), Some(DirectoryKind::Ldap), Some(_)) if fault.result_code.is_some() => Entry::default(),
            (Err(fault), _, _) => {
                return Err(fault.advise("if this server does not show its RootDSE to strangers, set kind and base_dn"));
            }
        };
        Self::settle(settings, &root).map_err(|reason| Fault::unreachable(Operation::RootDse, reason))
    }

    fn settle(settings: &DirectorySettings, root: &Entry) -> Result<Self, &'static str> {
        let kind = settings.kind.unwrap_or_else(|| {
            let is_ad = root.texts("supportedCapabilities").any(|capability| capability == ACTIVE_DIRECTORY);
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
            DirectoryKind::ActiveDirectory => Some(domain(root, context.unwrap_or(base_dn))?),
        };
        Ok(Self { base_dn: base_dn.to_owned(), domain, passwords: Abilities::of(root) })
    }
}

/// Reads the RootDSE.
pub(in crate::directory) async fn read(connection: &mut Connection) -> Result<Entry, Fault> {
    let attributes = [
        "supportedCapabilities",
        "defaultNamingContext",
        "namingContexts",
        "configurationNamingContext",
        "ldapServiceName",
        "supportedControl",
        "supportedExtension",
    ];
    let search = Search { base: "", scope: Scope::Base, filter: "(objectClass=*)", attributes: &attributes, limit: 1 };
    let found = connection.search(Operation::RootDse, &search).await?;
    Ok(found.entries.into_iter().next().unwrap_or_default())
}

/// Whether somebody is there: asks for nothing, and any well-formed answer will do. A server that keeps its RootDSE from
/// strangers is there.
pub(super) async fn knock(connection: &mut Connection) -> Result<(), Fault> {
    let search = Search { base: "", scope: Scope::Base, filter: "(objectClass=*)", attributes: &["1.1"], limit: 1 };
    match connection.search(Operation::RootDse, &search).await {
        Err(fault) if fault.another_server_may_help() => Err(fault),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The server's own choice, else the first context that can hold people: `cn=config`, `cn=changelog` and their like
/// do not.
fn default_context(root: &Entry) -> Option<&str> {
    let holds_people = |context: &&str| !context.is_empty() && !context.to_ascii_lowercase().starts_with("cn=");
    root.text("defaultNamingContext").or_else(|| root.texts("namingContexts").find(holds_people))
}

fn domain(root: &Entry, head: &str) -> Result<Domain, &'static str> {
    let (dn, labels) = domain_head(head).ok_or("its naming context is no domain's (DC=…,DC=…): set kind = \"ldap\"")?;
    // `ldapServiceName` ends in the realm, which is the domain's name in capitals (MS-ADTS 3.1.1.3.2.12). The naming
    // context says the same and is never the forest root's by mistake.
    let dns_name = labels.join(".");
    Ok(Domain { dn, dns_name, configuration: root.text("configurationNamingContext").map(str::to_owned) })
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
    use crate::config::Servers;

    fn settings() -> DirectorySettings {
        DirectorySettings::of(Servers::Listed(Vec::new()))
    }

    fn controller() -> Entry {
        Entry::with(
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
        let profile = Profile::settle(&settings(), &controller()).unwrap();
        assert_eq!(profile.kind(), DirectoryKind::ActiveDirectory);
        assert_eq!(profile.base_dn, "DC=corp,DC=example,DC=com");
        assert_eq!(profile.domain.unwrap().dns_name, "corp.example.com");
    }

    #[test]
    fn the_settings_have_the_last_word() {
        let base_dn = Some("OU=Staff, dc=corp, dc=example, dc=com".to_owned());
        let narrow = DirectorySettings { base_dn: base_dn.clone(), ..settings() };
        let profile = Profile::settle(&narrow, &controller()).unwrap();
        assert_eq!(Some(profile.base_dn), base_dn);
        assert_eq!(profile.domain.unwrap().dn, "DC=corp,DC=example,DC=com");

        let other = DirectorySettings { kind: Some(DirectoryKind::Ldap), ..settings() };
        assert_eq!(Profile::settle(&other, &controller()).unwrap().domain, None);

        let blind = DirectorySettings { kind: Some(DirectoryKind::ActiveDirectory), base_dn, ..settings() };
        assert_eq!(Profile::settle(&blind, &Entry::default()).unwrap().domain.unwrap().dns_name, "corp.example.com");
    }

    #[test]
    fn another_server_is_asked_below_its_first_context_with_people() {
        let root = Entry::with("", &[("namingContexts", b"cn=config"), ("namingContexts", b"dc=example,dc=org")]);
        let profile = Profile::settle(&settings(), &root).unwrap();
        assert_eq!((profile.kind(), profile.base_dn.as_str()), (DirectoryKind::Ldap, "dc=example,dc=org"));
        assert!(Profile::settle(&settings(), &Entry::default()).unwrap_err().contains("set base_dn"));
    }

    #[test]
    fn what_a_server_can_do_with_passwords_stands_in_its_root() {
        let base = ("namingContexts", &b"dc=example,dc=org"[..]);
        let root = Entry::with("", &[base, ("supportedExtension", PASSWORD_MODIFY.as_bytes())]);
        let profile = Profile::settle(&settings(), &root).unwrap();
        assert_eq!(profile.passwords, Abilities { policy_control: false, modify_operation: true });
        let root = Entry::with("", &[base, ("supportedControl", PASSWORD_POLICY.as_bytes())]);
        let profile = Profile::settle(&settings(), &root).unwrap();
        assert_eq!(profile.passwords, Abilities { policy_control: true, modify_operation: false });
    }
}
