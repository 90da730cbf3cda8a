//! The demo's directory: a small embedded LDAP server with sample people, for `belvedere demo` and for tests.
//!
//! It speaks real LDAPv3 on a loopback port of its own and behaves as an Active Directory domain controller does
//! wherever a client can tell: names, binds and their sub-codes, nested groups, lock-out, constructed attributes. The
//! program reaches it only through the ordinary LDAP client, so a demo runs the very path a company will use.
//!
//! It never listens anywhere but on loopback, never writes (every change is refused), never offers TLS or SASL, and
//! keeps nothing: a restart brings back the same people with the same ids.
//!
//! The story: [`SampleDomain`] says who there is, the tree is built from it once, `server` accepts connections,
//! `connection` answers one of them, `codec` turns bytes into requests, `bind` checks passwords, `search` finds
//! entries.

mod accounts;
mod bind;
mod codec;
mod connection;
mod filter;
mod ids;
mod realm;
mod results;
mod root_dse;
mod sample;
mod sample_people;
mod schema;
mod search;
mod server;
mod time;
mod tree;

#[cfg(test)]
mod tests;

pub use sample::{SampleAccountState, SampleDomain, SampleGroup, SampleLockoutPolicy, SamplePerson};
pub use server::{DemoDirectory, SampleAccount};
