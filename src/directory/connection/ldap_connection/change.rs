use ldap3::LdapResult;

use super::Connection;
use crate::directory::connection::fault::{Fault, Operation};
use crate::directory::connection::protocol::{Change, Request, tag};
use crate::domain::Password;

/// What changes something. It is sent once; a caller that hears nothing does not know what came of it, and must not
/// send it again.
impl Connection {
    /// One modify (RFC 4511, 4.6). The result is the caller's to judge.
    pub(in crate::directory) async fn modify(
        &mut self,
        operation: Operation,
        dn: &str,
        changes: &[Change<'_>],
    ) -> Result<LdapResult, Fault> {
        self.ask(operation, &Request::Modify { dn, changes }, None, tag::MODIFIED).await
    }

    /// Changes the password of whoever is bound (RFC 3062, 2), with the control of this OID, if any. The result is the caller's to judge.
    pub(in crate::directory) async fn modify_password(
        &mut self,
        operation: Operation,
        old: &Password,
        new: &Password,
        control: Option<&str>,
    ) -> Result<LdapResult, Fault> {
        self.ask(operation, &Request::ModifyPassword { old, new }, control, tag::EXTENDED).await
    }
}
