use std::net::IpAddr;

use super::fields::AuditFields;
use super::retention::RetentionClass;
use crate::domain::Network;

/// The holder of an event's place in the audit: no holder's events displace another's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventHolder {
    /// The class.
    pub class: RetentionClass,
    /// The person's id, or the widest network that the client's address is counted by; empty for the program itself.
    pub name: String,
}

impl EventHolder {
    pub(super) fn of(fields: &AuditFields, address: Option<IpAddr>) -> Self {
        let network = || address.map(|_| Network::widest_of(address).to_string());
        Self { class: fields.class, name: fields.person.clone().or_else(network).unwrap_or_default() }
    }
}
