use ldap3::exop::PasswordModify;
use ldap3::{LdapResult, Mod};

use super::Connection;
use crate::directory::connection::fault::{Fault, Operation};
use crate::domain::Password;

/// What changes something. It is sent once; a caller that hears nothing does not know what came of it, and must not
/// send it again.
impl Connection {
    /// One modify (RFC 4511, 4.6). The result is the caller's to judge.
    pub(in crate::directory) async fn modify(
        &mut self,
        operation: Operation,
        dn: &str,
        changes: Vec<Mod<&[u8]>>,
    ) -> Result<LdapResult, Fault> {
        self.ask(operation, None, async |ldap| ldap.modify(dn, changes).await).await
    }

    /// Changes the password of whoever is bound (RFC 3062, 2), with the control of this OID, if any. The result is the caller's to judge.
    pub(in crate::directory) async fn modify_password(
        &mut self,
        operation: Operation,
        old: &Password,
        new: &Password,
        control: Option<&str>,
    ) -> Result<LdapResult, Fault> {
        let change = PasswordModify { user_id: None, old_pass: Some(old.expose()), new_pass: Some(new.expose()) };
        self.ask(operation, control, async |ldap| Ok(ldap.extended(change).await?.1)).await
    }
}
