//! Pure types, and the clock.
//!
//! The types that several rooms share are here: names, people, access, readings. Nothing in this room reads a file,
//! opens a socket or knows of HTTP or LDAP.

mod access;
mod access_reason;
mod client;
mod clock;
mod credential;
mod dn;
mod end_reason;
mod fingerprint;
mod health_state;
mod history;
mod holder;
mod input;
mod names;
mod network;
mod password;
mod person;
mod person_epoch;
mod principal_name;
mod query;
mod reading;
mod realm;
mod references;
mod revalidation;
mod same_name;
mod scope;
mod series;
mod text_template;
mod timestamp;
mod trusted_proxies;
mod username;
mod visitor;

pub use access::{Access, AccessDecision, Audience};
pub use access_reason::AccessReason;
pub use client::Client;
pub use clock::{Clock, ManualClock, SystemClock, wait_until};
pub use credential::{Credential, RootCredential, SessionId, TokenId};
pub use dn::{Dn, InvalidDn};
pub use end_reason::EndReason;
pub use fingerprint::Fingerprint;
pub use health_state::{HealthState, Threshold};
pub use history::{History, HistoryCursor, HistoryLine, HistoryPoints, HistoryWindow, MAX_LINES, UnrecordableReading};
pub use holder::Holder;
pub use input::{Input, InputKind, InputOption};
pub use names::{DirectoryName, InputName, InvalidName, PageSlug, PanelId, SourceName};
pub use network::{Network, NetworkCounts};
pub use password::{InvalidPassword, Password};
pub use person::{Group, GroupId, Groups, Person, PersonId};
pub use person_epoch::PersonEpoch;
pub use principal_name::{InvalidPrincipalName, PrincipalName};
pub use query::{BoundQuery, InputValues};
pub use reading::{DataTable, LabelledNumber, LabelledState, Reading, TableCell, TableColumn};
pub use realm::Realm;
pub use references::{GroupKey, GroupRef, InvalidReference, UserRef};
pub use revalidation::Revalidation;
pub use same_name::is_same_name;
pub use scope::{InvalidScope, PageScope, PushScope, Scope, TokenScope};
pub use series::{InvalidSeries, Series, SeriesLine, TimeRange};
pub use text_template::{Bindings, Placeholder, TemplateError, TextTemplate};
pub use timestamp::Timestamp;
pub use trusted_proxies::TrustedProxies;
pub use username::{InvalidUsername, NameForm, Username};
pub use visitor::{Member, Visitor};
