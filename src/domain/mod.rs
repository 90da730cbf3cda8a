//! Pure types, and the clock.
//!
//! What two rooms share sinks to here: names, people, access, readings. Nothing in this room reads a file, opens
//! a socket or knows of HTTP or LDAP.

mod access;
mod binding;
mod client;
mod clock;
mod dn;
mod end_reason;
mod fingerprint;
mod names;
mod password;
mod person;
mod proof;
mod query;
mod reading;
mod right;
mod scope;
mod state;
mod timestamp;
mod trusted_proxies;
mod upkeep;
mod username;
mod visitor;

pub use access::{Access, Audience, GroupRef, UserRef, Verdict};
pub use binding::{Bindings, Pattern, PatternError, Slot};
pub use client::{Client, network_of};
pub use clock::{Clock, ManualClock, SystemClock, reached};
pub use dn::{Dn, InvalidDn};
pub use end_reason::EndReason;
pub use fingerprint::Fingerprint;
pub use names::{DirectoryName, InputName, InvalidName, PageSlug, PanelId, SourceName};
pub use password::{InvalidPassword, Password};
pub use person::{Group, GroupId, Groups, Person, PersonId};
pub use proof::{MadeFrom, Proof, SessionId, TokenId};
pub use query::{BoundQuery, InputValues};
pub use reading::{Cell, Column, Labelled, Reading, StateOf, Table};
pub use right::Right;
pub use scope::{Granted, InvalidScope, Pages, Pushes, Scope};
pub use state::{State, Threshold};
pub use timestamp::Timestamp;
pub use trusted_proxies::TrustedProxies;
pub use upkeep::Upkeep;
pub use username::{InvalidUsername, NameForm, Username};
pub use visitor::{Member, Visitor};
