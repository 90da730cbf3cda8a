use ldap3::exop::PasswordModify;
use ldap3::{LdapResult, Mod};

use super::LdapConnection;
use crate::directory::connection::fault::{OperationFault, OperationKind};
use crate::domain::Password;

/// Operations that change something. They are sent once; a caller that hears nothing does not know whether it was done,
/// and must not send it again.
impl LdapConnection {
    /// A modify operation (RFC 4511, 4.6). The result is the caller's to judge.
    pub(in crate::directory) async fn modify(
        &mut self,
        operation: OperationKind,
        dn: &str,
        changes: Vec<Mod<&[u8]>>,
    ) -> Result<LdapResult, OperationFault> {
        self.run(operation, None, async |ldap| ldap.modify(dn, changes).await).await
    }

    /// Changes the password of whoever is bound (RFC 3062, 2), with the control of this OID, if any. The result is the
    /// caller's to judge.
    pub(in crate::directory) async fn modify_password(
        &mut self,
        operation: OperationKind,
        old: &Password,
        new: &Password,
        control: Option<&str>,
    ) -> Result<LdapResult, OperationFault> {
        let change = PasswordModify { user_id: None, old_pass: Some(old.expose()), new_pass: Some(new.expose()) };
        self.run(operation, control, async |ldap| Ok(ldap.extended(change).await?.1)).await
    }
}
