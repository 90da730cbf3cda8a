//! Changing one's own password.
//!
//! The old password is sent once, if the gate allows it, as at a sign-in: a wrong one counts against the directory's
//! lockout all the same. Nobody's password is ever reset here. Active Directory has the change made by a modify of
//! `unicodePwd` (`active_directory`), other servers by an operation of its own (`password_modify`, RFC 3062). `change`
//! goes from server to server until the password has been sent, and never after.

mod active_directory;
mod change;
mod diagnostic_message;
mod password_change;
mod password_modify;
mod refusal;

pub use password_change::{PasswordChange, PasswordState};
pub use refusal::{ChangeRefusal, PasswordRule};
