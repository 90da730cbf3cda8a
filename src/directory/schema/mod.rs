//! Values as LDAP directories write them: entries, SIDs, GUIDs, times, filters.
//!
//! Everything here is pure: it reads what a server sent and writes what a server is sent, asks nobody, and takes
//! nothing from a server on trust.

mod ber;
mod entry;
pub(super) mod filter;
mod guid;
pub(super) mod logon_hours;
mod sid;
pub(super) mod time;

pub(super) use ber::unsigned;
pub(super) use entry::LdapEntry;
pub(super) use guid::{guid_bytes, guid_text};
pub(super) use sid::Sid;
