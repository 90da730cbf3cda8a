use ldap3::controls::RawControl;
use ldap3::exop::Exop;
use ldap3::{LdapError, LdapResult, Mod};

use super::Connection;
use crate::directory::fault::{Fault, Operation};

/// What changes something. It is sent once; a caller that hears nothing does not know what came of it, and must not
/// send it again.
impl Connection {
    /// Gives the next operation this control, without a value. It is not critical: a server that does not know it goes
    /// on without (RFC 4511, 4.1.11).
    pub(in crate::directory) fn with_control(&mut self, oid: &str) {
        self.ldap.with_controls(vec![RawControl { ctype: oid.to_owned(), crit: false, val: None }]);
    }

    /// One modify (RFC 4511, 4.6). The result is the caller's to judge.
    pub(in crate::directory) async fn modify(
        &mut self,
        operation: Operation,
        dn: &str,
        changes: Vec<Mod<&[u8]>>,
    ) -> Result<LdapResult, Fault> {
        let wait = self.begin();
        let answer = wait.for_answer(self.ldap.modify(dn, changes)).await;
        self.end(operation, &wait, answer).await
    }

    /// One extended operation (RFC 4511, 4.12), of which only the result counts. It is the caller's to judge.
    pub(in crate::directory) async fn extended(
        &mut self,
        operation: Operation,
        request: Exop,
    ) -> Result<LdapResult, Fault> {
        let wait = self.begin();
        let answer = wait.for_answer(async { Ok::<_, LdapError>(self.ldap.extended(request).await?.1) }).await;
        self.end(operation, &wait, answer).await
    }
}
