//! The few attributes this directory knows, and how their values are compared (MS-ADTS 3.1.1.2.2.4).

/// How values of an attribute are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// Without regard to case.
    Text,
    /// As distinguished names, by meaning.
    Name,
    /// As the name of a class in the schema: a DN, or the short name that stands for one.
    Category,
    /// As numbers.
    Integer,
    /// Byte by byte; a SID may be written as `S-1-…`.
    Sid,
    /// Byte by byte; a GUID may be written with dashes.
    Guid,
    /// Computed when asked for by name, and not searchable.
    Constructed,
}

/// Every attribute, with its syntax, in the spelling Active Directory answers with.
const ATTRIBUTES: &[(&str, Syntax)] = &[
    ("accountExpires", Syntax::Integer),
    ("badPasswordTime", Syntax::Integer),
    ("badPwdCount", Syntax::Integer),
    ("cn", Syntax::Text),
    ("configurationNamingContext", Syntax::Name),
    ("currentTime", Syntax::Text),
    ("dc", Syntax::Text),
    ("defaultNamingContext", Syntax::Name),
    ("department", Syntax::Text),
    ("description", Syntax::Text),
    ("displayName", Syntax::Text),
    ("distinguishedName", Syntax::Name),
    ("dnsHostName", Syntax::Text),
    ("dnsRoot", Syntax::Text),
    ("domainFunctionality", Syntax::Integer),
    ("forestFunctionality", Syntax::Integer),
    ("givenName", Syntax::Text),
    ("groupType", Syntax::Integer),
    ("isSynchronized", Syntax::Text),
    ("ldapServiceName", Syntax::Text),
    ("lockoutDuration", Syntax::Integer),
    ("lockOutObservationWindow", Syntax::Integer),
    ("lockoutThreshold", Syntax::Integer),
    ("lockoutTime", Syntax::Integer),
    ("mail", Syntax::Text),
    ("maxPwdAge", Syntax::Integer),
    ("member", Syntax::Name),
    ("memberOf", Syntax::Name),
    ("minPwdAge", Syntax::Integer),
    ("minPwdLength", Syntax::Integer),
    ("msDS-PrincipalName", Syntax::Constructed),
    ("msDS-User-Account-Control-Computed", Syntax::Constructed),
    ("msDS-UserPasswordExpiryTimeComputed", Syntax::Constructed),
    ("name", Syntax::Text),
    ("namingContexts", Syntax::Name),
    ("nCName", Syntax::Name),
    ("nETBIOSName", Syntax::Text),
    ("objectCategory", Syntax::Category),
    ("objectClass", Syntax::Text),
    ("objectGUID", Syntax::Guid),
    ("objectSid", Syntax::Sid),
    ("ou", Syntax::Text),
    ("primaryGroupID", Syntax::Integer),
    ("primaryGroupToken", Syntax::Constructed),
    ("pwdHistoryLength", Syntax::Integer),
    ("pwdLastSet", Syntax::Integer),
    ("pwdProperties", Syntax::Integer),
    ("rootDomainNamingContext", Syntax::Name),
    ("sAMAccountName", Syntax::Text),
    ("sAMAccountType", Syntax::Integer),
    ("schemaNamingContext", Syntax::Name),
    ("serverName", Syntax::Name),
    ("sn", Syntax::Text),
    ("supportedCapabilities", Syntax::Text),
    ("supportedControl", Syntax::Text),
    ("supportedExtension", Syntax::Text),
    ("supportedLDAPVersion", Syntax::Integer),
    ("systemFlags", Syntax::Integer),
    ("title", Syntax::Text),
    ("tokenGroups", Syntax::Constructed),
    ("userAccountControl", Syntax::Integer),
    ("userPrincipalName", Syntax::Text),
    ("whenCreated", Syntax::Text),
    // Nobody here has these; being known, they are false in a filter and not undefined.
    ("isDeleted", Syntax::Text),
    ("manager", Syntax::Name),
    ("proxyAddresses", Syntax::Text),
    ("servicePrincipalName", Syntax::Text),
    ("telephoneNumber", Syntax::Text),
    ("uid", Syntax::Text),
    ("wWWHomePage", Syntax::Text),
];

/// The attribute of this name, however it is capitalised: its proper spelling and its syntax.
pub(super) fn attribute(name: &str) -> Option<(&'static str, Syntax)> {
    ATTRIBUTES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).copied()
}

/// The `cn` in the schema of the category that a class is in: `(objectCategory=user)` means `CN=Person,…`
/// (MS-ADTS 3.1.1.3.1.3.5).
pub(super) fn category_of(class: &str) -> Option<&'static str> {
    const CATEGORIES: &[(&str, &str)] = &[
        ("person", "Person"),
        ("user", "Person"),
        ("group", "Group"),
        ("organizationalUnit", "Organizational-Unit"),
        ("container", "Container"),
        ("domain", "Domain-DNS"),
        ("domainDNS", "Domain-DNS"),
        ("builtinDomain", "Builtin-Domain"),
        ("configuration", "Configuration"),
        ("crossRef", "Cross-Ref"),
        ("crossRefContainer", "Cross-Ref-Container"),
        ("dMD", "DMD"),
    ];
    CATEGORIES.iter().find(|(known, _)| known.eq_ignore_ascii_case(class)).map(|(_, category)| *category)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_known_however_it_is_capitalised() {
        assert_eq!(attribute("SAMACCOUNTNAME"), Some(("sAMAccountName", Syntax::Text)));
        assert_eq!(attribute("favouriteDrink"), None);
    }
}
