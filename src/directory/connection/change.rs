use ldap3::LdapResult;

use super::Connection;
use crate::directory::fault::{Fault, Operation};
use crate::directory::protocol::{Change, Request, tag};
use crate::domain::Password;

/// What changes something. It is sent once; a caller that hears nothing does not know what came of it, and must not
/// send it again.
impl Connection {
    /// Gives the next operation this control, without a value. It is not critical: a server that does not know it goes
    /// on without (RFC 4511, 4.1.11).
    pub(in crate::directory) fn with_control(&mut self, oid: &'static str) {
        self.control = Some(oid);
    }

    /// One modify (RFC 4511, 4.6). The result is the caller's to judge.
    pub(in crate::directory) async fn modify(
        &mut self,
        operation: Operation,
        dn: &str,
        changes: &[Change<'_>],
    ) -> Result<LdapResult, Fault> {
        self.ask(operation, &Request::Modify { dn, changes }, tag::MODIFIED).await
    }

    /// Changes the password of whoever is bound (RFC 3062, 2). The result is the caller's to judge.
    pub(in crate::directory) async fn modify_password(
        &mut self,
        operation: Operation,
        old: &Password,
        new: &Password,
    ) -> Result<LdapResult, Fault> {
        self.ask(operation, &Request::ModifyPassword { old, new }, tag::EXTENDED).await
    }
}
