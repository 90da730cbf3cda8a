//! Diagnostics of a directory: every step from its name to what one person may see, each with what was found, or with
//! the reason and the remedy.
//!
//! A diagnosis dials connections of its own and counts against no pool. Each step has a deadline, and so has the whole.
//! It shows a certificate that nobody trusts by a handshake over which nothing else is ever said (`handshake`);
//! whatever is asked after that goes over a connection whose certificate was verified as ever. It never writes, and
//! sends a password only to bind as the service account or, once, as the person who gave it.

mod account_state;
mod as_person;
mod certificate;
mod group_step;
mod handshake;
mod lockout_policy;
mod network;
mod person;
mod person_report;
mod quick_check;
mod report;
mod request;
mod root_dse;
mod run;
mod server;
mod server_status;
mod service;
mod settings_table;

pub use account_state::SignInBlocker;
pub use person::PersonLookup;
pub use person_report::PersonReport;
pub use report::{DiagnosticStep, DirectoryFacts, DirectoryReport, ReportSection, StepVerdict, UntrustedCa};
pub use request::DiagnosticsRequest;
pub use server_status::ServerStatus;
pub use settings_table::SettingsTable;

pub(super) use group_step::group_step;
pub(super) use run::Diagnosis;
