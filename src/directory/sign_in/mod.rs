//! A sign-in: one person found, one bind with their password, one typed answer.
//!
//! `attempt` goes the way of a sign-in, `find_person` finds the one person, `lockout` says how near their account is to being
//! locked, `leave` is the last word of whoever asked for the sign-in, `one_bind` sends the password once, `refusal` judges the result and
//! `policy_control` what stands beside it.
//!
//! A password is never sent without leave, never twice, and never to a second server.

mod attempt;
mod find_person;
mod leave;
mod lockout;
mod one_bind;
mod policy_control;
mod refusal;

pub use leave::{Candidate, Leave, Lockout};

pub(super) use find_person::{ask_for_an_account, own_token};
pub(super) use one_bind::OneBind;
pub(super) use policy_control::{PolicyAnswer, PolicyError};
pub(super) use refusal::judge_bind;
