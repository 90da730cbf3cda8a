//! A sign-in: one person found, one bind with their password, one typed answer.
//!
//! `attempt` runs a sign-in, `find_person` finds the one person, `lockout` says how near their account is to being
//! locked and `failure_budget` how many tries that leaves, `bind_gate` asks the caller's permission, `single_use_password` sends the password once, `bind_result`
//! judges the result and `policy_control` the control beside it.
//!
//! A password is never sent without the gate's permission, never twice, and never to a second server.

mod attempt;
mod bind_gate;
mod bind_result;
mod failure_budget;
mod find_person;
mod lockout;
mod policy_control;
mod single_use_password;

pub use bind_gate::{BindCandidate, BindGate, LockoutInfo};
pub use failure_budget::FailureBudget;
pub use lockout::CLOCK_TOLERANCE;

pub(super) use bind_result::judge_bind;
pub(super) use find_person::{advise_service_account, read_own_token};
pub(super) use lockout::{has_settings_objects, parse_domain_policy};
pub(super) use policy_control::{PasswordPolicyError, PasswordPolicyResponse};
pub(super) use single_use_password::SingleUsePassword;
