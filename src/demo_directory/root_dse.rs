//! The RootDSE: the entry without a name that says what this directory is and can do (RFC 4512 5.1, MS-ADTS 3.1.1.3.2).
//! Anybody may read it.
//!
//! `supportedSASLMechanisms` is absent, because no mechanism is offered.

use super::realm::DemoRealm;
use super::time::to_generalized_time;

/// The capabilities of Active Directory as of Windows Server 2003, 2008 and 2008 R2 (MS-ADTS 3.1.1.3.4.3).
const CAPABILITIES: [&str; 4] =
    ["1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670", "1.2.840.113556.1.4.1935", "1.2.840.113556.1.4.2080"];

/// Paged results (RFC 2696).
pub(super) const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
/// The control that asks for no continuation references (MS-ADTS 3.1.1.3.4.1, `LDAP_SERVER_DOMAIN_SCOPE_OID`).
pub(super) const DOMAIN_SCOPE: &str = "1.2.840.113556.1.4.1339";
/// "Who am I?" (RFC 4532).
pub(super) const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";

/// The functional level: Windows Server 2016 (MS-ADTS 6.1.4).
const FUNCTIONAL_LEVEL: &str = "7";

/// The RootDSE's attributes, as they are now.
pub(super) fn attributes(realm: &DemoRealm) -> Vec<(&'static str, Vec<String>)> {
    let domain = realm.tree.domain.to_string();
    let configuration = realm.tree.configuration.to_string();
    let schema = realm.tree.schema.to_string();
    let dns = &realm.dns_domain;
    let host = "dc1";
    vec![
        ("currentTime", vec![to_generalized_time(realm.clock.now())]),
        ("namingContexts", vec![domain.clone(), configuration.clone()]),
        ("defaultNamingContext", vec![domain.clone()]),
        ("rootDomainNamingContext", vec![domain]),
        ("configurationNamingContext", vec![configuration]),
        ("schemaNamingContext", vec![schema]),
        ("supportedControl", vec![PAGED_RESULTS.to_owned(), DOMAIN_SCOPE.to_owned()]),
        ("supportedExtension", vec![WHO_AM_I.to_owned()]),
        ("supportedLDAPVersion", vec!["3".to_owned()]),
        ("supportedCapabilities", CAPABILITIES.map(str::to_owned).to_vec()),
        ("dnsHostName", vec![format!("{host}.{dns}")]),
        ("ldapServiceName", vec![format!("{dns}:{host}$@{}", dns.to_uppercase())]),
        ("isSynchronized", vec!["TRUE".to_owned()]),
        ("domainFunctionality", vec![FUNCTIONAL_LEVEL.to_owned()]),
        ("forestFunctionality", vec![FUNCTIONAL_LEVEL.to_owned()]),
    ]
}
