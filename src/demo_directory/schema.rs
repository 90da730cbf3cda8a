//! The attributes this directory knows, and the syntaxes by which their values are compared (MS-ADTS 3.1.1.2.2.4).

/// The syntax of an attribute: how its values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttributeSyntax {
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
const ATTRIBUTES: &[(&str, AttributeSyntax)] = &[
    ("accountExpires", AttributeSyntax::Integer),
    ("badPasswordTime", AttributeSyntax::Integer),
    ("badPwdCount", AttributeSyntax::Integer),
    ("cn", AttributeSyntax::Text),
    ("configurationNamingContext", AttributeSyntax::Name),
    ("currentTime", AttributeSyntax::Text),
    ("dc", AttributeSyntax::Text),
    ("defaultNamingContext", AttributeSyntax::Name),
    ("department", AttributeSyntax::Text),
    ("description", AttributeSyntax::Text),
    ("displayName", AttributeSyntax::Text),
    ("distinguishedName", AttributeSyntax::Name),
    ("dnsHostName", AttributeSyntax::Text),
    ("dnsRoot", AttributeSyntax::Text),
    ("domainFunctionality", AttributeSyntax::Integer),
    ("forestFunctionality", AttributeSyntax::Integer),
    ("givenName", AttributeSyntax::Text),
    ("groupType", AttributeSyntax::Integer),
    ("isSynchronized", AttributeSyntax::Text),
    ("ldapServiceName", AttributeSyntax::Text),
    ("lockoutDuration", AttributeSyntax::Integer),
    ("lockOutObservationWindow", AttributeSyntax::Integer),
    ("lockoutThreshold", AttributeSyntax::Integer),
    ("lockoutTime", AttributeSyntax::Integer),
    ("mail", AttributeSyntax::Text),
    ("maxPwdAge", AttributeSyntax::Integer),
    ("member", AttributeSyntax::Name),
    ("memberOf", AttributeSyntax::Name),
    ("minPwdAge", AttributeSyntax::Integer),
    ("minPwdLength", AttributeSyntax::Integer),
    ("msDS-PrincipalName", AttributeSyntax::Constructed),
    ("msDS-User-Account-Control-Computed", AttributeSyntax::Constructed),
    ("msDS-UserPasswordExpiryTimeComputed", AttributeSyntax::Constructed),
    ("name", AttributeSyntax::Text),
    ("namingContexts", AttributeSyntax::Name),
    ("nCName", AttributeSyntax::Name),
    ("nETBIOSName", AttributeSyntax::Text),
    ("objectCategory", AttributeSyntax::Category),
    ("objectClass", AttributeSyntax::Text),
    ("objectGUID", AttributeSyntax::Guid),
    ("objectSid", AttributeSyntax::Sid),
    ("ou", AttributeSyntax::Text),
    ("primaryGroupID", AttributeSyntax::Integer),
    ("primaryGroupToken", AttributeSyntax::Constructed),
    ("pwdHistoryLength", AttributeSyntax::Integer),
    ("pwdLastSet", AttributeSyntax::Integer),
    ("pwdProperties", AttributeSyntax::Integer),
    ("rootDomainNamingContext", AttributeSyntax::Name),
    ("sAMAccountName", AttributeSyntax::Text),
    ("sAMAccountType", AttributeSyntax::Integer),
    ("schemaNamingContext", AttributeSyntax::Name),
    ("serverName", AttributeSyntax::Name),
    ("sn", AttributeSyntax::Text),
    ("supportedCapabilities", AttributeSyntax::Text),
    ("supportedControl", AttributeSyntax::Text),
    ("supportedExtension", AttributeSyntax::Text),
    ("supportedLDAPVersion", AttributeSyntax::Integer),
    ("systemFlags", AttributeSyntax::Integer),
    ("title", AttributeSyntax::Text),
    ("tokenGroups", AttributeSyntax::Constructed),
    ("userAccountControl", AttributeSyntax::Integer),
    ("userPrincipalName", AttributeSyntax::Text),
    ("whenCreated", AttributeSyntax::Text),
    // Nobody here has these; being known, they are false in a filter and not undefined.
    ("isDeleted", AttributeSyntax::Text),
    ("manager", AttributeSyntax::Name),
    ("proxyAddresses", AttributeSyntax::Text),
    ("servicePrincipalName", AttributeSyntax::Text),
    ("telephoneNumber", AttributeSyntax::Text),
    ("uid", AttributeSyntax::Text),
    ("wWWHomePage", AttributeSyntax::Text),
];

/// The attribute of this name, however it is capitalised: its proper spelling and its syntax.
pub(super) fn attribute(name: &str) -> Option<(&'static str, AttributeSyntax)> {
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
        assert_eq!(attribute("SAMACCOUNTNAME"), Some(("sAMAccountName", AttributeSyntax::Text)));
        assert_eq!(attribute("favouriteDrink"), None);
    }
}
